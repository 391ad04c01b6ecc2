"""Deployment hours as EventBridge Scheduler's cron expressions: when each stretch of deployment begins and ends.

``cron(minutes hours day-of-month month day-of-week year)``, read on the clock of the schedule's time zone; source: the
scheduler's user guide, "Schedule types". Windows that touch or overlap are one stretch, also across midnight and Sunday.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from reconciler.domain.hours import DAYS, parse_hours

MINUTES_A_DAY = 24 * 60
MINUTES_A_WEEK = 7 * MINUTES_A_DAY


def beginnings(hours: str) -> tuple[str, ...]:
    """Cron expressions at which a deployment begins; none where the hours cover the whole week."""
    return _expressions(start for start, _ in _stretches(hours))


def endings(hours: str) -> tuple[str, ...]:
    return _expressions(end for _, end in _stretches(hours))


def _stretches(hours: str) -> list[tuple[int, int]]:
    """Minutes of the week (Monday 00:00 is 0), merged; an end may lie past the week's."""
    windows = sorted((w.day * MINUTES_A_DAY + w.start, w.day * MINUTES_A_DAY + w.end) for w in parse_hours(hours))
    merged = [windows[0]]
    for start, end in windows[1:]:
        last_start, last_end = merged[-1]
        if start <= last_end:
            merged[-1] = (last_start, max(last_end, end))
        else:
            merged.append((start, end))
    return _around_sunday(merged)


def _around_sunday(merged: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join what runs over the end of the week with what begins it."""
    while len(merged) > 1 and merged[-1][1] - MINUTES_A_WEEK >= merged[0][0]:
        first, (start, end) = merged[0], merged[-1]
        merged = [*merged[1:-1], (start, max(end, first[1] + MINUTES_A_WEEK))]
    start, end = merged[0]
    return [] if end - start >= MINUTES_A_WEEK else merged


def _expressions(moments: Iterable[int]) -> tuple[str, ...]:
    """One expression for all days that share a time of day."""
    days_by_time: dict[int, set[int]] = defaultdict(set)
    for moment in moments:
        day, minute = divmod(moment % MINUTES_A_WEEK, MINUTES_A_DAY)
        days_by_time[minute].add(day)
    return tuple(f"cron({m % 60} {m // 60} ? * {_days(days_by_time[m])} *)" for m in sorted(days_by_time))


def _days(days: set[int]) -> str:
    return "*" if len(days) == 7 else ",".join(DAYS[day].upper() for day in sorted(days))
