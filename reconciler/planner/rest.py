"""Rest: the manifest wants the model deployed, but its own rules say not now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.domain.desired import DesiredModel, UndeployRule
from reconciler.domain.hours import next_change, within_hours
from reconciler.domain.observation import Deployment, ModelObservation, ScheduleObservation, Version
from reconciler.domain.quantity import format_duration

AUTO_UNDEPLOY = "spec.deployment.autoUndeploy"
UNDEPLOY = "undeploy"
DEPLOY = "deploy"


@dataclass(frozen=True)
class Rest:
    """``code`` and ``message`` as in a Reason."""

    code: str
    message: str


def resting(
    want: DesiredModel,
    seen: ModelObservation,
    current: Deployment | None,
    now: datetime,
    *,
    was_deployed: bool,
    redeploy: bool,
) -> Rest | None:
    """Why it is not to be deployed now; ``None`` where it is. ``redeploy`` overrides what has run out, not the clock's rules."""
    by_clock = _by_rule(want.resolved.deployment.undeploy, now)
    if by_clock or redeploy:
        return by_clock
    return _ran_out(want, seen, current, now) or _idle(want, seen, current, now, was_deployed=was_deployed)


def expected_purposes(rule: UndeployRule | None) -> frozenset[str]:
    """Which schedules a rule asks for."""
    if rule is None:
        return frozenset()
    return frozenset({UNDEPLOY, DEPLOY} if rule.hours else {UNDEPLOY})


def moment(at: datetime) -> str:
    """``2026-12-24 18:00 UTC``."""
    offset = at.utcoffset()
    zone = "UTC" if not offset else at.strftime("%z")
    return f"{at:%Y-%m-%d %H:%M} {zone}"


def _by_rule(rule: UndeployRule | None, now: datetime) -> Rest | None:
    if rule is None:
        return None
    if rule.at is not None and rule.at <= now:
        return Rest("undeploy-time-passed", f"its time to undeploy, {moment(rule.at)}, has passed")
    if rule.hours is not None and not within_hours(rule, now):
        return Rest("outside-hours", f"it is outside its hours, {rule.hours} {rule.timezone}{_again(rule, now)}")
    return None


def _again(rule: UndeployRule, now: datetime) -> str:
    begins = next_change(rule, now)
    return f"; it is due again at {moment(begins)}" if begins else ""


def _ran_out(want: DesiredModel, seen: ModelObservation, current: Deployment | None, now: datetime) -> Rest | None:
    rule = want.resolved.deployment.undeploy
    if rule is None or rule.after is None:
        return None
    fired = [s.fires_at for s in _own_schedules(rule, seen.schedules) if s.fires_at is not None and s.fires_at <= now]
    begun = current.created_at if current else None
    over = [at for at in fired if begun is None or at >= begun]
    if not over:
        return None
    return Rest(
        "undeployed-by-schedule",
        f"its {format_duration(rule.after)} ended at {moment(max(over))}, as the manifest asks",
    )


def _own_schedules(rule: UndeployRule, schedules: Iterable[ScheduleObservation]) -> list[ScheduleObservation]:
    return [schedule for schedule in schedules if schedule.purpose == UNDEPLOY and schedule.rule == rule]


def _idle(
    want: DesiredModel, seen: ModelObservation, current: Deployment | None, now: datetime, *, was_deployed: bool
) -> Rest | None:
    limit = want.resolved.deployment.idle
    if current is not None and _silent_since(seen) is None:
        return None  # nobody knows whether it is used
    last = _last_activity(seen, current, seen.version(want.fingerprint))
    if limit is None or last is None or now - last < limit or not (current or was_deployed):
        return None
    invoked = f"last invoked {moment(seen.last_invoked_at)}" if seen.last_invoked_at else "never invoked"
    return Rest("idle", f"it was {invoked}: idle for {_days(now - last)}, the manifest allows {format_duration(limit)}")


def _last_activity(seen: ModelObservation, current: Deployment | None, version: Version | None) -> datetime | None:
    """A deployment counts as used when it was made or changed; one that is gone, when its version was trained."""
    made = (current.created_at, current.updated_at) if current else (_trained_at(version),)
    known = [at for at in (_silent_since(seen), *made) if at is not None]
    return max(known) if any(made) else None


def _silent_since(seen: ModelObservation) -> datetime | None:
    return seen.last_invoked_at or seen.counted_since


def _trained_at(version: Version | None) -> datetime | None:
    return version.artifact.created_at if version and version.artifact else None


def _days(duration: timedelta) -> str:
    hours = int(duration.total_seconds() // 3600)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
