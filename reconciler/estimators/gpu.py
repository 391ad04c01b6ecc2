"""A GPU as time sees it: peak, bandwidth, and what links it to its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from reconciler.domain.catalog import Accelerator, Catalog, InstanceType


class GpuClass(StrEnum):
    """GPUs of which software gets a similar share."""

    A100 = "A100"
    HOPPER = "H100 and H200"
    BLACKWELL = "B200 and B300"
    CARD = "cards"
    """A10G and GeForce: half as many tensor cores work as their power could feed."""
    FULL_RATE_CARD = "full-rate cards"
    """V100, L40S, RTX PRO and other workstation cards: a peak that their power does not sustain."""
    LOW_POWER = "low-power cards"
    """T4 and L4: some 70 W, far from what their peak takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    name: str
    kind: GpuClass
    peak_tflops: float
    """Dense, BF16 or FP16."""
    bandwidth_gb_s: float
    nvlink_gb_s: float = 0.0
    """In one direction; 0: PCIe alone."""
    network_gb_s: float
    """Of one machine of eight such GPUs."""


_CLASSES = {
    "A100": GpuClass.A100,
    "H100": GpuClass.HOPPER,
    "H200": GpuClass.HOPPER,
    "B200": GpuClass.BLACKWELL,
    "B300": GpuClass.BLACKWELL,
    "V100": GpuClass.FULL_RATE_CARD,
    "L40S": GpuClass.FULL_RATE_CARD,
    "RTX": GpuClass.FULL_RATE_CARD,
    "L4": GpuClass.LOW_POWER,
    "T4": GpuClass.LOW_POWER,
}
"""By the first part of the catalog's name; all others are cards."""

_NVLINK_GB_S = {"A100": 300.0, "H100": 450.0, "H200": 450.0, "B200": 900.0, "B300": 900.0, "V100": 150.0}
"""In one direction, by NVIDIA's data sheets."""

_NETWORK_GB_S = {"A100": 200.0, "H100": 400.0, "H200": 400.0, "B200": 400.0, "B300": 800.0}
"""Of a machine outside AWS: InfiniBand, one adapter for each GPU (NVIDIA DGX A100, H100 and B200)."""
_ETHERNET_GB_S = 12.5
"""100 Gbit/s, where no cluster of such cards is sold."""


def _card(name: str, peak_tflops: float, bandwidth_gb_s: float, kind: GpuClass = GpuClass.CARD) -> Gpu:
    return Gpu(
        name=name,
        kind=kind,
        peak_tflops=peak_tflops,
        bandwidth_gb_s=bandwidth_gb_s,
        network_gb_s=_ETHERNET_GB_S,
    )


ELSEWHERE = {
    "RTX4090": _card("RTX4090", 165.2, 1008),
    "RTX3090": _card("RTX3090", 71, 936),
    "A5000": _card("A5000", 111.1, 768, GpuClass.FULL_RATE_CARD),
    "A6000": _card("A6000", 154.8, 768, GpuClass.FULL_RATE_CARD),
    "A40": _card("A40", 149.7, 696, GpuClass.FULL_RATE_CARD),
    "A6000ADA": _card("A6000Ada", 364.2, 960, GpuClass.FULL_RATE_CARD),
    "RTX6000ADA": _card("A6000Ada", 364.2, 960, GpuClass.FULL_RATE_CARD),
}
"""Cards that no instance type has: dense BF16 with FP32 sums, and bandwidth (NVIDIA's GA102 and Ada whitepapers and data sheets)."""


def gpu_of(accelerator: Accelerator) -> Gpu | None:
    """``None`` where peak or bandwidth are not known, or the chip runs no CUDA."""
    peak = accelerator.dense_bf16_tflops or accelerator.dense_fp16_tflops
    if accelerator.vendor != "NVIDIA" or not peak or not accelerator.memory_bandwidth_gb_s:
        return None
    family = accelerator.name.split("-")[0]
    return Gpu(
        name=accelerator.name,
        kind=_CLASSES.get(family, GpuClass.CARD),
        peak_tflops=float(peak),
        bandwidth_gb_s=float(accelerator.memory_bandwidth_gb_s),
        nvlink_gb_s=_NVLINK_GB_S.get(family, 0.0) if "NVLink" in accelerator.interconnect else 0.0,
        network_gb_s=_NETWORK_GB_S.get(family, _ETHERNET_GB_S),
    )


def gpu_in(instance: InstanceType) -> Gpu | None:
    """As AWS's machine links it: its own network between machines."""
    gpu = gpu_of(instance.accelerator) if instance.accelerator else None
    if gpu is None or instance.network_gbps is None:
        return gpu
    return replace(gpu, network_gb_s=float(instance.network_gbps) / 8)


def gpu_named(name: str, catalog: Catalog) -> Gpu | None:
    """By a name such as ``A100-80GB`` or ``RTX 4090``: as the catalog has it, else a card that is known from its data sheet.

    The size of the memory may be left out, or be given where the name says nothing of it.
    """
    wanted = _letters(name)
    accelerators = {
        item.accelerator.name: item.accelerator for item in catalog.instances if item.accelerator is not None
    }
    found = _closest(wanted, accelerators)
    if found is not None:
        return gpu_of(accelerators[found])
    card = _closest(wanted, ELSEWHERE)
    return ELSEWHERE[card] if card else None


def _closest(wanted: str, names: Iterable[str]) -> str | None:
    """The longest name that ``wanted`` begins with, if no more than a size follows; else one whose first part it is."""
    known = sorted(names, key=lambda name: (-len(name), name))
    begun = (name for name in known if re.fullmatch(re.escape(_letters(name)) + r"(\d{2,3}(GB)?)?", wanted))
    return next(begun, next((name for name in known if name.upper().split("-")[0] == wanted), None))


def _letters(name: str) -> str:
    """Without separators, the maker, the way a card is plugged in, and the unit."""
    return re.sub(r"NVIDIA|GEFORCE|TESLA|RTX[ -]?(?=A\d)|SXM\d?|PCIE|GB$|[^A-Z0-9]", "", name.upper())
