"""Errors and failure reasons of AWS, sorted into Faults. No exception of botocore leaves a provider.

Sources: the errors that botocore 1.44's service models declare; SageMaker's and Bedrock's documented failure reasons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import ConnectionError as UnreachableError
from urllib3.exceptions import HTTPError

from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.outcome import Fault, FaultKind, Outcome
from reconciler.training.failure import BAD_INPUT, REFUSED

P = ParamSpec("P")
T = TypeVar("T")

AwsTrouble = (ClientError, BotoCoreError)
BROKEN_OFF = (HTTPError, ParserError)
"""What botocore lets through where the connection breaks while the events of an answer come."""

_KIND_BY_CODE: Mapping[str, FaultKind] = {
    **dict.fromkeys(
        (
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "LimitExceededException",
            "RequestTimeout",
            "RequestTimeoutException",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "InternalServerException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "SlowDown",
        ),
        FaultKind.TRANSIENT,
    ),
    **dict.fromkeys(
        ("CapacityError", "InsufficientInstanceCapacity", "InsufficientCapacityException"), FaultKind.CAPACITY
    ),
    **dict.fromkeys(("ResourceLimitExceeded", "ServiceQuotaExceededException"), FaultKind.QUOTA),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NotAuthorized",
            "OptInRequired",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnauthorizedOperation",
            "UnrecognizedClientException",
        ),
        FaultKind.DENIED,
    ),
    **dict.fromkeys(("ConflictException", "ResourceInUse", "ResourceInUseException"), FaultKind.CONFLICT),
}

_KIND_BY_TEXT: tuple[tuple[str, FaultKind, str], ...] = (
    (
        r"CapacityError|InsufficientInstanceCapacity|insufficient capacity|unable to provision requested ML compute",
        FaultKind.CAPACITY,
        "CapacityError",
    ),
    (
        r"ResourceLimitExceeded|service limit|quota",
        FaultKind.QUOTA,
        "ResourceLimitExceeded",
    ),
    (
        r"access ?denied|not authorized|could not assume|cannot assume|unable to assume|does not have permission",
        FaultKind.DENIED,
        "AccessDenied",
    ),
    (
        r"internal ?(server ?)?(error|exception|failure)|please try again",
        FaultKind.TRANSIENT,
        "InternalServerError",
    ),
)
"""Text of a failure reason (any case) → kind, and the code where the text names none. The first match wins."""

_REFUSED = re.compile(
    rf"AlgorithmError: (?:{BAD_INPUT}: (?P<told>.+?)(?:, exit code: \d+)?$"
    rf"|ExecuteUserScriptError:\s+ExitCode {REFUSED}\b|.*, exit code: {REFUSED}$)",
    re.DOTALL,
)
"""Of the training program: :mod:`reconciler.training.failure`."""

_ABSENT_CODES = frozenset({"ValidationException", "ResourceNotFound", "ResourceNotFoundException"})

_HINTS: Mapping[FaultKind, str] = {
    FaultKind.DENIED: "Check the credentials (`aws sts get-caller-identity`) and the permissions of the role in use.",
    FaultKind.TRANSIENT: "Try again in a moment.",
}


_CONTAINER = "`reconciler logs NAME --deployment` shows what the model's container says."
_HINTS_BY_CODE: Mapping[str, str] = {"ModelError": _CONTAINER, "ModelStreamError": _CONTAINER}


class Refused(Exception):
    """Ends a verb with a Fault; :func:`answers` makes an Outcome of it."""

    def __init__(self, kind: FaultKind, code: str, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(kind=kind, code=code, message=message)


def answers(verb: Callable[P, Outcome]) -> Callable[P, Outcome]:
    """A verb that never raises for what the cloud answered: that becomes ``Outcome.failed``."""

    @wraps(verb)
    def answering(*args: P.args, **kwargs: P.kwargs) -> Outcome:
        try:
            return verb(*args, **kwargs)
        except Refused as refused:
            return Outcome.failed(refused.fault)
        except AwsTrouble as error:
            return Outcome.failed(fault_of(error))
        except CloudUnavailable as error:
            return Outcome.failed(Fault(kind=FaultKind.DENIED, code="CloudUnavailable", message=str(error)))

    return answering


def looks(doing: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A look at the cloud: whatever goes wrong is raised as CloudUnavailable, so that an error is never taken for absence."""

    def decorate(look: Callable[P, T]) -> Callable[P, T]:
        @wraps(look)
        def looking(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return look(*args, **kwargs)
            except AwsTrouble as error:
                raise unavailable(error, doing) from error

        return looking

    return decorate


def looks_through(doing: str) -> Callable[[Callable[P, Iterator[T]]], Callable[P, Iterator[T]]]:
    """As :func:`looks`, for a look whose result comes piece by piece: what breaks it off later is raised likewise."""

    def decorate(look: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
        @wraps(look)
        def looking(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            try:
                yield from look(*args, **kwargs)
            except (*AwsTrouble, *BROKEN_OFF) as error:
                raise unavailable(error, doing) from error

        return looking

    return decorate


def unavailable(error: Exception, doing: str) -> CloudUnavailable:
    fault = fault_of(error)
    hint = _HINTS_BY_CODE.get(fault.code) or _HINTS.get(fault.kind, "")
    return CloudUnavailable(
        f"{doing} failed: {fault.message} ({fault.code})", hint=hint, transient=fault.kind is FaultKind.TRANSIENT
    )


def fault_of(error: Exception) -> Fault:
    """An error of botocore as a Fault.

    =============================================  =========================
    a code of the table                            its kind
    other code, HTTP 5xx or 429                    transient
    other code, HTTP 401 or 403                    denied
    other code, a known text                       the text's kind
    no connection, no answer in time, broken off   transient
    no credentials, or none that can be read       denied
    anything else                                  terminal
    =============================================  =========================
    """
    if isinstance(error, ClientError):
        return _answered(error)
    return Fault(kind=_unanswered(error), code=type(error).__name__, message=str(error))


def fault_from_reason(reason: str) -> Fault:
    """Why a job or an endpoint failed, in the cloud's words.

    ================================================================ ========== ===================== ============
    reason                                                           kind       code                  message
    ================================================================ ========== ===================== ============
    ``AlgorithmError: BadInput: REFUSAL, exit code: 1``              input      BadInput              the refusal
    ``AlgorithmError: ExecuteUserScriptError: ExitCode 65 …``        input      BadInput              the reason
    ``AlgorithmError: …, exit code: 65``                             input      BadInput              the reason
    ``CapacityError: Unable to provision …``, another text of ours   the text's its first word, or ours the reason
    anything else                                                    terminal   its first word, or Failed the reason
    ================================================================ ========== ===================== ============

    The program's own words count first: SageMaker's exit code is that of AWS's launcher, which is 1 for whatever fails in it. The second
    row is a launcher that writes over the program's words, the third an image without a launcher.
    """
    refused = _REFUSED.match(reason)
    if refused:
        return Fault(kind=FaultKind.INPUT, code=BAD_INPUT, message=refused["told"] or reason)
    named = re.match(r"([A-Z][A-Za-z]+(?:Error|Exception|Capacity|Exceeded))\b", reason)
    kind, code = _by_text(reason) or (FaultKind.TERMINAL, "Failed")
    return Fault(kind=kind, code=named[1] if named else code, message=reason)


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def is_absent(error: ClientError) -> bool:
    """Whether a Describe or Get of a legal name says that there is no such thing.

    SageMaker answers with ValidationException and wordings that change; a request that names nothing but one computed,
    legal name has no other way to be invalid, so the code is enough.
    """
    return code_of(error) in _ABSENT_CODES


def _answered(error: ClientError) -> Fault:
    code = code_of(error)
    message = str(error.response.get("Error", {}).get("Message") or error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return Fault(kind=_kind(code, message, status), code=code, message=message)


def _kind(code: str, message: str, status: int) -> FaultKind:
    if code in _KIND_BY_CODE:
        return _KIND_BY_CODE[code]
    if status == 429 or status in (500, 502, 503, 504, 509):
        return FaultKind.TRANSIENT
    if status in (401, 403):
        return FaultKind.DENIED
    told = _by_text(message)
    return told[0] if told else FaultKind.TERMINAL


def _by_text(text: str) -> tuple[FaultKind, str] | None:
    return next(((kind, code) for words, kind, code in _KIND_BY_TEXT if re.search(words, text, re.IGNORECASE)), None)


_DENIED = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)


def _unanswered(error: Exception) -> FaultKind:
    match error:
        case HTTPClientError() | UnreachableError() | HTTPError() | ParserError():
            return FaultKind.TRANSIENT
        case _ if isinstance(error, _DENIED):
            return FaultKind.DENIED
        case _:
            return FaultKind.TERMINAL
