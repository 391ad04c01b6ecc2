"""Money, times and sizes as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from reconciler.domain.quantity import Cost, Range

_CENT = Decimal("0.01")
_LEAST = Decimal("0.0001")
"""Less than this is not worth digits."""


def money(amount: Decimal) -> str:
    """``$1,105.95``; below a dollar two significant digits, so that ``$0.0042`` is not ``$0.00``."""
    size = abs(amount)
    if 0 < size < _LEAST:
        return f"<${_LEAST}" if amount > 0 else f">-${_LEAST}"
    places = 2 if size >= 1 or size == 0 else max(2, 1 - size.adjusted())
    return f"{_sign(amount)}${size:,.{places}f}"


def rate(amount: Decimal) -> str:
    """A price per hour: at least cents, at most four decimals: ``$1.515``."""
    size = abs(amount).quantize(Decimal("0.0001"))
    return f"{_sign(amount)}${size:,.2f}" if size == size.quantize(_CENT) else f"{_sign(amount)}${size.normalize():,f}"


def spread(amount: Range, per: str = "") -> str:
    """``$43.00/month``, or ``$38–$52/month, likely $43``, with ``per`` behind the amount."""
    low, likely, high = (_rounded(value, amount) for value in (amount.low, amount.likely, amount.high))
    if low == high:
        return money(amount.likely) + per
    return f"{low}{' to ' if amount.low < 0 else '–'}{high}{per}, likely {likely}"


def cost_text(cost: Cost, per: str = "") -> str:
    """``$38–$52, likely $43``, with ``per`` (``/month``) behind it, and the parts whose price is unknown. Unknown is never $0."""
    unknown = f"unknown: {', '.join(cost.unknown)}" if cost.unknown else ""
    if cost.amount is None:
        return unknown or "unknown"
    known = spread(cost.amount, per)
    return f"{known}, plus {unknown}" if unknown else known


def hourly(cost: Cost) -> str:
    """`` ($1.515/hour)``, to stand behind a month; empty where nothing is billed by the hour."""
    amount = cost.amount
    return f" ({rate(amount.likely)}/hour)" if amount is not None and amount.likely else ""


def is_free(cost: Cost) -> bool:
    """Known to cost nothing."""
    amount = cost.amount
    return cost.is_complete and amount is not None and amount.low == 0 == amount.high


def age(since: datetime | None, now: datetime) -> str:
    """As kubectl writes it: ``45s``, ``12m``, ``3h``, ``2d``; ``-`` where it is not known."""
    if since is None:
        return "-"
    seconds = max(0, int((now - since).total_seconds()))
    steps = ((120, 1, "s"), (2 * 3600, 60, "m"), (2 * 86400, 3600, "h"))
    return next((f"{seconds // size}{unit}" for below, size, unit in steps if seconds < below), f"{seconds // 86400}d")


def moment(when: datetime | None) -> str:
    """``2026-11-24 10:00:00 UTC``."""
    return "-" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def elapsed(time: timedelta) -> str:
    """``7s``, ``3m20s``, ``1h05m``."""
    seconds = int(time.total_seconds())
    if seconds < 60:
        return f"{seconds}s"
    return (
        f"{seconds // 60}m{seconds % 60:02d}s" if seconds < 3600 else f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"
    )


def size(count: int | None) -> str:
    """Bytes in decimal units, as AWS bills them: ``16.1 GB``."""
    if count is None:
        return "unknown"
    steps = ((10**3, 1, "bytes"), (10**6, 10**3, "KB"), (10**9, 10**6, "MB"))
    found = next(((unit, name) for below, unit, name in steps if count < below), (10**9, "GB"))
    return f"{count} bytes" if found[0] == 1 else f"{count / found[0]:.1f} {found[1]}"


def counted(count: int, noun: str) -> str:
    """``1 model``, ``2 models``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _sign(amount: Decimal) -> str:
    return "-" if amount < 0 else ""


def _rounded(value: Decimal, amount: Range) -> str:
    """Whole dollars from ten on: a range is a guess, and cents would pretend."""
    return f"{_sign(value)}${abs(value):,.0f}" if abs(amount.likely) >= 10 else money(value)
