"""A schedule's three ways to say when: `at(2026-12-24T18:00:00)`, `rate(5 minutes)`, `cron(0 8 ? * MON-FRI *)`.

Source: the user guide's page on schedule types. One choice of ours: an `at` on a wall clock time that spring skips fires
as much later as the clock jumps (the guide is silent).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reconciler.localcloud.scheduler.cron import Cron, InvalidCron, parse_cron

UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
FINEST = timedelta(microseconds=1)


class InvalidExpression(ValueError):
    """An expression or a time zone that EventBridge Scheduler refuses."""


@dataclass(frozen=True)
class At:
    wall: datetime


@dataclass(frozen=True)
class Rate:
    every: timedelta


Expression = At | Rate | Cron


def parse_expression(text: str) -> Expression:
    """Raises InvalidExpression, whose text says what is wrong."""
    shape = re.fullmatch(r"(at|rate|cron)\((.*)\)", text)
    if shape is None:
        raise InvalidExpression("it must be at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields)")
    try:
        return PARSERS[shape[1]](shape[2])
    except InvalidCron as wrong:
        raise InvalidExpression(str(wrong)) from wrong


def _at(text: str) -> At:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", text):
        raise InvalidExpression("at needs yyyy-mm-ddThh:mm:ss, without a zone")
    try:
        return At(datetime.fromisoformat(text))
    except ValueError as wrong:
        raise InvalidExpression(f"{text} is no date: {wrong}") from wrong


def _rate(text: str) -> Rate:
    shape = re.fullmatch(r"([1-9][0-9]{0,6}) (minute|hour|day)s?", text)
    if shape is None:
        raise InvalidExpression("rate needs a positive whole number and minutes, hours or days")
    return Rate(int(shape[1]) * UNITS[shape[2]])


PARSERS: Mapping[str, Callable[[str], Expression]] = {"at": _at, "rate": _rate, "cron": parse_cron}


def time_zone(name: str) -> tzinfo:
    """An IANA zone. Raises InvalidExpression."""
    if name == "UTC":  # also where no zone data is installed
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as wrong:
        raise InvalidExpression(f"{name} is not a time zone of the IANA database") from wrong


def occurrence(expression: Expression, *, zone: tzinfo, anchor: datetime, after: datetime) -> datetime | None:
    """The first firing strictly after `after`, in UTC; None when there is none.

    | Expression | Fires |
    |---|---|
    | at | once, at that time in the zone |
    | rate | at the anchor (the schedule's start), and every so often from there: a day is 24 hours whatever the zone does |
    | cron | whenever the zone's clock matches |
    """
    match expression:
        case At(wall=wall):
            moment = wall.replace(tzinfo=zone).astimezone(UTC)
            return moment if moment > after else None
        case Rate(every=every):
            passed = (after - anchor) // every + 1
            return anchor + max(passed, 0) * every
        case Cron():
            return expression.next_after(after, zone)


def first_occurrence(expression: Expression, *, zone: tzinfo, start: datetime) -> datetime | None:
    """The first firing at or after the start; a rate fires at once."""
    return occurrence(expression, zone=zone, anchor=start, after=start - FINEST)
