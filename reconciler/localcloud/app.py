"""The embedded cloud as a WSGI application: our own services in front, moto's behind, one request at a time."""

from __future__ import annotations

import hashlib
import io
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.request import Request
from moto.core.utils import get_service_model
from werkzeug.wrappers import Response

from reconciler.localcloud.announcing import announcement
from reconciler.localcloud.bedrock.identifiers import JOB
from reconciler.localcloud.errors import AwsError, LostResponse, invalid
from reconciler.localcloud.faults import API_KINDS
from reconciler.localcloud.moto_bridge import (
    MOTO_BY_SIGNING_NAME,
    MotoLogs,
    MotoMail,
    MotoMetrics,
    MotoObjects,
    MotoState,
    StartResponse,
    moto_app,
)
from reconciler.localcloud.protocol import Answer, Route, parse, route, status_of, write, write_error
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.runtime import Runtime
from reconciler.localcloud.sagemaker.kinds import TRAINING_JOB
from reconciler.localcloud.service import Call, Later, Logs, Metrics, Objects, Result, Service, refused, spoil
from reconciler.localcloud.services import SERVICES, STEPS
from reconciler.localcloud.timeline import Timeline
from reconciler.localcloud.validation import mistyped, refusal
from reconciler.localcloud.world import World

DEFAULT_REGION = "us-east-1"
SIGNED = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
XML_CODE = re.compile(rb"<Code>([^<]+)</Code>")
ORDERS: Mapping[str, tuple[str, str]] = {
    "CreateTrainingJob": (TRAINING_JOB, "TrainingJobName"),
    "StopTrainingJob": (TRAINING_JOB, "TrainingJobName"),
    "CreateModelCustomizationJob": (JOB, "jobName"),
    "StopModelCustomizationJob": (JOB, "jobIdentifier"),
}
"""Operations that change a job's status at once: its kind, and the parameter that names it."""
SPOILING = API_KINDS - {"stale-read"}


@dataclass(frozen=True)
class Pending:
    """An answer of one of our services that is still to be finished, without the world's lock."""

    service: str
    route: Route
    later: Later

    def finish(self) -> Answer:
        try:
            return write(self.route.operation, self.later.finish())
        except AwsError as error:
            return write_error(self.service, error)


