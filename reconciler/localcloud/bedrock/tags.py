"""Bedrock's tags: lower-case `key` and `value`, at most 200 on a resource (botocore's TagList)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call

MOST = 200


def tags_of(listed: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """A request's tag list as a mapping. Raises ValidationException for a key that comes twice."""
    pairs = [(tag["key"], tag["value"]) for tag in listed or ()]
    if len(dict(pairs)) < len(pairs):
        raise invalid("Duplicate tag keys found. Please note that tag keys are case sensitive.")
    return dict(pairs)


def tag_resource(call: Call) -> None:
    resource = _tagged(call)
    tags = {**resource.tags, **tags_of(call.params["tags"])}
    if len(tags) > MOST:
        raise AwsError(
            "TooManyTagsException", f"{resource.arn} would have {len(tags)} tags; at most {MOST} are allowed."
        )
    resource.tags = tags


def untag_resource(call: Call) -> None:
    resource = _tagged(call)
    gone = set(call.params["tagKeys"])
    resource.tags = {key: value for key, value in resource.tags.items() if key not in gone}


def list_tags(call: Call) -> Mapping[str, Any]:
    return {"tags": [{"key": key, "value": value} for key, value in _tagged(call).tags.items()]}


def _tagged(call: Call) -> Resource:
    arn = call.params["resourceARN"]
    resource = call.find_arn(arn)
    if resource is None or not resource.kind.startswith("bedrock:"):
        raise AwsError("ResourceNotFoundException", f"The resource {arn} is not found.")
    return resource
