"""CloudTrail's event history: the request log in CloudTrail's shape. No trails, and nothing of before the cloud was started.

The embedded cloud knows no users: an access key stands for an IAM user of that name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.paging import page
from reconciler.localcloud.requests import LoggedRequest
from reconciler.localcloud.service import Call, Service

DAYS = 90
"""Of history: LookupEvents, CloudTrail API reference."""
PAGE = 50

Event = dict[str, Any]


def lookup_events(call: Call) -> Mapping[str, Any]:
    """Management events, newest first; of one attribute and a range of time, if they are given."""
    start, end = _range(call)
    attributes = call.params.get("LookupAttributes") or ()
    if len(attributes) > 1:
        raise AwsError("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
    of_services = (entry for entry in reversed([*call.world.requests]) if _is_management(entry, call.region))
    events = [_event(entry, call) for entry in of_services if start <= entry.at <= end]
    wanted = [event for event in events if all(_has(event, attribute) for attribute in attributes)]
    found, token = page(wanted, call.params.get("NextToken"), call.params.get("MaxResults"), default=PAGE)
    return {"Events": [*found], **({"NextToken": token} if token else {})}


def _range(call: Call) -> tuple[float, float]:
    start, end = call.params.get("StartTime"), call.params.get("EndTime")
    earliest = call.now - DAYS * 86_400
    begins = max(start.timestamp(), earliest) if start else earliest
    ends = end.timestamp() if end else call.now
    if begins > ends:
        raise AwsError("InvalidTimeRangeException", "The start time must be before the end time.")
    return begins, ends


def _is_management(entry: LoggedRequest, region: str) -> bool:
    """Objects, prompts and the trail's own look-ups are no management events."""
    return entry.region == region and entry.service in _SOURCES


_SOURCES = {service: f"{service}.amazonaws.com" for service in ("sagemaker", "bedrock", "scheduler")}


def _event(entry: LoggedRequest, call: Call) -> Event:
    at = datetime.fromtimestamp(entry.at, UTC)
    user = entry.access_key or entry.caller
    told = {
        "eventVersion": "1.11",
        "userIdentity": _identity(entry, call),
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": _SOURCES[entry.service],
        "eventName": entry.operation,
        "awsRegion": entry.region,
        "requestParameters": _parameters(entry) or None,
        "responseElements": {_lower(key): arn for key, arn in entry.made.items()} or None,
        "eventID": _identifier(entry),
        "readOnly": not entry.changes,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.world.account,
        **({"errorCode": entry.error} if entry.error else {}),
    }
    return {
        "EventId": _identifier(entry),
        "EventName": entry.operation,
        "ReadOnly": json.dumps(not entry.changes),
        "EventTime": at,
        "EventSource": _SOURCES[entry.service],
        "Username": user,
        "AccessKeyId": entry.access_key,
        "Resources": [{"ResourceName": entry.name}] if entry.name else [],
        "CloudTrailEvent": json.dumps(told),
    }


def _parameters(entry: LoggedRequest) -> Mapping[str, str]:
    named = {_lower(entry.named_by): entry.name} if entry.named_by else {}
    return named | ({"groupName": entry.group} if entry.group else {})


def _identity(entry: LoggedRequest, call: Call) -> Mapping[str, Any]:
    if not entry.access_key:
        return {"type": "AWSService", "invokedBy": f"{entry.caller}.amazonaws.com"}
    arn = f"arn:aws:iam::{call.world.account}:user/{entry.access_key}"
    return {"type": "IAMUser", "arn": arn, "accountId": call.world.account, "userName": entry.access_key}


def _identifier(entry: LoggedRequest) -> str:
    return f"00000000-0000-4000-8000-{entry.sequence:012d}"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _has(event: Event, attribute: Mapping[str, str]) -> bool:
    key, value = attribute["AttributeKey"], attribute["AttributeValue"]
    match key:
        case "ResourceName":
            return any(each["ResourceName"] == value for each in event["Resources"])
        case "ResourceType":  # the request log knows none
            return False
        case _:
            return bool(event[key] == value)


CLOUDTRAIL = Service(name="cloudtrail", operations={"LookupEvents": lookup_events})