class LocalCloud:
    """One embedded cloud. Several may live in one process; each has its own world and its own share of moto.

    runtime:   decides what becomes of jobs and endpoints; by default a timeline of simulated durations.
    on_change: called after something happened that no request asked for.
    """

    def __init__(self, *, world: World | None = None, runtime: Runtime | None = None) -> None:
        self.world = world or World()
        self.moto = MotoState(lambda: self.world, self._changed_beside)
        self.objects: Objects = MotoObjects(self.moto, self.world.account)
        self.logs: Logs = MotoLogs(self.moto, self.world.account)
        self.metrics: Metrics = MotoMetrics(self.moto, self.world.account)
        self.mail = MotoMail(self.moto, self.world.account)
        self.runtime: Runtime = runtime or Timeline()
        self.on_change: Callable[[], None] = lambda: None

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = _whole_request(environ)
        region, signed_for = signing_scope(request)
        with self.world.lock:
            answer = self._answer_or_own_up(request, region, signed_for)
            request_id = self.world.new_id(36)
        answer = answer.finish() if isinstance(answer, Pending) else answer
        headers = {**answer.headers, "x-amzn-RequestId": request_id}
        body = [answer.body] if isinstance(answer.body, bytes) else answer.body  # a list: HEAD keeps its length
        return Response(body, answer.status, headers)(environ, start_response)

    def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, region: str, caller: str
    ) -> Mapping[str, Any]:
        """Carry out an operation of one of our own services, checked and logged like a client's. Raises AwsError."""
        with self.world.lock:
            self.settle()
            if service not in SERVICES:
                raise unsupported(service, operation)
            result = self._carry_out(SERVICES[service], operation, params, region, caller)
        return result.finish() if isinstance(result, Later) else result or {}

    def happen(self, resource: Resource, step: str, **data: Any) -> None:
        """Let a step happen to the resource now: for what runs beside the cloud. Takes the world's lock; nothing where it is gone."""
        with self.world.lock:
            self.settle()
            self.world.at(self.world.clock.now(), resource, step, **data)
            self.settle()
        self.on_change()

    def _changed_beside(self) -> None:
        """Objects, log lines and metrics, which what runs beside the cloud writes without a request."""
        self.world.revision += 1
        self.on_change()

    def settle(self) -> None:
        """Let everything happen whose time has come, each at its own time; a step that calls the cloud does not settle it."""
        with self.world.lock:
            if self.world.clock.held:
                return
            for event, resource in self.world.due():
                with self.world.clock.held_at(event.at):
                    self.world.revision += 1
                    before = resource.status
                    STEPS[event.step](self, resource, event.at, event.data)
                    if resource.status != before:
                        self._announce(resource, event.at)

    def advance(self, seconds: float) -> None:
        """Set the clock ahead and let happen what falls into that time. Raises ValueError for a negative number."""
        with self.world.lock:
            self.world.clock.advance(seconds)
            self.settle()

    def resume(self) -> None:
        """Go on with what was under way when this state was saved."""
        with self.world.lock:
            self.runtime.resume(self)

    def reset(self) -> None:
        """An empty cloud again, with the same clock and runtime."""
        with self.world.lock:
            self.world.reset()
            self.moto.reset()
            self.runtime.forget()

    def _answer_or_own_up(self, request: Request, region: str, signed_for: str) -> Answer | Pending:
        """A fault of our own is answered as AWS answers its own, with the traceback in the log."""
        try:
            self.settle()
            return self._answer(request, region, signed_for)
        except LostResponse:
            raise
        except Exception as broken:
            logging.getLogger(__name__).exception("%s %s failed", signed_for, request.headers.get("X-Amz-Target"))
            text = f"The embedded cloud failed: {type(broken).__name__}: {broken}"
            return write_error("sagemaker", AwsError("InternalFailure", text, status=500))

    # -- our own services

    def _answer(self, request: Request, region: str, signed_for: str) -> Answer | Pending:
        if signed_for in OWN_BY_SIGNING_NAME:
            return self._answer_own(request, region, OWN_BY_SIGNING_NAME[signed_for])
        if signed_for in MOTO_BY_SIGNING_NAME:
            return self._answer_moto(request, region, MOTO_BY_SIGNING_NAME[signed_for])
        return write_error("sagemaker", unsupported(signed_for, request.headers.get("X-Amz-Target", request.path)))

    def _answer_own(self, request: Request, region: str, candidates: tuple[str, ...]) -> Answer | Pending:
        service, found = _first_route(candidates, request)
        if found is None:
            target = request.headers.get("X-Amz-Target", f"{request.method} {request.path}")
            return write_error(candidates[0], AwsError("UnknownOperationException", f"{service} has no {target}"))
        try:
            params = parse(found, request)
            key = access_key(request)
            result = self._carry_out(SERVICES[service], found.operation.name, params, region, "client", key)
            if isinstance(result, Later):
                return Pending(service, found, result)
            return write(found.operation, result)
        except AwsError as error:
            return write_error(service, error)

    def _carry_out(
        self, service: Service, operation: str, params: Mapping[str, Any], region: str, caller: str, key: str = ""
    ) -> Result:
        name = service.subject(params)
        fault = self.world.fault(SPOILING, f"{service.name}:{operation}", name)
        log = _Log(self.world, service.name, operation, name, region, params, caller)
        log.identify(service.named_by(params), key)
        with log:
            if fault is not None and fault.kind == "error":
                raise refused(fault)
            _check(service.name, operation, params)
            carry_out = service.operations.get(operation)
            if carry_out is None:
                raise unsupported(service.name, operation)
            hidden = self._hidden(service.name, operation)
            before = self._status_of_ordered(region, operation, params)
            result = carry_out(Call(self, service.name, operation, params, region, caller, name, hidden))
            self._announce_what_was_ordered(region, operation, params, before)
            log.answered(operation, result)
            spoil(fault)
            return result

    def _ordered(self, region: str, operation: str, params: Mapping[str, Any]) -> Resource | None:
        """The job that the operation starts or stops."""
        if operation not in ORDERS:
            return None
        kind, key = ORDERS[operation]
        return self.world.by_arn(params[key]) or self.world.find(region, kind, params[key])

    def _status_of_ordered(self, region: str, operation: str, params: Mapping[str, Any]) -> str | None:
        job = self._ordered(region, operation, params)
        return None if job is None else job.status

    def _announce_what_was_ordered(
        self, region: str, operation: str, params: Mapping[str, Any], before: str | None
    ) -> None:
        job = self._ordered(region, operation, params)
        if job is not None and job.status != before:
            self._announce(job, job.updated)

    def _announce(self, resource: Resource, at: float) -> None:
        event = announcement(self.world, resource, at)
        if event is not None:
            self.mail.send(event)

    def _hidden(self, service: str, operation: str) -> re.Pattern[str] | None:
        """Which resources a stale read does not see; None sees all."""
        stale = (fault for fault in self.world.faults if fault.kind == "stale-read")
        struck = next((f for f in stale if f.strikes(f"{service}:{operation}", None, self.world.chance)), None)
        return None if struck is None else re.compile(struck.name)

    # -- moto's services

    def _answer_moto(self, request: Request, region: str, service: str) -> Answer:
        found = route(service, request)
        operation = found.operation.name if found else f"{request.method} {request.path}"
        name = _moto_subject(service, request, found)
        fault = self.world.fault(SPOILING, f"{service}:{operation}", name)
        log = _Log(self.world, service, operation, name, region, _moto_params(request), "client")
        try:
            with log:
                if fault is not None and fault.kind == "error":
                    raise refused(fault)
                answer = self._ask_moto(request, service, operation)
                log.note(answer)
                spoil(fault)
                return answer
        except AwsError as error:
            return write_error(service, error)

    def _ask_moto(self, request: Request, service: str, operation: str) -> Answer:
        """moto's answer; what moto lacks is told as an error of the service, never as a page of HTML."""
        try:
            with self.moto.in_place():
                environ = {**request.environ, "wsgi.input": io.BytesIO(request.get_data())}
                response = Response.from_app(moto_app(service), environ, buffered=True)
        except NotImplementedError as lacking:
            raise unsupported(service, operation) from lacking
        except Exception as broken:  # whatever breaks in moto, the client gets an answer that it can read
            text = f"The embedded cloud failed at {service}:{operation}: {type(broken).__name__}: {broken}"
            raise AwsError("InternalFailure", text, status=500) from broken
        if response.status_code >= 400 and response.get_data()[:9].lower() == b"<!doctype":
            raise AwsError("InternalFailure", f"The embedded cloud failed at {service}:{operation}", status=500)
        headers = {key: value for key, value in response.headers.items() if key.lower() != "x-amzn-requestid"}
        return Answer(response.status_code, headers, response.get_data())


