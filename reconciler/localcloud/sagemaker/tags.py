"""Tags on SageMaker resources: AddTags overwrites, 50 a resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.localcloud.errors import invalid
from reconciler.localcloud.paging import page
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call

MOST = 50
PAGE = 50


def from_list(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """The tags of a request. Raises ValidationException for one key given twice or too many tags."""
    given = list(tags or ())
    by_key = {tag["Key"]: tag.get("Value", "") for tag in given}
    if len(by_key) != len(given):
        raise invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    _check_count(by_key)
    _check_reserved(by_key)
    return by_key


def to_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def add_tags(call: Call) -> dict[str, Any]:
    resource = _tagged(call)
    tags = resource.tags | from_list(call.params["Tags"])
    _check_count(tags)
    resource.tags = tags
    return {"Tags": to_list(tags)}


def list_tags(call: Call) -> dict[str, Any]:
    tags = to_list(_tagged(call).tags)
    shown, token = page(tags, call.params.get("NextToken"), call.params.get("MaxResults"), default=PAGE)
    return {"Tags": shown, "NextToken": token}


def delete_tags(call: Call) -> dict[str, Any]:
    resource = _tagged(call)
    resource.tags = {key: value for key, value in resource.tags.items() if key not in call.params["TagKeys"]}
    return {}


def _tagged(call: Call) -> Resource:
    """The resource behind the ARN; SageMaker's ARNs are read without regard to case."""
    arn = call.params["ResourceArn"]
    resource = call.find_arn(arn) or call.find_arn(arn.lower())
    if resource is None or not resource.kind.startswith("sagemaker:"):
        raise invalid(f"Could not find resource with ARN {arn}.")
    return resource


def _check_count(tags: Mapping[str, str]) -> None:
    if len(tags) > MOST:
        raise invalid(f"The number of tags exceeds the limit of {MOST} tags per resource.")


def _check_reserved(tags: Mapping[str, str]) -> None:
    reserved = [key for key in tags if key.lower().startswith("aws:")]
    if reserved:
        raise invalid(f"Tag keys that start with aws: are reserved for system use: {', '.join(reserved)}")
