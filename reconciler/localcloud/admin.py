"""What stands beside AWS's APIs under /_local/: status, clock, faults, request log, shutdown. JSON in, JSON out.

Every request must bear the server's token, so that no web page and no other user of the machine can drive the cloud.
"""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from reconciler.localcloud.app import DEFAULT_REGION, LocalCloud
from reconciler.localcloud.clock import moment
from reconciler.localcloud.faults import fault_from
from reconciler.localcloud.state import TOKEN_HEADER

PREFIX = "/_local/"

Handler = Callable[[LocalCloud, Mapping[str, Any]], Mapping[str, Any]]


class Admin:
    """Answers the requests under PREFIX. `shut_down` is called for POST /_local/shutdown and must return at once."""

    def __init__(self, cloud: LocalCloud, *, token: str, shut_down: Callable[[], None]) -> None:
        self._cloud = cloud
        self._token = token
        self._shut_down = shut_down

    def answer(self, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), self._token.encode()):
            return _json(403, {"error": f"the header {TOKEN_HEADER} does not bear this server's token"})
        name = f"{request.method} {request.path.removeprefix(PREFIX)}"
        if name == "POST shutdown":
            answer = _json(200, {"shuttingDown": True})
            answer.call_on_close(self._shut_down)  # once it has been sent
            return answer
        handler = HANDLERS.get(name)
        if handler is None:
            return _json(404, {"error": f"there is no {name}; there are {', '.join(sorted(HANDLERS))}, POST shutdown"})
        return self._handle(handler, request)

    def _handle(self, handler: Handler, request: Request) -> Response:
        try:
            given = json.loads(request.get_data() or b"{}") | request.args.to_dict()
            with self._cloud.world.lock:
                self._cloud.settle()
                self._cloud.world.revision += request.method != "GET"
                return _json(200, handler(self._cloud, given))
        except (ValueError, TypeError) as wrong:
            return _json(400, {"error": str(wrong)})


def describe(cloud: LocalCloud, _: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The state of the cloud in a few figures."""
    world = cloud.world
    return {
        "now": _iso(world.clock.now()),
        "speed": world.clock.speed,
        "accountId": world.account,
        "region": DEFAULT_REGION,
        "resources": dict(sorted(Counter(resource.kind for resource in world.resources()).items())),
        "pendingEvents": world.pending_events,
        "nextEventAt": _iso(world.next_event_at()),
        "faults": [fault.as_dict() for fault in world.faults],
        "requests": world.requests.total,
        "execution": dict(cloud.runtime.describe(cloud)),
        **world.notes,
    }


def set_clock(cloud: LocalCloud, given: Mapping[str, Any]) -> dict[str, Any]:
    """`speed` (0 stands still) and `advance` (seconds), either or both. Raises ValueError."""
    unknown = sorted(set(given) - {"speed", "advance"})
    if unknown or not given:
        raise ValueError(f"the clock takes speed and advance, not {', '.join(unknown) or 'nothing'}")
    if "speed" in given:
        cloud.world.clock.run_at(float(given["speed"]))
    if "advance" in given:
        cloud.advance(float(given["advance"]))
    return describe(cloud)


def list_faults(cloud: LocalCloud, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"faults": [fault.as_dict() for fault in cloud.world.faults]}


def add_fault(cloud: LocalCloud, given: Mapping[str, Any]) -> dict[str, Any]:
    cloud.world.faults.append(fault_from(given))
    return list_faults(cloud, given)


def clear_faults(cloud: LocalCloud, given: Mapping[str, Any]) -> dict[str, Any]:
    cloud.world.faults.clear()
    return list_faults(cloud, given)


def list_requests(cloud: LocalCloud, given: Mapping[str, Any]) -> dict[str, Any]:
    """All that are kept, or those with a `sequence` above `since`; `changes=true` leaves out what only reads."""
    entries = cloud.world.requests.since(int(given.get("since", 0)))
    changing = str(given.get("changes", "")).lower() == "true"
    return {"requests": [entry.as_dict() for entry in entries if entry.changes or not changing]}


def clear_requests(cloud: LocalCloud, _: Mapping[str, Any]) -> dict[str, Any]:
    cloud.world.requests.clear()
    return {"requests": []}


def list_mails(cloud: LocalCloud, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"mails": cloud.mail.mails()}


HANDLERS: Mapping[str, Handler] = {
    "GET status": describe,
    "POST clock": set_clock,
    "GET faults": list_faults,
    "POST faults": add_fault,
    "DELETE faults": clear_faults,
    "GET requests": list_requests,
    "DELETE requests": clear_requests,
    "GET mails": list_mails,
}


def _iso(seconds: float | None) -> str | None:
    at = moment(seconds)
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _json(status: int, body: Mapping[str, Any]) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
