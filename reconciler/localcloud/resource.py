"""One thing in the embedded cloud: a job, a model, an endpoint, a schedule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Transition:
    """A status that a resource entered, and when (cloud time)."""

    status: str
    at: float
    message: str = ""


@dataclass
class Resource:
    """`spec` is what the client sent; `facts` is what the cloud knows beside it. Plain data, so that it can be pickled.

    kind:       service and type as ARNs spell it: "sagemaker:training-job", "bedrock:custom-model".
    secondary:  the finer status, where the kind has one.
    generation: raised whenever the planned future is replaced; events of an older generation are void.
    """

    kind: str
    name: str
    arn: str
    region: str
    created: float
    status: str
    spec: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    secondary: str = ""
    updated: float = 0.0
    ended: float | None = None
    failure: str | None = None
    transitions: list[Transition] = field(default_factory=list)
    generation: int = 0

    def enter(self, status: str, at: float, *, secondary: str = "", failure: str | None = None) -> None:
        """Take a status from `at` on, and remember the way here."""
        self.status, self.secondary, self.failure, self.updated = status, secondary, failure, at
        self.transitions.append(Transition(secondary or status, at, failure or ""))
