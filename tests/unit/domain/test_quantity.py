from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.quantity import Cost, Range, format_duration, parse_duration


@given(st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds)))
def test_durations_round_trip(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("text", ["", "8", "8 h", "h", "-1h", "1.5h", "8H", "1w", "٣h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_unknown_is_never_zero() -> None:
    assert Cost.not_known("Nova Pro training price").amount is None
    assert Cost.total([Cost.not_known("a"), Cost.not_known("b")]).amount is None


def test_a_total_names_what_it_lacks() -> None:
    total = Cost.total([Cost.of(Range.exactly(3)), Cost.not_known("a"), Cost.of(Range.exactly(4), "730 hours")])
    assert (total.likely, total.unknown, total.assumptions) == (Decimal(7), ("a",), ("730 hours",))


def test_what_ends_swaps_low_and_high() -> None:
    ended = -Cost.of(Range(low=Decimal(1), likely=Decimal(2), high=Decimal(3)))
    assert ended.amount == Range(low=Decimal(-3), likely=Decimal(-2), high=Decimal(-1))


def test_costs_survive_json() -> None:
    cost = Cost.of(Range(low=Decimal("1.5"), likely=Decimal(2), high=Decimal(3)), "so assumed")
    assert Cost.model_validate_json(cost.model_dump_json()) == cost


def test_a_caveat_is_an_assumption_and_survives_sums_and_factors() -> None:
    total = (Cost.of(Range.exactly(1), "a") + Cost.zero().warned("not verified")).times(2)
    assert (total.assumptions, total.caveats) == (("a", "not verified"), ("not verified",))
