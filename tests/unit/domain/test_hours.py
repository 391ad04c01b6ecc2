from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.desired import UndeployRule
from reconciler.domain.hours import DAYS, canonical_hours, monthly_hours, next_change, parse_hours, within_hours

BERLIN = "Europe/Berlin"


def rule(hours: str, timezone: str = "UTC") -> UndeployRule:
    return UndeployRule(hours=hours, timezone=timezone)


def at(text: str, timezone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone))


@pytest.mark.parametrize(
    ("hours", "now", "expected"),
    [
        ("Mon-Fri 08:00-20:00", "2026-11-23T08:00", True),  # a Monday
        ("Mon-Fri 08:00-20:00", "2026-11-23T07:59", False),
        ("Mon-Fri 08:00-20:00", "2026-11-23T20:00", False),
        ("Mon-Fri 08:00-20:00", "2026-11-22T12:00", False),
        ("Mon,Wed 09:00-17:00", "2026-11-25T10:00", True),
        ("Mon,Wed 09:00-17:00", "2026-11-24T10:00", False),
        ("Sun 22:00-06:00", "2026-11-23T05:59", True),
        ("Sun 22:00-06:00", "2026-11-23T06:00", False),
        ("Fri-Mon 10:00-11:00", "2026-11-22T10:30", True),
        ("08:00-09:00,10:00-11:00", "2026-11-24T10:30", True),
        ("08:00-09:00,10:00-11:00", "2026-11-24T09:30", False),
        ("Mon-Sun 00:00-24:00", "2026-11-24T23:59", True),
    ],
)
def test_within_hours(hours: str, now: str, expected: bool) -> None:
    assert within_hours(rule(hours), at(now)) is expected


def test_hours_follow_the_time_zone() -> None:
    office = rule("Mon-Fri 08:00-20:00", BERLIN)
    assert within_hours(office, at("2026-11-23T07:30"))  # 08:30 in Berlin
    assert not within_hours(office, at("2026-07-06T18:30"))  # 20:30 in Berlin's summer


def test_next_change_skips_the_weekend() -> None:
    friday_night = at("2026-11-27T21:00", BERLIN)
    assert next_change(rule("Mon-Fri 08:00-20:00", BERLIN), friday_night) == at("2026-11-30T08:00", BERLIN)


def test_windows_that_touch_are_one() -> None:
    assert next_change(rule("Mon 08:00-12:00,12:00-20:00"), at("2026-11-23T09:00")) == at("2026-11-23T20:00")


def test_always_on_never_changes() -> None:
    assert next_change(rule("00:00-24:00"), at("2026-11-23T09:00")) is None


def test_a_window_across_the_change_to_winter_time_is_an_hour_longer() -> None:
    start = at("2026-10-24T22:00", BERLIN).astimezone(UTC)
    assert next_change(rule("Sat 22:00-06:00", BERLIN), start) == start + timedelta(hours=9)


def test_a_skipped_time_counts_with_the_offset_before_the_change() -> None:
    """02:30 does not exist in Berlin on 2026-03-29; with the old offset it is 03:30 summer time."""
    night = rule("Sun 02:30-05:00", BERLIN)
    before = at("2026-03-29T01:00", BERLIN)
    assert next_change(night, before) == at("2026-03-29T03:30", BERLIN)
    assert not within_hours(night, at("2026-03-29T03:00", BERLIN))


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("Mon-Sun 00:00-24:00", 730),
        ("Mon 00:00-24:00", Decimal(730) / 7),
        ("Mon 08:00-12:00,10:00-14:00", Decimal(730) * 6 / 168),
    ],
)
def test_monthly_hours(hours: str, expected: Decimal) -> None:
    assert monthly_hours(rule(hours)) == pytest.approx(Decimal(expected))


@pytest.mark.parametrize(
    ("hours", "canonical"),
    [
        ("mon-FRI 08:00 - 20:00", "Mon-Fri 08:00-20:00"),
        ("Mon,Tue,Wed,Thu,Fri 08:00-20:00", "Mon-Fri 08:00-20:00"),
        ("08:00-20:00", "Mon-Sun 08:00-20:00"),
        ("Sat 10:00-14:00; Mon-Fri 08:00-20:00", "Mon-Fri 08:00-20:00; Sat 10:00-14:00"),
        ("Sun,Mon 22:00-06:00", "Mon,Sun 22:00-06:00"),
    ],
)
def test_equal_hours_have_one_spelling(hours: str, canonical: str) -> None:
    assert canonical_hours(hours) == canonical


@pytest.mark.parametrize(
    "hours",
    [
        "",
        ";",
        "Mon",
        "Mon-Fri",
        "Mon 8-20",
        "Mon 08:00",
        "Foo 08:00-09:00",
        "Mon 25:00-26:00",
        "Mon 08:60-09:00",
        "Mon 08:00-08:00",
    ],
)
def test_other_texts_are_refused_with_what_is_accepted(hours: str) -> None:
    with pytest.raises(ValueError, match=r"write|24:00"):
        parse_hours(hours)


TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
CLAUSES = st.builds("{} {}-{}".format, st.sampled_from(DAYS), TIMES, TIMES).filter(
    lambda clause: clause[4:9] != clause[10:]
)


@given(st.lists(CLAUSES, min_size=1, max_size=3), st.integers(0, 365 * 24 * 60))
def test_the_next_change_is_where_within_hours_changes(clauses: list[str], minutes: int) -> None:
    hours, now = rule("; ".join(clauses), BERLIN), at("2026-01-01") + timedelta(minutes=minutes)
    change = next_change(hours, now)
    assert change is not None
    assert change > now
    just_before = change - timedelta(microseconds=1)
    assert within_hours(hours, just_before) is within_hours(hours, now)
    assert within_hours(hours, change) is not within_hours(hours, now)


@given(st.lists(CLAUSES, min_size=1, max_size=4))
def test_the_canonical_spelling_means_the_same_and_is_stable(clauses: list[str]) -> None:
    canonical = canonical_hours("; ".join(clauses))
    assert parse_hours(canonical) == parse_hours("; ".join(clauses))
    assert canonical_hours(canonical) == canonical
