"""When a schedule's time comes: its call is made like a client's, tried again where that helps, and the next one planned.

| Answer | Then |
|---|---|
| success | done |
| throttled, server error, lost answer | again after a minute, two, four, … within the target's RetryPolicy; then given up |
| anything else | given up |

What was given up is noted in the world, under `schedulerFailures`. A schedule without further occurrences whose
ActionAfterCompletion is DELETE is deleted once its last call is done or given up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from reconciler.localcloud.errors import AwsError, LostResponse
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.scheduler.expressions import (
    FINEST,
    Expression,
    first_occurrence,
    occurrence,
    parse_expression,
    time_zone,
)
from reconciler.localcloud.scheduler.targets import InvalidTarget, api_call, is_universal
from reconciler.localcloud.service import Cloud
from reconciler.localcloud.world import World

FAILURES = "schedulerFailures"
KEPT_FAILURES = 200
SERVER_ERRORS = frozenset({500, 502, 503, 504})
RETRYABLE = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
FIRE, RETRY = "scheduler.schedule.fire", "scheduler.schedule.retry"


def plan_first(world: World, schedule: Resource, now: float) -> None:
    """Plan the first occurrence from now, or from the schedule's StartDate, on."""
    start = max(_moment(now), schedule.spec.get("StartDate") or _moment(now))
    schedule.facts["anchor"] = start.timestamp()
    if schedule.status == "ENABLED":
        expression, zone = _expression(schedule)
        _plan(world, schedule, first_occurrence(expression, zone=zone, start=start))


def fire(cloud: Cloud, schedule: Resource, at: float, data: Mapping[str, Any]) -> None:
    _plan(cloud.world, schedule, _next(schedule, data["due"]))
    _deliver(cloud, schedule, at, due=data["due"], attempt=0)


def retry(cloud: Cloud, schedule: Resource, at: float, data: Mapping[str, Any]) -> None:
    _deliver(cloud, schedule, at, due=data["due"], attempt=data["attempt"])


def _next(schedule: Resource, due: float) -> datetime | None:
    expression, zone = _expression(schedule)
    return occurrence(expression, zone=zone, anchor=_moment(schedule.facts["anchor"]), after=_moment(due) + FINEST)


def _plan(world: World, schedule: Resource, when: datetime | None) -> None:
    end = schedule.spec.get("EndDate")
    planned = when if when is not None and (end is None or when <= end) else None
    schedule.facts["next"] = planned.timestamp() if planned else None
    if planned is not None:
        due = planned.timestamp()
        world.at(due + _delay(world, schedule), schedule, FIRE, due=due)


def _delay(world: World, schedule: Resource) -> float:
    """Somewhere within the flexible window."""
    return world.chance.uniform(0, 60.0 * schedule.spec["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0))


def _deliver(cloud: Cloud, schedule: Resource, at: float, *, due: float, attempt: int) -> None:
    try:
        _call(cloud, schedule)
    except (AwsError, LostResponse, InvalidTarget) as wrong:
        if _helps(wrong) and _may_retry(schedule, at, due=due, attempt=attempt):
            cloud.world.at(at + _backoff(attempt), schedule, RETRY, due=due, attempt=attempt + 1)
            return
        _note(cloud.world, schedule, at, wrong, attempts=attempt + 1)
    if schedule.facts["next"] is None and schedule.spec["ActionAfterCompletion"] == "DELETE":
        cloud.world.drop(schedule)


def _call(cloud: Cloud, schedule: Resource) -> None:
    """Raises AwsError, LostResponse or InvalidTarget."""
    target = schedule.spec["Target"]
    if not is_universal(target["Arn"]):
        raise InvalidTarget(f"the embedded cloud calls only universal targets, not {target['Arn']}")
    call = api_call(target["Arn"], target.get("Input"))
    cloud.call(call.service, call.operation, call.parameters, region=schedule.region, caller="scheduler")


def _helps(wrong: Exception) -> bool:
    match wrong:
        case AwsError(code=code, status=status):
            return code in RETRYABLE or status in SERVER_ERRORS
        case LostResponse():
            return True
        case _:
            return False


def _may_retry(schedule: Resource, at: float, *, due: float, attempt: int) -> bool:
    policy = schedule.spec["Target"]["RetryPolicy"]
    age = at + _backoff(attempt) - due
    return bool(attempt < policy["MaximumRetryAttempts"] and age <= policy["MaximumEventAgeInSeconds"])


def _backoff(attempt: int) -> float:
    """A minute, doubling up to an hour."""
    return float(min(60 * 2 ** min(attempt, 6), 3600))


def _note(world: World, schedule: Resource, at: float, wrong: Exception, *, attempts: int) -> None:
    failure = {
        "schedule": schedule.arn,
        "target": schedule.spec["Target"]["Arn"],
        "at": at,
        "attempts": attempts,
        "error": wrong.code if isinstance(wrong, AwsError) else type(wrong).__name__,
        "message": wrong.message if isinstance(wrong, AwsError) else str(wrong),
    }
    world.notes[FAILURES] = [*world.notes.get(FAILURES, []), failure][-KEPT_FAILURES:]


def _expression(schedule: Resource) -> tuple[Expression, tzinfo]:
    return parse_expression(schedule.spec["ScheduleExpression"]), time_zone(schedule.spec["ScheduleExpressionTimezone"])


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
