"""Losses that ran away are told by AWS as NaN."""

from __future__ import annotations

from decimal import Decimal

from reconciler.providers.metrics import finite


def test_what_is_no_figure_counts_as_not_reported() -> None:
    reported = [("train_loss", 1.25), ("eval_loss", float("nan")), ("loss", float("inf")), ("other", None)]
    assert finite(reported) == {"train_loss": Decimal("1.25")}
