"""Faults that can be ordered: what to spoil, for whom, how often."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

KINDS: Mapping[str, str] = {
    "error": "the call is refused with `code` and `message`, and nothing happens",
    "error-after-effect": "the call is carried out, and answered with `code` and `message`",
    "lost-response": "the call is carried out, and the connection closes without an answer",
    "stale-read": "what the call names is not found, though it exists (not in S3 and moto's other services)",
    "fail": "the job or endpoint that the call starts ends as Failed, with `message` as its reason",
    "capacity": "the job or endpoint that the call starts ends as Failed for want of instances",
    "rollback": "the endpoint update that the call starts rolls back to the configuration before",
    "interrupt": "the training job that the call starts on spot instances is interrupted once",
}

API_KINDS = frozenset({"error", "error-after-effect", "lost-response", "stale-read"})
"""Kinds that spoil the call itself; the others spoil what becomes of it."""

STATUS_BY_CODE: Mapping[str, int] = {
    "InternalFailure": 500,
    "InternalServerException": 500,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "SlowDown": 503,
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "ExpiredToken": 403,
}
"""HTTP statuses of errors that most service models do not declare; the rest is 400 or what the model says."""

DEFAULT_MESSAGES: Mapping[str, str] = {
    "fail": "AlgorithmError: the failure that was ordered, exit code: 1",
    "capacity": "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time.",
    "ThrottlingException": "Rate exceeded",
    "Throttling": "Rate exceeded",
    "ExpiredToken": "The security token included in the request is expired",
    "InternalFailure": "The request processing has failed because of an unknown error, exception or failure.",
    "SlowDown": "Please reduce your request rate.",
}
"""By kind, else by error code."""


@dataclass
class Fault:
    """One ordered fault. `operation` and `name` are regular expressions that must match whole.

    operation:   matched against "service:Operation", such as "sagemaker:Create.*" or "s3:PutObject".
    name:        matched against the name of the resource that the call is about ("" when it names none).
    message:     the error's text or the failure's reason; by default what AWS says in such a case.
    times:       how many matching calls it still spoils; None for ever.
    probability: chance that a matching call is spoiled, drawn from the cloud's seeded generator.
    at:          for `fail`, `capacity`, `rollback` and `interrupt`: how far through its planned time it strikes, 0 to 1.
    """

    kind: str
    operation: str = ".*"
    name: str = ".*"
    code: str = "ThrottlingException"
    message: str = ""
    times: int | None = None
    probability: float = 1.0
    at: float = 0.5

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise ValueError("this fault cannot be ordered: " + "; ".join(problems))
        self.message = self.message or DEFAULT_MESSAGES.get(self.kind) or DEFAULT_MESSAGES.get(self.code, self.code)

    def strikes(self, operation: str, name: str | None, chance: random.Random) -> bool:
        """Whether this fault spoils the call; if so, one of its `times` is used up. A name of None is not looked at."""
        if self.times == 0 or not re.fullmatch(self.operation, operation):
            return False
        if name is not None and not re.fullmatch(self.name, name):
            return False
        if self.probability < 1 and chance.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fault_from(order: Mapping[str, Any]) -> Fault:
    """A fault as JSON orders it. Raises ValueError that names every unknown field and every wrong value."""
    known = {field.name for field in fields(Fault)}
    unknown = sorted(set(order) - known)
    if unknown:
        raise ValueError(f"a fault has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    if "kind" not in order:
        raise ValueError(f"a fault needs a kind: one of {', '.join(KINDS)}")
    return Fault(**order)


def _problems(fault: Fault) -> list[str]:
    problems = []
    if fault.kind not in KINDS:
        problems.append(f"kind {fault.kind!r} is not one of {', '.join(KINDS)}")
    for field in ("operation", "name"):
        try:
            re.compile(getattr(fault, field))
        except (re.error, TypeError) as wrong:
            problems.append(f"{field} {getattr(fault, field)!r} is no regular expression ({wrong})")
    if not _is_number(fault.probability) or not 0 <= fault.probability <= 1:
        problems.append(f"probability {fault.probability!r} is not between 0 and 1")
    if not _is_number(fault.at) or not 0 <= fault.at <= 1:
        problems.append(f"at {fault.at!r} is not between 0 and 1")
    if fault.times is not None and (not isinstance(fault.times, int) or fault.times < 0):
        problems.append(f"times {fault.times!r} is no whole number of 0 or more")
    return problems


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
