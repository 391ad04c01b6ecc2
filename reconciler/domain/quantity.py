"""Money, durations and shares, each with its unit in the type or in the field's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer

from reconciler.domain.base import Value

Exact = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
"""A decimal that JSON shows as a number."""

HOURS_PER_MONTH = Decimal(730)
"""The convention of the AWS pricing calculator: 8,760 hours a year / 12."""


class Range(Value):
    """A guess with its spread, in the unit that the field holding it names. ``low <= likely <= high``."""

    low: Exact
    likely: Exact
    high: Exact

    @classmethod
    def exactly(cls, value: Decimal | int | str) -> Range:
        amount = Decimal(value)
        return cls(low=amount, likely=amount, high=amount)

    @classmethod
    def around(cls, likely: Decimal, *, low: Decimal, high: Decimal) -> Range:
        """``likely`` with a low and a high that are factors of it: ``around(x, low=Decimal("0.8"), high=Decimal("1.3"))``."""
        return cls(low=likely * low, likely=likely, high=likely * high)

    def times(self, factor: Decimal | int) -> Range:
        return Range(low=self.low * factor, likely=self.likely * factor, high=self.high * factor)

    def __add__(self, other: Range) -> Range:
        return Range(low=self.low + other.low, likely=self.likely + other.likely, high=self.high + other.high)


class Cost(Value):
    """What something costs: the known part as a range, and the names of the parts whose price is unknown.

    ``low``, ``likely`` and ``high`` are ``None`` when no part is known. An unknown price is never counted as zero: it is
    named in ``unknown``.
    """

    low: Exact | None = None
    likely: Exact | None = None
    high: Exact | None = None
    currency: str = "USD"
    unknown: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    """Those of the assumptions that a reader has to know before the amount is trusted: a price that nobody verified, what is billed
    beside it, or for longer than it is used."""

    @classmethod
    def of(cls, amount: Range, *assumptions: str) -> Cost:
        return cls(low=amount.low, likely=amount.likely, high=amount.high, assumptions=assumptions)

    @classmethod
    def zero(cls) -> Cost:
        return cls.of(Range.exactly(0))

    @classmethod
    def not_known(cls, what: str) -> Cost:
        return cls(unknown=(what,))

    @property
    def amount(self) -> Range | None:
        """The known part."""
        if self.low is None or self.likely is None or self.high is None:
            return None
        return Range(low=self.low, likely=self.likely, high=self.high)

    @property
    def is_complete(self) -> bool:
        return not self.unknown

    def times(self, factor: Decimal | int) -> Cost:
        return self._with(self.amount.times(factor) if self.amount else None)

    def __neg__(self) -> Cost:
        """What ends: low and high change places."""
        amount = self.amount
        return self._with(Range(low=-amount.high, likely=-amount.likely, high=-amount.low) if amount else None)

    def __add__(self, other: Cost) -> Cost:
        amounts = [amount for amount in (self.amount, other.amount) if amount is not None]
        total = Cost.of(sum(amounts[1:], amounts[0])) if amounts else Cost()
        return total.model_copy(
            update={
                "currency": self.currency,
                "unknown": _merged(self.unknown, other.unknown),
                "assumptions": _merged(self.assumptions, other.assumptions),
                "caveats": _merged(self.caveats, other.caveats),
            }
        )

    @staticmethod
    def total(costs: Iterable[Cost]) -> Cost:
        """The sum; zero only where there is nothing to pay, not where nothing is known."""
        first, *rest = [*costs] or [Cost.zero()]
        return sum(rest, first)

    def warned(self, caveat: str) -> Cost:
        """With one more assumption, which is a caveat."""
        return self.model_copy(
            update={
                "assumptions": _merged(self.assumptions, (caveat,)),
                "caveats": _merged(self.caveats, (caveat,)),
            }
        )

    def _with(self, amount: Range | None) -> Cost:
        fields = {"low": None, "likely": None, "high": None} if amount is None else dict(amount)
        return self.model_copy(update=fields)


def parse_duration(text: str) -> timedelta:
    """``90s``, ``30m``, ``8h``, ``7d`` or a chain such as ``1h30m``. Raises ValueError saying what is accepted."""
    if not re.fullmatch(r"(?:\d{1,6}[dhms])+", text, re.ASCII):
        raise ValueError(f"{text!r} is not a duration: write 90s, 30m, 8h, 7d or a chain such as 1h30m")
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return timedelta(seconds=sum(int(n) * units[u] for n, u in re.findall(r"(\d+)([dhms])", text)))


def format_duration(duration: timedelta) -> str:
    """The shortest spelling that :func:`parse_duration` reads back: ``12h``, ``1h30m``, ``0s``."""
    rest = int(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _merged(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
