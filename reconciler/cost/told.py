"""Prices as the assumptions of a cost tell them."""

from __future__ import annotations

from decimal import Decimal

from reconciler.domain.catalog import Price
from reconciler.domain.quantity import Cost, Range

_UNITS = {
    "instance-hour": "an instance-hour",
    "model-unit-hour": "a model unit and hour",
    "1k-tokens": "1,000 tokens",
    "1m-tokens": "a million tokens",
    "model-month": "a model and month",
    "gb-month": "a GB and month",
}


def priced(amount: Range, price: Price, what: str, *notes: str) -> Cost:
    """``amount`` at a known price, which is told first; an estimate or a second-hand figure is a caveat."""
    line = told(price, what)
    return Cost.of(amount, line, *notes).model_copy(update={"caveats": (line,) if _doubt(price) else ()})


def told(price: Price, what: str) -> str:
    """``ml.g5.2xlarge: 1.515 USD an instance-hour in us-east-1``; estimates and second-hand figures say so."""
    assert price.usd is not None
    return f"{what}: {plain(price.usd)} USD for {_UNITS[price.unit]} in {price.region}{_doubt(price)}"


def plain(amount: Decimal) -> str:
    """Digits without an exponent or needless zeros: ``0.00149``, ``24``."""
    digits = f"{amount:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _doubt(price: Price) -> str:
    source = price.source
    if price.estimated:
        return f" (estimated: {source.note})" if source and source.note else " (estimated)"
    if source is None or source.verified:
        return ""
    return f" (not verified: {source.note})" if source.note else " (not verified)"
