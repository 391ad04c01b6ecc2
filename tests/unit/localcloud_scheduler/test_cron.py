"""Cron's next firing, against the calendar and against a minute-by-minute scan."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.localcloud.scheduler.cron import InvalidCron, parse_cron

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def firings(text: str, *, since: str, count: int, zone: tzinfo = UTC) -> list[str]:
    moment: datetime | None = datetime.fromisoformat(since).replace(tzinfo=zone).astimezone(UTC)
    found = []
    for _ in range(count):
        assert moment is not None
        moment = parse_cron(text).next_after(moment, zone)
        found.append("never" if moment is None else moment.astimezone(zone).strftime("%a %Y-%m-%d %H:%M %z"))
    return found


@pytest.mark.parametrize(
    ("text", "since", "expected"),
    [
        ("0 8 ? * MON-FRI *", "2026-01-02T08:00", ["Mon 2026-01-05 08:00", "Tue 2026-01-06 08:00"]),
        ("0 8 ? * 2-6 *", "2026-01-02T07:59", ["Fri 2026-01-02 08:00", "Mon 2026-01-05 08:00"]),
        ("0-15/5 8-8 ? * 2,3 *", "2026-01-05T08:06", ["Mon 2026-01-05 08:10", "Mon 2026-01-05 08:15"]),
        ("0/20 * * * ? *", "2026-01-05T23:30", ["Mon 2026-01-05 23:40", "Tue 2026-01-06 00:00"]),
        ("0 10 L * ? *", "2026-01-31T10:00", ["Sat 2026-02-28 10:00", "Tue 2026-03-31 10:00"]),
        ("0 10 LW * ? *", "2026-01-01T00:00", ["Fri 2026-01-30 10:00", "Fri 2026-02-27 10:00"]),
        ("0 10 15W * ? *", "2026-02-01T00:00", ["Mon 2026-02-16 10:00", "Mon 2026-03-16 10:00"]),
        ("0 10 1W * ? *", "2026-07-31T00:00", ["Mon 2026-08-03 10:00", "Tue 2026-09-01 10:00"]),
        ("0 10 31W * ? *", "2026-05-01T00:00", ["Fri 2026-05-29 10:00", "Fri 2026-07-31 10:00"]),
        ("0 10 ? * 6L *", "2026-01-01T00:00", ["Fri 2026-01-30 10:00", "Fri 2026-02-27 10:00"]),
        ("0 10 ? * MON#1 *", "2026-01-06T00:00", ["Mon 2026-02-02 10:00", "Mon 2026-03-02 10:00"]),
        ("0 10 ? * L *", "2026-01-01T00:00", ["Sat 2026-01-03 10:00", "Sat 2026-01-10 10:00"]),
        ("0 0 29 2 ? *", "2026-01-01T00:00", ["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00"]),
        ("0 0 1 jan,JUL ? 2026-2027", "2026-02-01T00:00", ["Wed 2026-07-01 00:00", "Fri 2027-01-01 00:00"]),
    ],
)
def test_fires_when_the_calendar_says(text: str, since: str, expected: list[str]) -> None:
    assert [found[:-6] for found in firings(text, since=since, count=len(expected))] == expected


def test_ends_with_its_years() -> None:
    utc = ZoneInfo("UTC")
    assert parse_cron("0 0 1 1 ? 2025").next_after(datetime(2026, 1, 1, tzinfo=UTC), utc) is None
    assert parse_cron("0 0 30 2 ? *").next_after(datetime(2026, 1, 1, tzinfo=UTC), utc) is None


def test_follows_the_zone_through_daylight_saving() -> None:
    found = firings("0 8 ? * MON-FRI *", since="2026-03-26T09:00", count=2, zone=BERLIN)
    assert found == ["Fri 2026-03-27 08:00 +0100", "Mon 2026-03-30 08:00 +0200"]


def test_skips_a_time_that_spring_skips() -> None:
    found = firings("30 2 * * ? *", since="2026-03-28T12:00", count=2, zone=BERLIN)
    assert found == ["Mon 2026-03-30 02:30 +0200", "Tue 2026-03-31 02:30 +0200"]


def test_fires_once_where_autumn_repeats() -> None:
    found = firings("30 2 * * ? *", since="2026-10-24T12:00", count=2, zone=BERLIN)
    assert found == ["Sun 2026-10-25 02:30 +0200", "Mon 2026-10-26 02:30 +0100"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("banana", "6 fields"),
        ("0 8 * * MON-FRI *", "exactly one"),
        ("0 8 ? * ? *", "exactly one"),
        ("60 8 * * ? *", "minutes: 60"),
        ("0 24 * * ? *", "hours: 24"),
        ("0 8 0 * ? *", "day-of-month: 0"),
        ("0 8 * 13 ? *", "month: 13"),
        ("0 8 ? * 8 *", "day-of-week: 8"),
        ("0 8 ? * FRI-MON *", "backwards"),
        ("0 8 ? * MON#6 *", "day-of-week"),
        ("0 8 * * ? 1969", "year: 1969"),
        ("0 8 * * ? 2200", "year: 2200"),
        ("*/0 8 * * ? *", "step"),
        ("1,,2 8 * * ? *", "empty"),
        ("-1 8 * * ? *", "minutes"),
        ("٣ 8 * * ? *", "minutes"),
    ],
)
def test_refuses(text: str, complaint: str) -> None:
    with pytest.raises(InvalidCron, match=complaint):
        parse_cron(text)


@st.composite
def fields(draw: st.DrawFn, low: int, high: int, names: tuple[str, ...] = ()) -> tuple[str, set[int]]:
    """One cron field as text, and the numbers that it means, found without the parser."""

    def spelled(number: int) -> str:
        as_name: bool = draw(st.booleans())
        return names[number - low] if names and as_name else str(number)

    def term() -> tuple[str, set[int]]:
        start: int = draw(st.integers(low, high))
        end, step = draw(st.integers(start, high)), draw(st.integers(1, 20))
        return draw(
            st.sampled_from(
                [
                    (spelled(start), {start}),
                    (f"{spelled(start)}-{spelled(end)}", set(range(start, end + 1))),
                    (f"{spelled(start)}-{spelled(end)}/{step}", set(range(start, end + 1, step))),
                    (f"{spelled(start)}/{step}", set(range(start, high + 1, step))),
                    ("*", set(range(low, high + 1))),
                    (f"*/{step}", set(range(low, high + 1, step))),
                ]
            )
        )

    terms = [term() for _ in range(draw(st.integers(1, 3)))]
    return ",".join(text for text, _ in terms), set().union(*(meant for _, meant in terms))


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
# Around the changes of the clock, where mistakes would hide, and somewhere else.
STARTS = st.sampled_from(
    [
        datetime(2026, 3, 7, tzinfo=UTC),
        datetime(2026, 3, 28, tzinfo=UTC),
        datetime(2026, 4, 4, tzinfo=UTC),
        datetime(2026, 10, 3, tzinfo=UTC),
        datetime(2026, 10, 24, tzinfo=UTC),
        datetime(2026, 10, 31, tzinfo=UTC),
        datetime(2026, 12, 31, tzinfo=UTC),
        datetime(2028, 2, 28, tzinfo=UTC),
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    minutes=fields(0, 59),
    hours=fields(0, 23),
    week_days=fields(1, 7, NAMES),
    month_days=fields(1, 31),
    weekly=st.booleans(),
    zone_name=ZONES,
    start=STARTS,
    offset=st.integers(0, 24 * 3600),
)
def test_agrees_with_a_scan_of_every_minute(
    minutes: tuple[str, set[int]],
    hours: tuple[str, set[int]],
    week_days: tuple[str, set[int]],
    month_days: tuple[str, set[int]],
    weekly: bool,
    zone_name: str,
    start: datetime,
    offset: int,
) -> None:
    zone = ZoneInfo(zone_name)
    days_text = f"? * {week_days[0]}" if weekly else f"{month_days[0]} * ?"
    cron = parse_cron(f"{minutes[0]} {hours[0]} {days_text} *")
    since = start + timedelta(seconds=offset)

    def matches(moment: datetime) -> bool:
        wall = moment.astimezone(zone)
        day_fits = wall.isoweekday() % 7 + 1 in week_days[1] if weekly else wall.day in month_days[1]
        return wall.minute in minutes[1] and wall.hour in hours[1] and day_fits and wall.fold == 0

    minute = since.replace(second=0, microsecond=0) + timedelta(minutes=1)
    scanned = next((m for m in (minute + timedelta(minutes=i) for i in range(2 * 1440)) if matches(m)), None)
    found = cron.next_after(since, zone)
    assert found is not None
    if scanned is None:
        assert found > minute + timedelta(minutes=2 * 1440 - 1)
    else:
        assert found == scanned
