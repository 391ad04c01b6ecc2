"""Money, times and sizes as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from reconciler.domain.quantity import Cost, Range
from reconciler.reports.figures import age, cost_text, elapsed, is_free, money, rate, size, spread
from tests.unit.reports.plans import between, exactly


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0.00"),
        ("1105.95", "$1,105.95"),
        ("-1105.95", "-$1,105.95"),
        ("0.0042", "$0.0042"),
        ("0.00149", "$0.0015"),
        ("0.5", "$0.50"),
        ("0.05", "$0.050"),
        ("12", "$12.00"),
        ("0.0001", "$0.00010"),
        ("0.00000016", "<$0.0001"),
        ("-0.00000016", ">-$0.0001"),
    ],
)
def test_money(amount: str, shown: str) -> None:
    assert money(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1.515", "$1.515"), ("7.09", "$7.09"), ("7", "$7.00"), ("-0.4", "-$0.40"), ("1.23456", "$1.2346")],
)
def test_rate_per_hour(amount: str, shown: str) -> None:
    assert rate(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("low", "likely", "high", "shown"),
    [
        ("38.2", "43.2", "52.1", "$38–$52, likely $43"),
        ("0.12", "0.2", "0.31", "$0.12–$0.31, likely $0.20"),
        ("7", "7", "7", "$7.00"),
        ("-52", "-43", "-38", "-$52 to -$38, likely -$43"),
        ("1000", "1200", "1500", "$1,000–$1,500, likely $1,200"),
    ],
)
def test_spread(low: str, likely: str, high: str, shown: str) -> None:
    assert spread(Range(low=Decimal(low), likely=Decimal(likely), high=Decimal(high))) == shown


def test_an_unknown_price_is_never_shown_as_nothing() -> None:
    unknown = Cost.not_known("throughput in eu-west-1")
    assert cost_text(unknown, "/month") == "unknown: throughput in eu-west-1"
    assert cost_text(exactly("5") + unknown, "/month") == "$5.00/month, plus unknown: throughput in eu-west-1"
    assert cost_text(Cost()) == "unknown"
    assert not is_free(unknown)
    assert not is_free(Cost.zero() + unknown)
    assert is_free(Cost.zero())
    assert not is_free(between("0", "0", "1"))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172800, "2d"), (-5, "0s")],
)
def test_age(seconds: int, shown: str) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert age(now - timedelta(seconds=seconds), now) == shown


def test_an_age_that_is_not_known() -> None:
    assert age(None, datetime.now(UTC)) == "-"


@pytest.mark.parametrize(("seconds", "shown"), [(7, "7s"), (200, "3m20s"), (3900, "1h05m")])
def test_elapsed(seconds: int, shown: str) -> None:
    assert elapsed(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "unknown"),
        (999, "999 bytes"),
        (1500, "1.5 KB"),
        (16_100_000_000, "16.1 GB"),
        (5_000_000_000_000, "5000.0 GB"),
    ],
)
def test_size(count: int | None, shown: str) -> None:
    assert size(count) == shown
