"""at, rate and cron: what is accepted, and when it fires."""

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.localcloud.scheduler.expressions import (
    InvalidExpression,
    first_occurrence,
    occurrence,
    parse_expression,
    time_zone,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_at_fires_once_in_its_zone() -> None:
    expression, zone = parse_expression("at(2026-06-01T18:30:00)"), time_zone("Europe/Berlin")
    first = first_occurrence(expression, zone=zone, start=NOON)
    assert first == datetime(2026, 6, 1, 16, 30, tzinfo=UTC)
    assert occurrence(expression, zone=zone, anchor=NOON, after=first) is None


def test_at_in_the_past_never_fires() -> None:
    assert first_occurrence(parse_expression("at(2026-06-01T11:59:00)"), zone=UTC, start=NOON) is None


def test_rate_fires_at_its_start_and_from_there_on() -> None:
    expression = parse_expression("rate(90 minutes)")
    assert first_occurrence(expression, zone=UTC, start=NOON) == NOON
    assert occurrence(expression, zone=UTC, anchor=NOON, after=NOON) == NOON + timedelta(minutes=90)
    late = NOON + timedelta(minutes=181)
    assert occurrence(expression, zone=UTC, anchor=NOON, after=late) == NOON + timedelta(minutes=270)


def test_a_day_of_rate_is_24_hours_in_any_zone() -> None:
    start = datetime(2026, 3, 28, 11, tzinfo=UTC)
    after = occurrence(parse_expression("rate(1 day)"), zone=time_zone("Europe/Berlin"), anchor=start, after=start)
    assert after == start + timedelta(hours=24)


def test_cron_may_fire_at_the_very_start() -> None:
    assert first_occurrence(parse_expression("cron(0 12 * * ? *)"), zone=UTC, start=NOON) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cron(banana)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "rate(-1 hours)",
        "rate(1.5 hours)",
        "rate(5)",
        "rate(5 minutes) ",
        "at(2026-02-30T10:00:00)",
        "at(2026-02-03)",
        "at(2026-02-03T10:00:00Z)",
        "every day",
    ],
)
def test_refuses_what_it_cannot_read(text: str) -> None:
    with pytest.raises(InvalidExpression):
        parse_expression(text)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "Europe", "\x00"])
def test_refuses_a_zone_that_does_not_exist(name: str) -> None:
    with pytest.raises(InvalidExpression):
        time_zone(name)