def _whole_request(environ: dict[str, Any]) -> Request:
    """The request with its body read, so that it can be read again: by us, and by moto after us."""
    body = Request(environ).get_data()
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    whole = Request({**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    whole.get_data()
    return whole


def signing_scope(request: Request) -> tuple[str, str]:
    """Region and service that the request was signed for; unsigned requests are S3's, as presigned ones mostly are."""
    signed = SIGNED.search(request.headers.get("Authorization", ""))
    if signed is not None:
        return signed[2], signed[3].lower()
    scope = request.args.get("X-Amz-Credential", "").split("/")
    return (scope[2], scope[3].lower()) if len(scope) == 5 else (DEFAULT_REGION, "s3")


def access_key(request: Request) -> str:
    """Of whoever signed the request; empty for an unsigned one."""
    signed = SIGNED.search(request.headers.get("Authorization", ""))
    return signed[1] if signed else ""


def unsupported(service: str, operation: str) -> AwsError:
    """What the embedded cloud does not have. HTTP 501, which clients do not try again."""
    return AwsError("NotImplemented", f"The embedded cloud does not have {service}:{operation}", status=501)


def _check(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Hold the parameters against the service's model. Raises SerializationException or ValidationException."""
    shape = get_service_model(service).operation_model(operation).input_shape
    wrong = mistyped(shape, params)
    if wrong is not None:
        raise AwsError("SerializationException", f"The request could not be read: {wrong}")
    problems = refusal(shape, params)
    if problems is not None:
        raise invalid(problems)


def _own_by_signing_name() -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for service in SERVICES:
        signed_for = str(get_service_model(service).signing_name)
        names[signed_for] = (*names.get(signed_for, ()), service)
    return names


OWN_BY_SIGNING_NAME: Mapping[str, tuple[str, ...]] = _own_by_signing_name()
"""Our services by the name that clients sign for, which an API and its runtime share."""


def _first_route(candidates: tuple[str, ...], request: Request) -> tuple[str, Route | None]:
    for service in candidates:
        found = route(service, request)
        if found is not None:
            return service, found
    return candidates[0], None


def _moto_subject(service: str, request: Request, found: Route | None) -> str:
    """What a request to moto is about: for S3 bucket/key; for the others nothing that faults could name."""
    return request.path.lstrip("/") if service == "s3" and found is not None else ""


def _moto_params(request: Request) -> Mapping[str, Any]:
    """What tells one request to moto from another."""
    body = hashlib.sha256(request.get_data()).hexdigest()
    return {"path": request.path, "query": request.query_string.decode(), "body": body}


class _Log:
    """Writes one line into the request log when the call is over, however it ended."""

    def __init__(
        self,
        world: World,
        service: str,
        operation: str,
        name: str,
        region: str,
        params: Mapping[str, Any],
        caller: str,
    ) -> None:
        self._world = world
        self._entry: dict[str, Any] = {
            "service": service, "operation": operation, "name": name, "region": region, "params": params,
            "caller": caller, "at": world.clock.now(),
        }  # fmt: skip
        self._status, self._error = 200, ""

    def identify(self, named_by: str, access_key: str) -> None:
        """What names the resource, and whose call it is."""
        self._entry |= {"named_by": named_by, "access_key": access_key}

    def answered(self, operation: str, result: Result) -> None:
        """What it made, if it made something."""
        if operation.startswith("Create") and isinstance(result, Mapping):
            self._entry["made"] = {key: str(value) for key, value in result.items() if key.lower().endswith("arn")}

    def note(self, answer: Answer) -> None:
        self._status = answer.status
        if answer.status >= 400 and isinstance(answer.body, bytes):
            code = XML_CODE.search(answer.body)
            self._error = code[1].decode() if code else answer.headers.get("X-Amzn-Errortype", "")

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, LostResponse):
            self._status, self._error = 0, "LostResponse"
        elif isinstance(error, AwsError):
            self._status, self._error = status_of(self._entry["service"], error), error.code
        entry = self._world.requests.add(**self._entry, status=self._status, error=self._error)
        self._world.revision += entry.changes
