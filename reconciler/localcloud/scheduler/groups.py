"""Schedule groups: what schedules are filed under, and the only thing here that has tags. `default` is always there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.clock import moment
from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.paging import page
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call

GROUP = "scheduler:schedule-group"
SCHEDULE = "scheduler:schedule"
DEFAULT = "default"
MOST_TAGS = 200
PAGE = 100


def group_of(call: Call, name: str | None) -> Resource:
    """The group of that name, by default `default`. Raises ResourceNotFoundException."""
    wanted = name or DEFAULT
    group = call.find(GROUP, wanted)
    if group is None and wanted == DEFAULT:
        group = _add(call, DEFAULT, {})
    if group is None:
        raise AwsError("ResourceNotFoundException", f"Schedule group {wanted} does not exist.")
    return group


def create_group(call: Call) -> Mapping[str, Any]:
    name = call.params["Name"]
    key = (call.region, call.service, call.operation, name, call.params.get("ClientToken") or "")
    known = call.world.find(call.region, GROUP, name)
    if known is not None and call.world.tokens.get(key) == known.arn:
        return {"ScheduleGroupArn": known.arn}
    if known is not None or name == DEFAULT:
        raise AwsError("ConflictException", f"Schedule group {name} already exists.")
    group = _add(call, name, _tags(call.params.get("Tags") or []))
    if call.params.get("ClientToken"):
        call.world.tokens[key] = group.arn
    return {"ScheduleGroupArn": group.arn}


def get_group(call: Call) -> Mapping[str, Any]:
    return _view(group_of(call, call.params["Name"]))


def delete_group(call: Call) -> None:
    """The group and its schedules, at once (AWS takes a while)."""
    group = group_of(call, call.params["Name"])
    if group.name == DEFAULT:
        raise invalid("The default schedule group cannot be deleted.")
    table = call.world.table(call.region, SCHEDULE)
    for schedule in [schedule for key, schedule in table.items() if key.startswith(f"{group.name}/")]:
        call.world.drop(schedule)
    call.world.drop(group)


def list_groups(call: Call) -> Mapping[str, Any]:
    group_of(call, DEFAULT)
    prefix = call.params.get("NamePrefix") or ""
    wanted = sorted((group for group in call.all(GROUP) if group.name.startswith(prefix)), key=lambda group: group.name)
    rows, token = page(wanted, call.params.get("NextToken"), call.params.get("MaxResults"), default=PAGE)
    return {"ScheduleGroups": [_view(group) for group in rows], "NextToken": token}


def tag_resource(call: Call) -> None:
    group = _by_arn(call)
    tags = {**group.tags, **_tags(call.params["Tags"])}
    if len(tags) > MOST_TAGS:
        raise invalid(f"{group.arn} would have {len(tags)} tags; at most {MOST_TAGS} are allowed.")
    group.tags = tags


def untag_resource(call: Call) -> None:
    group = _by_arn(call)
    gone = set(call.params["TagKeys"])
    group.tags = {key: value for key, value in group.tags.items() if key not in gone}


def list_tags(call: Call) -> Mapping[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _by_arn(call).tags.items()]}


def _by_arn(call: Call) -> Resource:
    arn = call.params["ResourceArn"]
    group = call.find_arn(arn)
    if group is None or group.kind != GROUP:
        raise AwsError("ResourceNotFoundException", f"Schedule group {arn} does not exist.")
    return group


def _add(call: Call, name: str, tags: dict[str, str]) -> Resource:
    arn = call.arn(f"schedule-group/{name}")
    return call.world.add(Resource(GROUP, name, arn, call.region, call.now, "ACTIVE", tags=tags))


def _tags(listed: list[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in listed}


def _view(group: Resource) -> Mapping[str, Any]:
    return {
        "Arn": group.arn,
        "Name": group.name,
        "State": group.status,
        "CreationDate": moment(group.created),
        "LastModificationDate": moment(group.updated),
    }
