"""Whether the prices are young enough to decide by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from reconciler.domain.diagnostic import Diagnostic, warning
from reconciler.domain.plan import Plan

STALE = timedelta(days=90)
"""Our own choice: AWS changes prices without notice, and seldom."""


def stale_prices(as_of: date, plan: Plan) -> Iterator[Diagnostic]:
    """A warning where the plan has something to pay for. The embedded cloud's clock may run far ahead: its own time says nothing."""
    age = plan.observed_at.date() - as_of
    if age > STALE and plan.cloud != "local" and plan.pending:
        yield warning(
            "stale-prices",
            "The prices are old",
            detail=f"Prices of {plan.region} are as of {as_of}, {age.days} days before this plan.",
            hint="read today's with `reconciler catalog refresh`, and commit reconciler.prices.json",
        )
