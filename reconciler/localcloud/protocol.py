"""Requests and answers on the wire: routing, parsing and writing, straight from botocore's service models.

moto.core does the work that is the same for every service; the JSON protocol, which carries most calls, is written here,
several times quicker than by the general serializer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.utils import parse_timestamp
from moto.core.eventstream import EventStreamEncoder
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.faults import STATUS_BY_CODE


@dataclass(frozen=True)
class Answer:
    """`body`: whole, or in pieces as they come; pieces that can be closed are, once the answer is over."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""


@dataclass(frozen=True)
class Route:
    """The operation that a request is for, and what its path says."""

    operation: OperationModel
    labels: Mapping[str, Any]


def route(service: str, request: Request) -> Route | None:
    """Which operation of the service the request is for; None when it is for none."""
    try:
        operation, labels = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError):
        return None
    return Route(operation, labels)


def parse(found: Route, request: Request) -> dict[str, Any]:
    """The request's parameters; timestamps are aware. Raises AwsError(SerializationException) for what is no request."""
    protocol = str(found.operation.service_model.protocol)
    parser = PROTOCOL_PARSERS[protocol](found.operation, timestamp_parser=_aware)
    message: Any = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": request.data,
        "url_path": request.path,
        "url_params": found.labels,
    }
    try:
        return dict(parser.parse(message))
    except (ValueError, TypeError, AttributeError) as wrong:
        raise AwsError("SerializationException", f"The request could not be read: {wrong}") from wrong


def write(operation: OperationModel, result: Any) -> Answer:
    """The answer that carries a result: a mapping of the operation's output, or an iterable of its events."""
    if operation.service_model.protocol == "json":
        return _write_json(operation, result or {})
    stream = _streamed(operation, result)
    written = _serialized(operation, result if stream is None else result | {stream: []})
    body = _bytes(written["body"]) if stream is None else Frames(operation, stream, result[stream])
    return Answer(int(written["status_code"]), {**written["headers"], **_beside_the_stream(operation, result)}, body)


class Frames:
    """The events of a stream as messages of application/vnd.amazon.eventstream, each as soon as it is there."""

    def __init__(self, operation: OperationModel, member: str, events: Iterable[Mapping[str, Any]]) -> None:
        self._operation = operation
        self._member = member
        self._events = events

    def __iter__(self) -> Iterator[bytes]:
        try:
            for event in self._events:
                yield _bytes(_serialized(self._operation, {self._member: [event]})["body"])
        except OSError as broken:
            yield _broken_off(broken)

    def close(self) -> None:
        close = getattr(self._events, "close", None)
        if close is not None:
            close()


def _broken_off(why: OSError) -> bytes:
    """The last message of a stream whose source is gone: clients raise it. Of SageMaker Runtime, whose streams alone have a source."""
    headers = {":message-type": "exception", ":exception-type": "ModelStreamError", ":content-type": "application/json"}
    told = {"Message": f"The model's answer broke off: {why}", "ErrorCode": "StreamBroken"}
    return EventStreamEncoder().encode_message(headers, json.dumps(told).encode())


def _streamed(operation: OperationModel, result: Any) -> str | None:
    """The member of the result that is an event stream whose events are still to come."""
    if not operation.has_event_stream_output or not isinstance(result, Mapping):
        return None
    return next(
        (name for name, value in result.items() if hasattr(value, "__iter__") and hasattr(value, "close")), None
    )


def _beside_the_stream(operation: OperationModel, result: Any) -> dict[str, str]:
    """The headers of an answer that is an event stream: moto's serializer leaves them out. All of them are texts."""
    if not operation.has_event_stream_output or not isinstance(result, Mapping) or operation.output_shape is None:
        return {}
    places = {name: shape.serialization for name, shape in operation.output_shape.members.items()}
    return {
        str(place["name"]): str(result[name])
        for name, place in places.items()
        if place.get("location") == "header" and result.get(name) is not None
    }


def _serialized(operation: OperationModel, result: Any) -> Any:
    serializer = get_serializer_class(operation.service_model.service_name, str(operation.service_model.protocol))
    return serializer(operation).serialize(result or {})


def status_of(service: str, error: AwsError) -> int:
    """The HTTP status of an error: its own, else the model's, else 400."""
    return error.status or _statuses(service).get(error.code) or STATUS_BY_CODE.get(error.code, 400)


def write_error(service: str, error: AwsError) -> Answer:
    """The answer that carries an error."""
    model = get_service_model(service)
    status = status_of(service, error)
    if str(model.protocol).endswith("json") or str(model.protocol).startswith("smithy"):
        body = json.dumps({"__type": error.code, "message": error.message, "Message": error.message})
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amzn-Errortype": error.code}
        return Answer(status, headers, body.encode())
    serializer = get_serializer_class(service, str(model.protocol))
    written = serializer(OperationModel({}, model)).serialize(error)
    return Answer(status, dict(written["headers"]), _bytes(written["body"]))


def _write_json(operation: OperationModel, result: Mapping[str, Any]) -> Answer:
    shape = operation.output_shape
    members = {} if shape is None else shape.members
    body = {key: _prune(value) for key, value in result.items() if value is not None and key in members}
    content = json.dumps(body, default=_seconds).encode()
    return Answer(200, {"Content-Type": "application/x-amz-json-1.1"}, content)


def _prune(value: Any) -> Any:
    """Absent members are left out on the wire, never null."""
    if isinstance(value, Mapping):
        return {key: _prune(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_prune(item) for item in value]
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def _aware(value: Any) -> datetime:
    parsed = parse_timestamp(value)
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@cache
def _statuses(service: str) -> Mapping[str, int]:
    """HTTP status by error code, as the service's model declares them."""
    shapes: Any = get_service_model(service).error_shapes
    declared = {shape.error_code: shape.metadata.get("error", {}).get("httpStatusCode") for shape in shapes}
    declared |= {shape.name: declared[shape.error_code] for shape in shapes}
    return {code: int(status) for code, status in declared.items() if status}


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body
