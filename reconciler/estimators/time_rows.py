"""Time and cost of one row of a table of measured runs, from its columns alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from reconciler.domain.catalog import Catalog
from reconciler.estimators.gpu import Gpu, gpu_named
from reconciler.estimators.rows import Row, UnusableRow, setup_of
from reconciler.estimators.setup import TrainingSetup
from reconciler.estimators.startup import startup_hours, transfer_hours
from reconciler.estimators.step import RATES, Rates, StepTime, step_time

EARLY_KERNEL = 0.55
"""Of FlashAttention-2's rate: its paper has it at 1.3 to 1.5 times the Triton kernel forward and about twice backward (Dao 2023)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTime:
    """``None``: cannot be told from the row; ``reason`` says why."""

    tokens_per_second: float | None = None
    """Of one GPU, padding included."""
    hours: float | None = None
    usd: float | None = None
    reason: str = ""


def predict(row: Row, catalog: Catalog, region: str = "us-east-1") -> RowTime:
    """Hours where the row tells how many tokens are trained on (``total_tokens``, or ``records`` and ``epochs``; else what its notes
    say of them), dollars where it names an instance type whose price is known in ``region``."""
    try:
        setup, gpu = timed_setup(row), gpu_of_row(row, catalog)
    except UnusableRow as unusable:
        return RowTime(reason=str(unusable))
    step = step_time(setup, gpu, rates_for(row))
    tokens = _total_tokens(row, setup)
    if tokens is None:
        return RowTime(
            tokens_per_second=step.tokens_per_second, reason="hours: the number of trained tokens is not given"
        )
    return _with_hours(row, setup, step, tokens, catalog, region)


def timed_setup(row: Row) -> TrainingSetup:
    """With what the notes tell of the loss, of compilation and of norms in FP32. Raises :exc:`UnusableRow`."""
    setup, notes = setup_of(_complete(row)), row.get("notes") or ""
    return (
        replace(setup, fp32_norms=True)
        if "prepare_model_for_kbit_training upcasts" in notes and setup.gpus == 1
        else setup
    )


def _complete(row: Row) -> dict[str, str]:
    """The row with ``loss_impl`` filled in from its notes (``loss=…``, ``compile``) where it has no such cell."""
    filled, notes = dict(row), row.get("notes") or ""
    if not (row.get("loss_impl") or "").strip():
        named = re.search(r"\bloss=(\w+)", notes)
        compiled = re.search(r"(?<!no )(?<!without )\bcompiled?\b(?!=False)", notes, re.IGNORECASE)
        filled["loss_impl"] = named[1] if named else "compiled" if compiled else ""
    return filled


def rates_for(row: Row, rates: Rates = RATES) -> Rates:
    """Runs with the first Triton kernel of FlashAttention compute attention more slowly."""
    if "triton" not in (row.get("attn") or ""):
        return rates
    return replace(rates, attention={kind: share * EARLY_KERNEL for kind, share in rates.attention.items()})


def gpu_of_row(row: Row, catalog: Catalog) -> Gpu:
    name = (row.get("gpu_model") or "").strip()
    instance = catalog.instance((row.get("instance") or "").strip())
    if not name and instance is not None and instance.accelerator is not None:
        name = instance.accelerator.name
    found = gpu_named(name, catalog) if name else None
    if found is None:
        raise UnusableRow(f"gpu_model {name!r}: no peak and bandwidth are known" if name else "gpu_model is not given")
    return found


def _with_hours(
    row: Row, setup: TrainingSetup, step: StepTime, tokens: float, catalog: Catalog, region: str
) -> RowTime:
    """A SageMaker job starts before it trains; a figure of another machine is of training alone."""
    name = (row.get("instance") or "").strip()
    instance = catalog.instance(name)
    hours = tokens / (step.tokens_per_second * setup.gpus * 3600)
    if instance is None:
        why = f"usd: {name} is not in the catalog" if name else "usd: no instance type is given"
        return RowTime(tokens_per_second=step.tokens_per_second, hours=hours, reason=why)
    weights_gb = Decimal(setup.dims.parameters * 2) / 10**9
    hours += float((startup_hours(weights_gb) + transfer_hours(weights_gb)).likely)
    price = catalog.training_price(instance.name, region).usd
    if price is None:
        return RowTime(
            tokens_per_second=step.tokens_per_second, hours=hours, reason=f"usd: no price of {name} in {region}"
        )
    machines = max(1, -(-setup.gpus // max(1, instance.accelerators)))
    return RowTime(tokens_per_second=step.tokens_per_second, hours=hours, usd=hours * machines * float(price))


def _total_tokens(row: Row, setup: TrainingSetup) -> float | None:
    notes = row.get("notes") or ""
    total = _number(row, "total_tokens") or _number(row, "tokens")
    if total is not None:
        return total
    records = _number(row, "records")
    if records is not None:
        return records * (_number(row, "epochs") or 1) * setup.sequence
    told = re.search(r"([\d.]+) ?M tokens", notes)
    if told:
        return float(told[1]) * 1e6
    samples = re.search(r"\b(\d+) samples\b", notes)
    return float(samples[1]) * setup.sequence if samples else None


def _number(row: Mapping[str, str], column: str) -> float | None:
    try:
        return float(row.get(column) or "")
    except ValueError:
        return None
