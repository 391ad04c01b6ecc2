"""``instances.yaml``: accelerators, and the instance types that carry them."""

from __future__ import annotations

from decimal import Decimal

from reconciler.catalog.files import Sourced, Sources
from reconciler.domain.base import Value
from reconciler.domain.catalog import Accelerator, InstanceType

_MIB = 1024**2
_GB = 1000**3


class AcceleratorRow(Sourced):
    vendor: str
    architecture: str
    compute_capability: str | None = None
    memory_gb: Decimal | None
    memory_mib: int | None
    bf16: bool | None
    flash_attention_2: bool | None
    dense_bf16_tflops: Decimal | None
    dense_fp16_tflops: Decimal | None = None
    memory_bandwidth_gb_s: Decimal | None
    interconnect: str
    unverified: tuple[str, ...] = ()


class InstanceRow(Sourced):
    accelerator: str | None
    accelerators: int
    vcpus: int | None
    memory_gib: Decimal | None
    nvme_gb: int | None
    network_gbps: Decimal | None
    training: bool
    hosting: bool


class InstancesFile(Value):
    accelerators: dict[str, AcceleratorRow]
    instances: dict[str, InstanceRow]


def instance_types(file: InstancesFile, sources: Sources) -> tuple[InstanceType, ...]:
    accelerators = {name: _accelerator(name, row, sources) for name, row in file.accelerators.items()}
    cited = {"source", "verified", "note", "accelerator"}
    return tuple(
        InstanceType(
            name=name,
            accelerator=accelerators[row.accelerator] if row.accelerator else None,
            source=row.cite(sources),
            **row.model_dump(exclude=cited, by_alias=False),
        )
        for name, row in file.instances.items()
    )


def _accelerator(name: str, row: AcceleratorRow, sources: Sources) -> Accelerator:
    doubt = f"not verified: {', '.join(row.unverified)}" if row.unverified else ""
    note = "; ".join(part for part in (row.note, doubt) if part)
    return Accelerator(
        name=name,
        vendor=row.vendor,
        architecture=row.architecture,
        memory_gb=_size(name, row),
        memory_mib=row.memory_mib,
        bf16=row.bf16,
        flash_attention_2=row.flash_attention_2,
        dense_bf16_tflops=row.dense_bf16_tflops,
        dense_fp16_tflops=row.dense_fp16_tflops,
        memory_bandwidth_gb_s=row.memory_bandwidth_gb_s,
        interconnect=row.interconnect,
        source=sources.cite(row.source, verified=not row.unverified, note=note),
    )


def _size(name: str, row: AcceleratorRow) -> Decimal:
    """The marketing size; where none was found, EC2's figure in gigabytes."""
    if row.memory_gb is not None:
        return row.memory_gb
    if row.memory_mib is None:
        raise ValueError(f"instances.yaml: {name} has no memory size")
    return Decimal(row.memory_mib * _MIB // _GB)
