"""Schedules that undeploy, and for deployment hours deploy again: EventBridge Scheduler calls the service's own API.

Each is kept in the project's group with what it was made from as JSON in its description, which is how it is recognised
and compared later. One-time schedules stay after they have fired: that is how the next look knows why an endpoint is gone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from reconciler.domain.desired import UndeployRule
from reconciler.domain.fingerprint import canonical_json, digest
from reconciler.domain.naming import schedule_group, schedule_name
from reconciler.domain.observation import ScheduleObservation
from reconciler.domain.outcome import FaultKind
from reconciler.domain.tags import FINGERPRINT, PROJECT
from reconciler.providers.aws.cron import beginnings, endings
from reconciler.providers.aws.faults import Refused, code_of
from reconciler.providers.aws.paging import every
from reconciler.providers.aws.session import AwsSession
from reconciler.providers.aws.tags import read_tags, sagemaker_tags

PAGE = 100
SOONEST = timedelta(minutes=1)
"""A one-time schedule lies in the future: AWS refuses what is past."""

UNDEPLOY = "undeploy"
DEPLOY = "deploy"


@dataclass(frozen=True)
class ScheduledCall:
    """A universal target: the service's API action in camelCase, its parameters with a capital first letter."""

    service: str
    action: str
    parameters: Mapping[str, Any]

    @property
    def arn(self) -> str:
        return f"arn:aws:scheduler:::aws-sdk:{self.service}:{self.action}"

    @property
    def input(self) -> str:
        return canonical_json(dict(self.parameters))

    @property
    def digest(self) -> str:
        return digest({"arn": self.arn, "input": self.input})


@dataclass(frozen=True)
class Schedule:
    """One schedule as it should be."""

    name: str
    model: str
    purpose: str
    rule: UndeployRule
    expression: str
    timezone: str
    call: ScheduledCall


def wanted(
    model: str,
    rule: UndeployRule | None,
    *,
    undeploy: ScheduledCall,
    deploy: ScheduledCall,
    deployed_at: datetime,
    now: datetime,
) -> tuple[Schedule, ...]:
    """The schedules that carry out a rule.

    =============== ==========================================================================
    no rule         none
    ``after``       undeploy once, so long after the deployment
    ``at``          undeploy once
    ``hours``       undeploy where each stretch of hours ends, deploy where each begins
    =============== ==========================================================================
    """
    if rule is None:
        return ()
    calls = {UNDEPLOY: undeploy, DEPLOY: deploy}
    zone = rule.timezone if rule.hours else "UTC"
    return tuple(
        Schedule(schedule_name(model, purpose, number), model, purpose, rule, expression, zone, calls[purpose])
        for purpose, expressions in _times(rule, deployed_at, now).items()
        for number, expression in enumerate(expressions, 1)
    )


def _times(rule: UndeployRule, deployed_at: datetime, now: datetime) -> dict[str, tuple[str, ...]]:
    """Expressions by purpose."""
    match rule:
        case UndeployRule(after=timedelta() as after):
            return {UNDEPLOY: (_once(deployed_at + after, now),)}
        case UndeployRule(at=datetime() as at):
            return {UNDEPLOY: (_once(at, now),)}
        case UndeployRule(hours=str() as hours):
            return {UNDEPLOY: endings(hours), DEPLOY: beginnings(hours)}
        case _:
            return {}


