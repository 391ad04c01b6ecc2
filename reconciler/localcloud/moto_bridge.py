"""The services that moto gives: S3, Secrets Manager, SNS, EventBridge, IAM, STS, Logs, CloudWatch, tagging. No other module uses moto.

moto keeps the state of every service in module globals. `MotoState` holds one cloud's share of them and puts it in place
before each use, so that several clouds can live in one process; a lock lets one of them in at a time. What these services
do takes place in wall time: their dates do not follow the cloud's clock.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

import moto.backends
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import create_backend_app

from reconciler.localcloud import moto_tagging
from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.world import World

MOTO_BY_SIGNING_NAME: Mapping[str, str] = {
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "events": "events",
    "iam": "iam",
    "sts": "sts",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
}
"""The services taken from moto, by the name that clients sign for; botocore and moto call them alike."""

URI = re.compile(r"s3://([^/]+)(?:/(.*))?", re.DOTALL)
SUBJECT = "AWS Notification Message"
"""Of a mail whose publisher gave none, as EventBridge gives none."""
KEPT_EXTRAS = ("bucket_accounts",)
"""State that a service's backends keep beside themselves."""

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_swap = threading.RLock()
_in_place: MotoState | None = None


class MotoState:
    """One cloud's share of moto. `world` is the rest of that cloud, which the tagging API shows, too; `changed` is called when one of
    our own services has changed something here."""

    def __init__(self, world: Callable[[], World], changed: Callable[[], None] = lambda: None) -> None:
        self._world = world
        self.changed = changed
        self._parked: dict[str, dict[str, Any]] = {name: {} for name in MOTO_BY_SIGNING_NAME.values()}
        self._extras: dict[str, dict[str, Any]] = {name: {} for name in MOTO_BY_SIGNING_NAME.values()}

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within, moto's globals are this cloud's."""
        global _in_place  # noqa: PLW0603 - moto's state is global, so who owns it is, too
        with _swap:
            if _in_place is not self:
                if _in_place is not None:
                    _in_place._park()
                self._unpark()
                moto_tagging.show(self._world)
                _in_place = self
            yield

    def reset(self) -> None:
        """Forget everything."""
        with self.in_place():
            for name in MOTO_BY_SIGNING_NAME.values():
                _empty(name)

    def dump(self) -> dict[str, Any]:
        """Everything as plain picklable data: service -> account -> region -> the backend's attributes."""
        with self.in_place():
            return {
                name: {"backends": _attributes(_backends(name)), "extras": _extras_of(name)}
                for name in MOTO_BY_SIGNING_NAME.values()
            }

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Put back what `dump` gave."""
        with self.in_place():
            for name, state in dumped.items():
                for account, region, attributes in state["backends"]:
                    _backends(name)[account][region].__dict__.update(attributes)
                    _rejoin(_backends(name)[account][region])
                for attribute, value in state["extras"].items():
                    getattr(_backends(name), attribute).update(value)

    def _park(self) -> None:
        for name in MOTO_BY_SIGNING_NAME.values():
            self._parked[name], self._extras[name] = dict(_backends(name)), _extras_of(name)
            _empty(name)

    def _unpark(self) -> None:
        for name in MOTO_BY_SIGNING_NAME.values():
            _empty(name)
            _backends(name).update(self._parked[name])
            for attribute, value in self._extras[name].items():
                getattr(_backends(name), attribute).update(value)


class MotoObjects:
    """The embedded S3 for the other services; see `service.Objects`."""

    def __init__(self, state: MotoState, account: str) -> None:
        self._state = state
        self._account = account

    def list(self, uri: str) -> Mapping[str, int] | None:
        if not is_uri(uri):
            return None
        bucket, prefix = split_uri(uri)
        with self._state.in_place():
            held = self._backend().buckets.get(bucket)
            if held is None:
                return None
            return {key: item.size for key, item in held.keys.items() if key.startswith(prefix)}

    def get(self, uri: str) -> bytes | None:
        if not is_uri(uri):
            return None
        bucket, key = split_uri(uri)
        with self._state.in_place():
            held = self._backend().buckets.get(bucket)
            item = None if held is None else held.keys.get(key)
            return None if item is None else bytes(item.value)

    def put(self, uri: str, content: bytes) -> None:
        bucket, key = split_uri(uri)
        with self._state.in_place():
            if bucket not in self._backend().buckets:
                raise AwsError("NoSuchBucket", f"The specified bucket does not exist: {bucket}")
            self._backend().put_object(bucket, key, content)
        self._state.changed()

    def delete(self, uri: str) -> None:
        bucket, key = split_uri(uri)
        with self._state.in_place():
            if bucket in self._backend().buckets:
                self._backend().delete_object(bucket, key)
        self._state.changed()

    def make_bucket(self, name: str) -> None:
        with self._state.in_place():
            if name not in self._backend().buckets:
                self._backend().create_bucket(name, "us-east-1")
        self._state.changed()

    def _backend(self) -> Any:
        return _backends("s3")[self._account]["aws"]


class MotoLogs:
    """The embedded CloudWatch Logs for the other services; see `service.Logs`."""

    def __init__(self, state: MotoState, account: str) -> None:
        self._state = state
        self._account = account

    def write(self, region: str, group: str, stream: str, at: float, lines: Sequence[str]) -> None:
        with self._state.in_place():
            backend = _backends("logs")[self._account][region]
            if group not in backend.groups:
                backend.create_log_group(group, {})
            backend.ensure_log_stream(group, stream)
            # Not through the backend: it refuses times that are far from the machine's own.
            events = [{"timestamp": int(at * 1000), "message": line} for line in lines]
            backend.groups[group].streams[stream].put_log_events(events)
        self._state.changed()


class MotoMetrics:
    """The embedded CloudWatch for the other services; see `service.Metrics`."""

    def __init__(self, state: MotoState, account: str) -> None:
        self._state = state
        self._account = account

    def count(self, region: str, namespace: str, name: str, dimensions: Mapping[str, str], at: float) -> None:
        data = {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Timestamp": datetime.fromtimestamp(at, UTC).replace(tzinfo=None),  # as moto reads them off the wire
            "Value": 1.0,
        }
        with self._state.in_place():
            _backends("cloudwatch")[self._account][region].put_metric_data(namespace, [data])
        self._state.changed()


class MotoMail:
    """The embedded SNS and EventBridge, as far as events of the other services go through rules to topics, and from there by mail."""

    def __init__(self, state: MotoState, account: str) -> None:
        self._state = state
        self._account = account

    def send(self, event: Mapping[str, Any]) -> None:
        """Let the default bus of the event's region have it. Targets other than topics get nothing."""
        region = str(event["region"])
        with self._state.in_place():
            bus = _backends("events")[self._account][region].event_buses["default"]
            topics = _backends("sns")[self._account][region].topics
            for rule in list(bus.rules.values()):
                if rule.state != "ENABLED" or not rule.event_pattern.matches_event(event):
                    continue
                for target in rule.targets:
                    if target["Arn"] in topics:
                        topics[target["Arn"]].publish(target_input(target, event), subject=SUBJECT)

    def mails(self) -> list[dict[str, str]]:
        """What every address that a topic has got, oldest first within a topic. An address counts as confirmed at once."""
        with self._state.in_place():
            backends: list[Any] = [backend for _, _, backend in _backends("sns").iter_backends()]
            return [
                {"to": each.endpoint, "topic": topic.name, "subject": sent[2] or SUBJECT, "text": sent[1]}
                for backend in backends
                for topic in backend.topics.values()
                for sent in topic.sent_notifications
                for each in backend.subscriptions.values()
                if each.topic is topic and each.protocol == "email"
            ]


