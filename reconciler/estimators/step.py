"""How long one training step takes on one GPU of several: a roofline.

Each term of :mod:`reconciler.estimators.work` is divided by what the GPU sustains of it: matrix products by a share of the peak,
attention by a smaller one, everything else by a share of the memory's bandwidth. Starting kernels bounds small steps, and moving
weights between GPUs those that computation does not hide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.estimators.gpu import Gpu, GpuClass
from reconciler.estimators.setup import Dtype, Sharding, TrainingSetup
from reconciler.estimators.work import forward_flops, matmul_flops, optimizer_bytes, weight_bytes, work

_TERA, _GIGA = 1e12, 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What software gets of the hardware."""

    matmul: Mapping[GpuClass, float]
    """Share of the dense peak that matrix products of great size reach."""
    attention: Mapping[GpuClass, float]
    """The same of attention kernels."""
    width: float
    """Hidden size at which matrix products reach half of that: tiles are left over at the edges of small matrices."""
    memory: float
    """Share of the memory's bandwidth that kernels reach which only move data."""
    kernel_seconds: float
    """To start one kernel from PyTorch."""
    collective_seconds: float
    """That one collective takes beside its bytes, and that nothing hides."""
    nf4_bytes: float
    gptq_bytes: float
    """Read and written for each weight made whole."""
    nvlink: float
    network: float
    """Shares of the link's rate that collectives of a training reach."""
    pcie_gb_s: float
    exposed: float
    """Share of the shorter of computation and communication that the other does not hide."""


RATES = Rates(
    matmul={
        GpuClass.A100: 0.796,
        GpuClass.HOPPER: 0.659,
        GpuClass.BLACKWELL: 0.60,
        GpuClass.CARD: 0.97,
        GpuClass.FULL_RATE_CARD: 0.605,
        GpuClass.LOW_POWER: 0.45,
    },
    attention={
        GpuClass.A100: 0.589,
        GpuClass.HOPPER: 0.337,
        GpuClass.BLACKWELL: 0.25,
        GpuClass.CARD: 0.60,
        GpuClass.FULL_RATE_CARD: 0.35,
        GpuClass.LOW_POWER: 0.35,
    },
    width=300.0,
    memory=0.835,
    kernel_seconds=16.3e-6,
    collective_seconds=0.1e-3,
    nf4_bytes=8.25,
    gptq_bytes=18.5,
    nvlink=0.458,
    network=0.505,
    pcie_gb_s=8.3,
    exposed=0.499,
)
"""What ``python -m benchmarks.calibration`` finds on the complete rows of ``benchmarks/throughput.csv``: Hugging Face Trainer and TRL,
llm-foundry, fsdp_qlora on A100, H100, RTX 4090 and two workstation cards. Blackwell and low-power cards are assumed: no published
fine-tuning runs on them were at hand."""

CALIBRATED = (GpuClass.A100, GpuClass.HOPPER)
"""Classes with tens of published runs behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """Seconds of one optimizer step: ``total``, and where they go. ``tokens``: read by one GPU in it, padding included."""

    tokens: int
    products: float
    attention: float
    memory: float
    dequantising: float
    starting: float
    """Of kernels: a bound, not a part of the sum."""
    moving: float
    """Between GPUs, if nothing hid it."""
    optimizer: float
    total: float

    @property
    def tokens_per_second(self) -> float:
        """Of one GPU."""
        return self.tokens / self.total


def step_time(setup: TrainingSetup, gpu: Gpu, rates: Rates = RATES) -> StepTime:
    asked, bandwidth = work(setup), gpu.bandwidth_gb_s * _GIGA
    peak = gpu.peak_tflops * _TERA * (0.5 if _in_fp32(setup) else 1.0)
    wide = setup.dims.hidden / (setup.dims.hidden + rates.width)
    products = asked.matmul_flops / (peak * rates.matmul[gpu.kind] * wide) + asked.weight_reads / bandwidth
    attention = asked.attention_flops / (peak * rates.attention[gpu.kind])
    memory = asked.traffic / (bandwidth * rates.memory)
    whole = asked.dequantised * (rates.gptq_bytes if setup.weights is Dtype.GPTQ4 else rates.nf4_bytes)
    dequantising = whole / (bandwidth * rates.memory)
    starting = asked.kernels * rates.kernel_seconds
    moving = _moved(setup) / (_link_gb_s(setup, gpu, rates) * _GIGA)
    computing = max(products + attention + memory + dequantising, starting)
    each = (
        max(computing, moving) + rates.exposed * min(computing, moving) + asked.collectives * rates.collective_seconds
    )
    optimizer = optimizer_bytes(setup) / (bandwidth * rates.memory) / (setup.gpus if setup.is_sharded else 1)
    times = setup.gradient_accumulation
    return StepTime(
        tokens=setup.tokens * times,
        products=products * times,
        attention=attention * times,
        memory=memory * times,
        dequantising=dequantising * times,
        starting=starting * times,
        moving=moving * times,
        optimizer=optimizer,
        total=each * times + optimizer,
    )


def _in_fp32(setup: TrainingSetup) -> bool:
    """TF32 at best."""
    return setup.weights is Dtype.FP32 and not setup.autocast and setup.compute is Dtype.FP32


def _link_gb_s(setup: TrainingSetup, gpu: Gpu, rates: Rates) -> float:
    """Within a machine its NVLink or PCIe; between machines no faster than the network, which the GPUs of a machine share for the
    one copy that all of them need."""
    inside = gpu.nvlink_gb_s * rates.nvlink or rates.pcie_gb_s
    return inside if setup.nodes == 1 else min(inside, gpu.network_gb_s * rates.network)


def _moved(setup: TrainingSetup) -> float:
    """Bytes into one GPU for one pass: weights gathered forward and backward, gradients scattered; or gradients summed, twice their
    size in a ring, once a step (Rajbhandari et al. 2020, ZeRO, section 7)."""
    if setup.gpus == 1:
        return 0.0
    share, gradients = (setup.gpus - 1) / setup.gpus, setup.trained_parameters * 2.0
    if setup.is_sharded:
        gathers = 1 if setup.sharding is Sharding.FSDP_GRAD_OP else 2
        return share * (gathers * weight_bytes(setup) + gradients)
    return share * 2.0 * gradients / setup.gradient_accumulation


def forward_seconds(setup: TrainingSetup, gpu: Gpu, rates: Rates = RATES) -> float:
    """Of evaluating one batch: the share that one forward pass has in the step's matrix products, of all but the optimizer."""
    step = step_time(replace(setup, gradient_accumulation=1), gpu, rates)
    return (step.total - step.optimizer) * forward_flops(setup) / matmul_flops(setup)