class Schedules:
    """The project's schedules for one service."""

    def __init__(
        self, aws: AwsSession, *, project: str, service: str, role: str | None, page_size: int | None = None
    ) -> None:
        self._aws = aws
        self._project = project
        self._service = service
        self._role = role
        self._group = schedule_group(project)
        self._page = page_size or PAGE

    def observe(self) -> dict[str, tuple[ScheduleObservation, ...]]:
        """By model. Lists name the target only, so each of ours is read."""
        mine = [listed["Name"] for listed in self._listed() if f":{self._service}:" in listed["Target"]["Arn"]]
        found = [self._read_schedule(name) for name in mine]
        by_model: dict[str, list[tuple[dict[str, Any], Mapping[str, Any]]]] = defaultdict(list)
        for schedule in found:
            told = _told(schedule) if schedule is not None else {}
            if schedule is not None and told.get("project") == self._project:
                by_model[str(told.get("model"))].append((schedule, told))
        return {model: tuple(_observations(schedules)) for model, schedules in by_model.items()}

    def bring_to(self, schedules: Iterable[Schedule], *, former: Iterable[ScheduleObservation] = ()) -> None:
        """Write these, and remove those of ``former`` that are not among them. May be repeated."""
        kept = [*schedules]
        for schedule in kept:
            self._put(schedule, count=sum(1 for other in kept if other.purpose == schedule.purpose))
        self.remove(old.name for old in former if old.name not in {schedule.name for schedule in kept})

    def remove(self, names: Iterable[str]) -> None:
        """Removing the absent is done."""
        for name in names:
            try:
                self._change.delete_schedule(GroupName=self._group, Name=name)
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise

    def _listed(self) -> list[dict[str, Any]]:
        """Empty before the group exists."""
        try:
            return [*every(self._read.list_schedules, "Schedules", GroupName=self._group, MaxResults=self._page)]
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return []
            raise

    def _read_schedule(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._read.get_schedule(GroupName=self._group, Name=name))
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return None
            raise

    def _put(self, schedule: Schedule, *, count: int) -> None:
        request = self._request(schedule, count)
        try:
            self._create(request)
        except ClientError as error:
            existing = self._read_schedule(schedule.name)
            if existing is None:
                raise
            if _told(existing).get("project") != self._project:
                told = f"the schedule {schedule.name} in {self._group} is not of project {self._project}"
                raise Refused(FaultKind.CONFLICT, code_of(error), told) from error
            self._change.update_schedule(**request)

    def _create(self, request: Mapping[str, Any]) -> None:
        """In the group, which is made when the first schedule is."""
        try:
            self._change.create_schedule(**request)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            self._make_group()
            self._change.create_schedule(**request)

    def _make_group(self) -> None:
        try:
            self._change.create_schedule_group(Name=self._group, Tags=sagemaker_tags({PROJECT: self._project}))
        except ClientError as error:
            if code_of(error) != "ConflictException":
                raise

    def _request(self, schedule: Schedule, count: int) -> dict[str, Any]:
        return {
            "Name": schedule.name,
            "GroupName": self._group,
            "Description": _description(self._project, schedule, count),
            "ScheduleExpression": schedule.expression,
            "ScheduleExpressionTimezone": schedule.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "NONE",
            "State": "ENABLED",
            "Target": {"Arn": schedule.call.arn, "RoleArn": self._role, "Input": schedule.call.input},
        }

    @property
    def _read(self) -> Any:
        return self._aws.reading("scheduler")

    @property
    def _change(self) -> Any:
        return self._aws.changing("scheduler")


def _once(moment: datetime, now: datetime) -> str:
    """``at(…)`` in UTC, to the second."""
    moment = max(moment.astimezone(UTC), now.astimezone(UTC) + SOONEST)
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def _description(project: str, schedule: Schedule, count: int) -> str:
    """At most 512 characters. ``of``: how many schedules of this purpose the rule has, so that a missing one is seen."""
    rule = schedule.rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    told = {"project": project, "model": schedule.model, "purpose": schedule.purpose, "of": count, "rule": rule}
    return canonical_json(told)


def _told(schedule: Mapping[str, Any]) -> Mapping[str, Any]:
    """The description's JSON; empty where it is somebody else's text."""
    try:
        told = json.loads(schedule.get("Description") or "")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _observations(schedules: list[tuple[dict[str, Any], Mapping[str, Any]]]) -> Iterator[ScheduleObservation]:
    for schedule, told in sorted(schedules, key=lambda pair: str(pair[0]["Name"])):
        purpose = str(told.get("purpose"))
        siblings = sum(1 for _, other in schedules if other.get("purpose") == purpose)
        complete = siblings == told.get("of") and schedule.get("State") == "ENABLED"
        target = schedule["Target"]
        yield ScheduleObservation(
            name=schedule["Name"],
            purpose=purpose,
            rule=_rule(told) if complete else None,
            fires_at=_fires_at(schedule),
            target_digest=digest({"arn": target["Arn"], "input": target.get("Input", "")}),
            fingerprint=_fingerprint(target),
        )


def _fingerprint(target: Mapping[str, Any]) -> str | None:
    """Of the version that the call creates a deployment of, as the tags say that it would write."""
    try:
        parameters = json.loads(target.get("Input") or "{}")
        return read_tags(parameters.get("Tags") or ()).get(FINGERPRINT)
    except (ValueError, AttributeError):
        return None


def _rule(told: Mapping[str, Any]) -> UndeployRule | None:
    try:
        return UndeployRule.model_validate(told.get("rule"))
    except ValidationError:
        return None


def _fires_at(schedule: Mapping[str, Any]) -> datetime | None:
    """Of a one-time schedule of ours, which is always told in UTC."""
    expression = str(schedule.get("ScheduleExpression", ""))
    if not expression.startswith("at(") or not expression.endswith(")"):
        return None
    try:
        return datetime.fromisoformat(expression[3:-1]).replace(tzinfo=UTC)
    except ValueError:
        return None
