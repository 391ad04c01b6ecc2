"""What a call to the cloud came to."""

from __future__ import annotations

from enum import StrEnum

from reconciler.domain.base import Value


class FaultKind(StrEnum):
    """Why a call, a training or a deployment failed, sorted by what helps.

    ================ ==========================================================
    transient        try again soon: throttling, timeouts, HTTP 5xx
    capacity         no machines of that type now: another type, or later
    quota            the account's limit: raise it or free something
    denied           credentials or permissions
    conflict         the name is somebody else's, or the thing is busy
    input            the training program refused what it was given: the same is refused again
    terminal         anything else: the request or the job itself is wrong, as far as that can be told
    ================ ==========================================================
    """

    TRANSIENT = "transient"
    CAPACITY = "capacity"
    QUOTA = "quota"
    DENIED = "denied"
    CONFLICT = "conflict"
    INPUT = "input"
    TERMINAL = "terminal"


class Fault(Value):
    kind: FaultKind
    code: str
    """The cloud's own error code, such as ``ResourceLimitExceeded``."""
    message: str
    """The cloud's own words."""


class OutcomeState(StrEnum):
    DONE = "done"
    """It is so now."""
    STARTED = "started"
    """The cloud is at work; look again."""
    FAILED = "failed"


class Outcome(Value):
    """The answer of a provider to train, stop, deploy, roll, undeploy, delete, update. Nothing blocks; everything may be repeated."""

    state: OutcomeState
    message: str = ""
    identifier: str | None = None
    fault: Fault | None = None

    @classmethod
    def done(cls, message: str = "", identifier: str | None = None) -> Outcome:
        return cls(state=OutcomeState.DONE, message=message, identifier=identifier)

    @classmethod
    def started(cls, message: str = "", identifier: str | None = None) -> Outcome:
        return cls(state=OutcomeState.STARTED, message=message, identifier=identifier)

    @classmethod
    def failed(cls, fault: Fault) -> Outcome:
        return cls(state=OutcomeState.FAILED, message=fault.message, fault=fault)
