"""Time and cost of one row of a table of measured runs, from its columns alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal

from reconciler.domain.catalog import Catalog
from reconciler.estimators.gpu import Gpu, gpu_in, gpu_named
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
        setup, gpu = setup_of(row), gpu_of_row(row, catalog)
    except UnusableRow as unusable:
        return RowTime(reason=str(unusable))
    step = step_time(setup, gpu, rates_for(row))
    tokens = _total_tokens(row, setup)
    if tokens is None:
        return RowTime(
            tokens_per_second=step.tokens_per_second, reason="hours: the number of trained tokens is not given"
        )
    return _with_hours(row, setup, step, tokens, catalog, region)


def rates_for(row: Row, rates: Rates = RATES) -> Rates:
    """Runs with the first Triton kernel of FlashAttention compute attention more slowly."""
    if "triton" not in _text(row, "attn"):
        return rates
    return replace(rates, attention={kind: share * EARLY_KERNEL for kind, share in rates.attention.items()})


def gpu_of_row(row: Row, catalog: Catalog) -> Gpu:
    """Of its instance type, else by name. Raises :exc:`UnusableRow`."""
    instance, name = catalog.instance(_text(row, "instance")), _text(row, "gpu_model")
    found = (gpu_in(instance) if instance else None) or (gpu_named(name, catalog) if name else None)
    if found is None:
        raise UnusableRow(f"gpu_model {name!r}: no peak and bandwidth are known" if name else "gpu_model is not given")
    return found


def _with_hours(
    row: Row, setup: TrainingSetup, step: StepTime, tokens: float, catalog: Catalog, region: str
) -> RowTime:
    """A SageMaker job starts before it trains; a figure of another machine is of training alone."""
    name = _text(row, "instance")
    instance = catalog.instance(name)
    rate = step.tokens_per_second
    hours = tokens / (rate * setup.gpus * 3600)
    if instance is None:
        why = f"usd: {name} is not in the catalog" if name else "usd: no instance type is given"
        return RowTime(tokens_per_second=rate, hours=hours, reason=why)
    hours += _around(setup)
    price = catalog.training_price(instance.name, region).usd
    if price is None:
        return RowTime(tokens_per_second=rate, hours=hours, reason=f"usd: no price of {name} in {region}")
    machines = -(-setup.gpus // max(1, instance.accelerators))
    return RowTime(tokens_per_second=rate, hours=hours, usd=hours * machines * float(price))


def _around(setup: TrainingSetup) -> float:
    """Hours before the first step and after the last: weights come as BF16, and go back merged."""
    weights_gb = Decimal(setup.dims.parameters * 2) / 10**9
    return float(startup_hours(weights_gb).likely + transfer_hours(weights_gb).likely)


def _total_tokens(row: Row, setup: TrainingSetup) -> float | None:
    """Padding included where samples are counted, for all of them are taken to be as long as ``seq_len``."""
    records, notes = _number(row, "records"), _text(row, "notes")
    million, samples = re.search(r"([\d.]+) ?M tokens", notes), re.search(r"\b(\d+) samples\b", notes)
    if (total := _number(row, "total_tokens")) is not None:
        return total
    if records is not None:
        return records * (_number(row, "epochs") or 1) * setup.sequence
    if million:
        return float(million[1]) * 1e6
    return float(samples[1]) * setup.sequence if samples else None


def _text(row: Row, column: str) -> str:
    return (row.get(column) or "").strip()


def _number(row: Row, column: str) -> float | None:
    try:
        return float(_text(row, column))
    except ValueError:
        return None
