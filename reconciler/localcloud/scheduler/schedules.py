"""Schedules: kept, checked, and planned on the cloud's clock; `firing` does what they say when their time comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.localcloud.clock import moment
from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.paging import page
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.scheduler.expressions import InvalidExpression, parse_expression, time_zone
from reconciler.localcloud.scheduler.firing import plan_first
from reconciler.localcloud.scheduler.groups import DEFAULT, PAGE, SCHEDULE, group_of
from reconciler.localcloud.scheduler.targets import InvalidTarget, check_target
from reconciler.localcloud.service import Call

DEFAULTS: Mapping[str, Any] = {"ScheduleExpressionTimezone": "UTC", "State": "ENABLED", "ActionAfterCompletion": "NONE"}
RETRY_DEFAULTS: Mapping[str, int] = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
LATE_START = timedelta(minutes=5)


def create_schedule(call: Call) -> Mapping[str, Any]:
    key = (call.region, call.service, call.operation, _name(call), call.params.get("ClientToken") or "")
    known = call.world.find(call.region, SCHEDULE, _name(call))
    if known is not None and call.world.tokens.get(key) == known.arn:
        return {"ScheduleArn": known.arn}
    group_of(call, call.params.get("GroupName"))
    if known is not None:
        raise AwsError("ConflictException", f"Schedule {call.params['Name']} already exists.")
    spec = _checked(call)
    schedule = Resource(
        SCHEDULE, _name(call), call.arn(f"schedule/{_name(call)}"), call.region, call.now, spec["State"]
    )
    schedule.spec = spec
    plan_first(call.world, call.world.add(schedule), call.now)
    if call.params.get("ClientToken"):
        call.world.tokens[key] = schedule.arn
    return {"ScheduleArn": schedule.arn}


def update_schedule(call: Call) -> Mapping[str, Any]:
    """Replaces everything: what the request leaves out goes back to its default."""
    schedule = _schedule(call)
    schedule.spec = _checked(call)
    call.world.cancel(schedule)
    schedule.enter(schedule.spec["State"], call.now)
    plan_first(call.world, schedule, call.now)
    return {"ScheduleArn": schedule.arn}


def get_schedule(call: Call) -> Mapping[str, Any]:
    schedule = _schedule(call)
    return {**{key: value for key, value in schedule.spec.items() if key != "ClientToken"}, **_summary(schedule)} | {
        "Target": schedule.spec["Target"]
    }


def delete_schedule(call: Call) -> None:
    call.world.drop(_schedule(call))


def list_schedules(call: Call) -> Mapping[str, Any]:
    group = group_of(call, call.params["GroupName"]).name if call.params.get("GroupName") else None
    wanted = sorted(_wanted(call, group), key=lambda schedule: schedule.name)
    rows, token = page(wanted, call.params.get("NextToken"), call.params.get("MaxResults"), default=PAGE)
    return {"Schedules": [_summary(schedule) for schedule in rows], "NextToken": token}


def _wanted(call: Call, group: str | None) -> Iterator[Resource]:
    prefix, state = call.params.get("NamePrefix") or "", call.params.get("State")
    for schedule in call.all(SCHEDULE):
        own_group, _, name = schedule.name.partition("/")
        if name.startswith(prefix) and group in (None, own_group) and state in (None, schedule.status):
            yield schedule


def _name(call: Call) -> str:
    """Names are unique in their group: the key is group/name."""
    return f"{call.params.get('GroupName') or DEFAULT}/{call.params['Name']}"


def _schedule(call: Call) -> Resource:
    schedule = call.find(SCHEDULE, _name(call))
    if schedule is None:
        raise AwsError("ResourceNotFoundException", f"Schedule {call.params['Name']} does not exist.")
    return schedule


def _checked(call: Call) -> dict[str, Any]:
    """The request with its defaults. Raises ValidationException with everything that the service model cannot know."""
    spec = {**DEFAULTS, **call.params}
    problems = [*_expression_problems(spec), *_window_problems(spec), *_date_problems(spec, call.now)]
    try:
        check_target(spec["Target"]["Arn"], spec["Target"].get("Input"))
    except InvalidTarget as wrong:
        problems.append(f"Invalid Target: {wrong}.")
    if problems:
        raise invalid(" ".join(problems))
    retry = {**RETRY_DEFAULTS, **(spec["Target"].get("RetryPolicy") or {})}
    return {**spec, "Target": {**spec["Target"], "RetryPolicy": retry}}


def _expression_problems(spec: Mapping[str, Any]) -> Iterator[str]:
    try:
        parse_expression(spec["ScheduleExpression"])
    except InvalidExpression as wrong:
        yield f"Invalid Schedule Expression {spec['ScheduleExpression']}: {wrong}."
    try:
        time_zone(spec["ScheduleExpressionTimezone"])
    except InvalidExpression as wrong:
        yield f"Invalid ScheduleExpressionTimezone: {wrong}."


def _window_problems(spec: Mapping[str, Any]) -> Iterator[str]:
    window = spec["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        yield "MaximumWindowInMinutes belongs to the FlexibleTimeWindow mode FLEXIBLE, and only to it."


def _date_problems(spec: Mapping[str, Any], now: float) -> Iterator[str]:
    start, end = spec.get("StartDate"), spec.get("EndDate")
    today = datetime.fromtimestamp(now, UTC)
    if start is not None and start < today - LATE_START:
        yield "The StartDate you specify cannot be earlier than 5 minutes ago."
    if end is not None and end <= (start or today):
        yield "The EndDate you specify must be later than now and later than the StartDate."


def _summary(schedule: Resource) -> dict[str, Any]:
    group, _, name = schedule.name.partition("/")
    return {
        "Arn": schedule.arn,
        "Name": name,
        "GroupName": group,
        "State": schedule.status,
        "CreationDate": moment(schedule.created),
        "LastModificationDate": moment(schedule.updated),
        "Target": {"Arn": schedule.spec["Target"]["Arn"]},
    }
