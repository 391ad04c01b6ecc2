"""Hours of the week in which a model is deployed: ``Mon-Fri 08:00-20:00``.

::

    hours   = clause *( ";" clause )           Mon-Fri 08:00-20:00; Sat 10:00-14:00
    clause  = [ days " " ] windows             without days: every day
    days    = day [ "-" day ] *( "," … )       Mon,Wed   Mon-Fri   Fri-Mon
    windows = window *( "," window )           09:00-12:00,13:00-17:00
    window  = HH:MM "-" HH:MM                  22:00-06:00 ends on the next day; 24:00 ends the day

A window is the time between two instants: its wall-clock start and its wall-clock end in the rule's time zone. A time that
a change to summer time skips counts with the offset before the change; a time that comes twice counts the first time
(PEP 495, ``fold=0``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC as _UTC
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reconciler.domain.desired import UndeployRule
from reconciler.domain.quantity import HOURS_PER_MONTH

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MINUTES_A_DAY = 24 * 60
_MINUTES_A_WEEK = 7 * _MINUTES_A_DAY
_ACCEPTED = "write days and times such as `Mon-Fri 08:00-20:00`"


class Window(NamedTuple):
    """Minutes since midnight on ``day`` (Monday is 0); ``end`` lies past 1,440 where the window ends on the next day."""

    day: int
    start: int
    end: int


def parse_hours(text: str) -> tuple[Window, ...]:
    """Every window of the week, in order. Raises ValueError saying what is wrong and what is accepted."""
    if len(text) > 1000:
        raise ValueError("the hours are longer than 1,000 characters")
    clauses = [clause for clause in text.split(";") if clause.strip()]
    if not clauses:
        raise ValueError(f"no hours are given: {_ACCEPTED}")
    return tuple(sorted({window for clause in clauses for window in _clause(clause)}))


def canonical_hours(text: str) -> str:
    """One spelling for equal hours: days with the same windows together, in the order of the week."""
    by_day = {day: _spelled(windows) for day, windows in groupby(parse_hours(text), key=lambda window: window.day)}
    order = dict.fromkeys(by_day.values())
    return "; ".join(f"{_days(day for day in by_day if by_day[day] == windows)} {windows}" for windows in order)


def within_hours(rule: UndeployRule, now: datetime) -> bool:
    """Whether ``now`` lies in one of the rule's windows. A rule without hours always holds."""
    if rule.hours is None:
        return True
    around = now.astimezone(ZoneInfo(rule.timezone)).date()
    return any(start <= now < end for start, end in _spans(rule, around, days=range(-2, 2)))


def next_change(rule: UndeployRule, now: datetime) -> datetime | None:
    """The first instant after ``now`` at which :func:`within_hours` changes, in UTC; ``None`` where it never does."""
    if rule.hours is None:
        return None
    around = now.astimezone(ZoneInfo(rule.timezone)).date()
    edges = {edge for span in _spans(rule, around, days=range(-2, 10)) for edge in span if edge > now}
    inside = within_hours(rule, now)
    return next((edge for edge in sorted(edges) if within_hours(rule, edge) is not inside), None)


def monthly_hours(rule: UndeployRule) -> Decimal:
    """Hours deployed in a month of 730 hours, from the week's share; windows that overlap count once."""
    if rule.hours is None:
        return HOURS_PER_MONTH
    covered = {
        (window.day * _MINUTES_A_DAY + minute) % _MINUTES_A_WEEK
        for window in parse_hours(rule.hours)
        for minute in range(window.start, window.end)
    }
    return HOURS_PER_MONTH * len(covered) / _MINUTES_A_WEEK


def _clause(clause: str) -> Iterator[Window]:
    match = re.fullmatch(r"\s*(?:([A-Za-z][A-Za-z,\-\s]*?)\s+)?(\d[\d:,\-\s]*)", clause, re.ASCII)
    if match is None:
        raise ValueError(f"`{clause.strip()[:60]}` is not understood: {_ACCEPTED}")
    days, windows = match.groups()
    for start, end in [_window(window.strip()) for window in windows.split(",")]:
        for day in _day_numbers(days):
            yield Window(day, start, end)


def _day_numbers(text: str | None) -> list[int]:
    if text is None:
        return [*range(7)]
    return [day for part in text.split(",") for day in _day_range(part.strip())]


def _day_range(text: str) -> list[int]:
    first, _, last = (part.strip() for part in text.partition("-"))
    start, end = _day(first), _day(last or first)
    return [(start + step) % 7 for step in range((end - start) % 7 + 1)]


def _day(text: str) -> int:
    if text.title() not in DAYS:
        raise ValueError(f"`{text[:20]}` is not a day: write {', '.join(DAYS)}")
    return DAYS.index(text.title())


def _window(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)", text, re.ASCII)
    if match is None:
        raise ValueError(f"`{text[:20]}` is not a window of time: write it as 08:00-20:00")
    start_hour, start_minute, end_hour, end_minute = map(int, match.groups())
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if start_minute > 59 or end_minute > 59 or start >= _MINUTES_A_DAY or end > _MINUTES_A_DAY:
        raise ValueError(f"`{text}` names a time that no day has: hours go from 00:00 to 24:00, minutes to 59")
    if start == end:
        raise ValueError(f"`{text}` is empty: for the whole day write 00:00-24:00")
    return start, end if end > start else end + _MINUTES_A_DAY


def _spelled(windows: Iterable[Window]) -> str:
    return ",".join(
        f"{_clock(start)}-{_clock(end if end <= _MINUTES_A_DAY else end - _MINUTES_A_DAY)}" for _, start, end in windows
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _days(numbers: Iterable[int]) -> str:
    """``Mon-Fri,Sun``: runs of three or more days are written as a range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(_run(run) for run in runs)


def _run(run: list[int]) -> str:
    return f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else ",".join(DAYS[day] for day in run)


def _spans(rule: UndeployRule, around: date, *, days: range) -> Iterator[tuple[datetime, datetime]]:
    """The windows of the days around a date as instants in UTC."""
    zone = ZoneInfo(rule.timezone)
    windows = _windows(rule.hours or "")
    for day in (around + timedelta(days=offset) for offset in days):
        for window in windows:
            if window.day == day.weekday():
                yield _instant(day, window.start, zone), _instant(day, window.end, zone)


@lru_cache(maxsize=256)
def _windows(hours: str) -> tuple[Window, ...]:
    return parse_hours(hours)


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    days, minutes = divmod(minutes, _MINUTES_A_DAY)
    wall = datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60), tzinfo=zone)
    return wall.astimezone(_UTC)