def target_input(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """What a target is sent: the event, or what its input transformer makes of it. A path that the event has not gives nothing.

    A template that is a JSON string is sent without its quotes: "Amazon EventBridge input transformation", EventBridge user guide.
    """
    transformer = target.get("InputTransformer")
    if transformer is None:
        return str(target.get("Input") or json.dumps(event))
    text = str(transformer["InputTemplate"])
    for name, path in transformer.get("InputPathsMap", {}).items():
        text = text.replace(f"<{name}>", _quoted(_at(event, path)))
    try:
        read = json.loads(text)
    except ValueError:
        return text
    return read if isinstance(read, str) else text


def _at(event: Mapping[str, Any], path: str) -> Any:
    """``$.detail.status``; None where there is no such thing."""
    found: Any = event
    for key in path.removeprefix("$").strip(".").split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _quoted(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1]


@cache
def moto_app(name: str) -> WsgiApp:
    """moto's own application for one of its services."""
    app: WsgiApp = create_backend_app(name)  # type: ignore[arg-type]
    return app


def is_uri(text: str) -> bool:
    """Whether it has the shape s3://bucket/key."""
    return URI.fullmatch(text) is not None


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of s3://bucket/key. Raises ValidationException for what is no such URI."""
    parts = URI.fullmatch(uri)
    if parts is None:
        raise AwsError("ValidationException", f"{uri!r} is not an S3 URI such as s3://bucket/key")
    return parts[1], parts[2] or ""


def _backends(name: str) -> BackendDict[Any]:
    return moto.backends.get_backend(name)  # type: ignore[call-overload,no-any-return]


def _rejoin(backend: Any) -> None:
    """A topic knows its backend, of which a snapshot keeps a husk: put the live one in its place."""
    for topic in getattr(backend, "topics", {}).values():
        topic.sns_backend = backend


def _empty(name: str) -> None:
    backends = _backends(name)
    backends.clear()
    for attribute in _extras_of(name):
        getattr(backends, attribute).clear()


def _attributes(backends: BackendDict[Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(account, region, backend.__dict__) for account, region, backend in backends.iter_backends()]


def _extras_of(name: str) -> dict[str, Any]:
    backends = _backends(name)
    return {attribute: dict(getattr(backends, attribute)) for attribute in KEPT_EXTRAS if hasattr(backends, attribute)}
