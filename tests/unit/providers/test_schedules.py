"""Rules of a manifest as schedules: expressions, times, names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.desired import UndeployRule
from reconciler.domain.hours import within_hours
from reconciler.localcloud.scheduler.expressions import occurrence, parse_expression
from reconciler.providers.aws.cron import beginnings, endings
from reconciler.providers.aws.schedules import ScheduledCall, wanted

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
UNDEPLOY = ScheduledCall("sagemaker", "deleteEndpoint", {"EndpointName": "bot"})
DEPLOY = ScheduledCall("sagemaker", "createEndpoint", {"EndpointName": "bot", "EndpointConfigName": "bot-1"})


@pytest.mark.parametrize(
    ("hours", "begins", "ends"),
    [
        ("Mon-Fri 08:00-20:00", ["cron(0 8 ? * MON,TUE,WED,THU,FRI *)"], ["cron(0 20 ? * MON,TUE,WED,THU,FRI *)"]),
        ("08:30-24:00", ["cron(30 8 ? * * *)"], ["cron(0 0 ? * * *)"]),
        ("Fri 22:00-06:00; Sat 06:00-09:00", ["cron(0 22 ? * FRI *)"], ["cron(0 9 ? * SAT *)"]),
        ("Sun 22:00-06:00; Mon 05:00-10:00", ["cron(0 22 ? * SUN *)"], ["cron(0 10 ? * MON *)"]),
        (
            "Mon 09:00-12:00,13:00-17:00",
            ["cron(0 9 ? * MON *)", "cron(0 13 ? * MON *)"],
            ["cron(0 12 ? * MON *)", "cron(0 17 ? * MON *)"],
        ),
        ("00:00-24:00", [], []),
        ("Mon-Sun 06:00-06:30,06:30-05:59,05:59-06:00", [], []),
    ],
)
def test_hours_as_cron(hours: str, begins: list[str], ends: list[str]) -> None:
    assert (list(beginnings(hours)), list(endings(hours))) == (begins, ends)


WINDOWS = st.lists(
    st.tuples(
        st.sampled_from(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]),
        st.integers(0, 95),
        st.integers(1, 96),
    ).filter(lambda window: window[1] != window[2]),
    min_size=1,
    max_size=4,
)


@given(WINDOWS)
def test_crons_fire_exactly_where_the_hours_change(windows: list[tuple[str, int, int]]) -> None:
    """Against the definition of the hours, minute by minute for a quarter-hourly week."""
    hours = "; ".join(f"{day} {clock(start)}-{clock(end)}" for day, start, end in windows)
    rule = UndeployRule(hours=hours)
    week = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=15 * step) for step in range(7 * 96)]
    inside = [within_hours(rule, moment) for moment in week]
    rises = {week[n] for n in range(len(week)) if inside[n] and not inside[n - 1]}
    falls = {week[n] for n in range(len(week)) if not inside[n] and inside[n - 1]}
    assert (firings(beginnings(hours)), firings(endings(hours))) == (rises, falls)


def clock(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


def firings(expressions: tuple[str, ...]) -> set[datetime]:
    """Within the week that begins on 2 March 2026."""
    start = datetime(2026, 3, 2, tzinfo=UTC)
    found = set()
    for text in expressions:
        expression, at = parse_expression(text), start - timedelta(seconds=1)
        while (moment := occurrence(expression, zone=UTC, anchor=start, after=at)) and moment < start + timedelta(7):
            found.add(moment)
            at = moment
    return found


def schedules(rule: UndeployRule | None, *, deployed_at: datetime = NOW) -> list[tuple[str, str, str, str]]:
    made = wanted("bot", rule, undeploy=UNDEPLOY, deploy=DEPLOY, deployed_at=deployed_at, now=NOW)
    return [(one.name, one.purpose, one.expression, one.timezone) for one in made]


def test_no_rule_no_schedule() -> None:
    assert schedules(None) == []


def test_after_counts_from_the_deployment() -> None:
    rule = UndeployRule(after=timedelta(hours=8), timezone="Europe/Berlin")
    earlier = NOW - timedelta(hours=2)
    assert schedules(rule, deployed_at=earlier) == [("bot-undeploy", "undeploy", "at(2026-03-04T18:00:00)", "UTC")]


def test_what_is_due_already_is_due_in_a_minute() -> None:
    rule = UndeployRule(after=timedelta(hours=8))
    long_ago = NOW - timedelta(days=1)
    assert schedules(rule, deployed_at=long_ago) == [("bot-undeploy", "undeploy", "at(2026-03-04T12:01:00)", "UTC")]


@pytest.mark.parametrize("zone", [timezone(timedelta(hours=1)), ZoneInfo("Europe/Berlin")], ids=str)
def test_at_is_told_in_utc(zone: timezone) -> None:
    rule = UndeployRule(at=datetime(2026, 12, 24, 18, 0, tzinfo=zone))
    assert schedules(rule) == [("bot-undeploy", "undeploy", "at(2026-12-24T17:00:00)", "UTC")]


def test_hours_deploy_and_undeploy_in_their_zone() -> None:
    rule = UndeployRule(hours="Mon 09:00-12:00,13:00-17:00", timezone="Europe/Berlin")
    assert schedules(rule) == [
        ("bot-undeploy", "undeploy", "cron(0 12 ? * MON *)", "Europe/Berlin"),
        ("bot-undeploy-2", "undeploy", "cron(0 17 ? * MON *)", "Europe/Berlin"),
        ("bot-deploy", "deploy", "cron(0 9 ? * MON *)", "Europe/Berlin"),
        ("bot-deploy-2", "deploy", "cron(0 13 ? * MON *)", "Europe/Berlin"),
    ]


def test_the_digest_of_a_call_covers_all_of_it() -> None:
    other = ScheduledCall("sagemaker", "createEndpoint", {"EndpointName": "bot", "EndpointConfigName": "bot-2"})
    assert DEPLOY.digest == ScheduledCall("sagemaker", "createEndpoint", dict(DEPLOY.parameters)).digest
    assert len({UNDEPLOY.digest, DEPLOY.digest, other.digest}) == 3
