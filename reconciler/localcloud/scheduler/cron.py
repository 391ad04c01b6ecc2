"""EventBridge Scheduler's cron: `minutes hours day-of-month month day-of-week year`, in a time zone.

Source: the user guide's page on schedule types, "Cron-based schedules" and "Daylight savings time".

| Field | Values | Wildcards |
|---|---|---|
| minutes | 0-59 | `, - * /` |
| hours | 0-23 | `, - * /` |
| day of month | 1-31 | `, - * ? / L W` |
| month | 1-12 or JAN-DEC | `, - * /` |
| day of week | 1-7 or SUN-SAT | `, - * ? / L #` |
| year | 1970-2199 | `, - * /` |

Exactly one of the two day fields is `?`. A range that runs backwards (`FRI-MON`) is refused: the guide defines none.
A wall clock time that spring skips is skipped; one that autumn repeats fires once, the first time.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache

MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}

Days = Callable[[int, int], Iterable[int]]
"""The days of one (year, month) on which a cron may fire."""


class InvalidCron(ValueError):
    """What is wrong with a cron expression, in one sentence."""


@dataclass(frozen=True)
class Cron:
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]

    def next_after(self, instant: datetime, zone: tzinfo) -> datetime | None:
        """The first firing strictly after the instant, in UTC; None when the years run out."""
        wall = instant.astimezone(zone).replace(tzinfo=None, fold=0)
        moments = (_instant(candidate, zone) for candidate in self._walls(since=wall.replace(second=0, microsecond=0)))
        return next((moment for moment in moments if moment is not None and moment > instant), None)

    def _walls(self, *, since: datetime) -> Iterator[datetime]:
        """Matching wall clock times in order, from the given one on."""
        for day in self._dates(since=since.date()):
            for hour in self.hours:
                for minute in self.minutes:
                    wall = datetime.combine(day, time(hour, minute))
                    if wall >= since:
                        yield wall

    def _dates(self, *, since: date) -> Iterator[date]:
        for year in self.years:
            for month in self.months:
                if (year, month) >= (since.year, since.month):
                    days = (date(year, month, day) for day in sorted(set(self.days(year, month))))
                    yield from (day for day in days if day >= since)


def _instant(wall: datetime, zone: tzinfo) -> datetime | None:
    """The wall clock time as an instant: the earlier of two, or None where the clock jumps over it."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall else None


@lru_cache(maxsize=1024)
def parse_cron(text: str) -> Cron:
    """The six fields inside `cron(…)`. Raises InvalidCron."""
    fields = text.split()
    if len(fields) != 6:
        raise InvalidCron(
            f"cron needs 6 fields (minutes hours day-of-month month day-of-week year), found {len(fields)}"
        )
    minutes, hours, month_days, months, week_days, years = (field.upper() for field in fields)
    if (month_days == "?") == (week_days == "?"):
        raise InvalidCron("exactly one of day-of-month and day-of-week must be ?")
    return Cron(
        minutes=_numbers("minutes", minutes, 0, 59),
        hours=_numbers("hours", hours, 0, 23),
        days=_week_days(week_days) if month_days == "?" else _month_days(month_days),
        months=_numbers("month", months, 1, 12, MONTHS),
        years=_numbers("year", years, 1970, 2199),
    )


def _numbers(field: str, text: str, low: int, high: int, names: Mapping[str, int] | None = None) -> tuple[int, ...]:
    """A list of `*`, `n`, `a-b`, each with an optional `/step`, as sorted numbers."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        start, end = _span(field, span, low, high, names or {}, open_ended=bool(slash))
        found.update(range(start, end + 1, _step(field, step) if slash else 1))
    return tuple(sorted(found))


def _span(field: str, text: str, low: int, high: int, names: Mapping[str, int], *, open_ended: bool) -> tuple[int, int]:
    """`*` → the whole field; `a-b` → a to b; `a` → a alone, or to the end where a step follows (`5/10`)."""
    if text == "*":
        return low, high
    first, dash, last = text.partition("-")
    start = _number(field, first, low, high, names)
    end = _number(field, last, low, high, names) if dash else (high if open_ended else start)
    if end < start:
        raise InvalidCron(f"{field}: the range {text} runs backwards")
    return start, end


def _number(field: str, text: str, low: int, high: int, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if not re.fullmatch(r"[0-9]{1,4}", text) or not low <= int(text) <= high:
        raise InvalidCron(f"{field}: {text or 'an empty value'} is not between {low} and {high}")
    return int(text)


def _step(field: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) == 0:
        raise InvalidCron(f"{field}: the step /{text} is not a positive number")
    return int(text)


def _month_days(text: str) -> Days:
    """Day of month: numbers, `L` (the last day), `LW` (the last weekday), `15W` (the weekday nearest the 15th)."""
    if text == "L":
        return lambda year, month: (_length(year, month),)
    if text == "LW":
        return lambda year, month: (_nearest_weekday(year, month, _length(year, month)),)
    if near := re.fullmatch(r"([0-9]{1,2})W", text):
        day = _number("day-of-month", near[1], 1, 31, {})
        return lambda year, month: (_nearest_weekday(year, month, day),) if day <= _length(year, month) else ()
    days = _numbers("day-of-month", text, 1, 31)
    return lambda year, month: (day for day in days if day <= _length(year, month))


def _week_days(text: str) -> Days:
    """Day of week: numbers or names, `L` (Saturday), `6L` (the last Friday), `2#1` (the first Monday)."""
    if text == "L":
        return _weekly((7,))
    if last := re.fullmatch(r"(\w+)L", text):
        weekday = _weekday(last[1])
        return lambda year, month: _on(year, month, (weekday,))[-1:]
    if nth := re.fullmatch(r"(\w+)#([1-5])", text):
        weekday, place = _weekday(nth[1]), int(nth[2])
        return lambda year, month: _on(year, month, (weekday,))[place - 1 : place]
    return _weekly(_numbers("day-of-week", text, 1, 7, WEEKDAYS))


def _weekly(weekdays: tuple[int, ...]) -> Days:
    return lambda year, month: _on(year, month, weekdays)


def _weekday(text: str) -> int:
    return _number("day-of-week", text, 1, 7, WEEKDAYS)


def _on(year: int, month: int, weekdays: tuple[int, ...]) -> list[int]:
    """The days of the month that fall on these weekdays (1 is Sunday)."""
    first = calendar.weekday(year, month, 1) + 1  # of the 1st: 0 is Sunday after the modulo below
    return [day for day in range(1, _length(year, month) + 1) if (first + day - 1) % 7 + 1 in weekdays]


def _nearest_weekday(year: int, month: int, day: int) -> int:
    """Monday to Friday nearest to the day, without leaving the month."""
    match calendar.weekday(year, month, day):
        case calendar.SATURDAY:
            return day - 1 if day > 1 else 3
        case calendar.SUNDAY:
            return day + 1 if day < _length(year, month) else day - 2
        case _:
            return day


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
