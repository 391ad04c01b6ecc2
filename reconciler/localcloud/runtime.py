"""Where jobs run and endpoints answer: the seam between the cloud's APIs and whatever does the work.

The APIs keep the books (names, statuses, tags); a runtime decides what becomes of a job or an endpoint and when. It moves
them on by planning events whose steps the services offer (`Service.steps`), or lets steps happen (`Cloud.happen`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.localcloud.faults import Fault
from reconciler.localcloud.resource import Resource

if TYPE_CHECKING:
    from reconciler.localcloud.service import Cloud


@dataclass(frozen=True)
class Reply:
    """What a hosted model said. `simulated` is True when no model was asked."""

    text: str
    input_tokens: int
    output_tokens: int
    simulated: bool


@dataclass(frozen=True)
class Metric:
    """The last value of a metric, and when it was logged (cloud time)."""

    value: float
    at: float


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves behind.

    files:   what is uploaded, by key below the job's `output/`: "model.tar.gz", or "model/..." where no archive is wanted.
    metrics: by name.
    """

    files: Mapping[str, bytes]
    metrics: Mapping[str, Metric]


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A request to an endpoint, as its container gets it."""

    body: bytes
    content_type: str | None = None
    accept: str | None = None
    custom_attributes: str | None = None


class Invoked(Protocol):
    """A container's answer. Close it, read to its end or not."""

    status: int
    content_type: str
    custom_attributes: str | None

    def __iter__(self) -> Iterator[bytes]:
        """The body as it comes. Raises OSError where it breaks off."""

    def close(self) -> None: ...


Invoker = Callable[[Invocation], Invoked]
"""Asks a container and waits for the first of its answer. Raises AwsError. Called without the world's lock."""


class Runtime(Protocol):
    """Runs training jobs and endpoints. Every method but `close` returns at once; the rest happens through events.

    All are called with the world's lock held, `close` without. `fate` is what was ordered to become of it: a fault of kind
    fail, capacity, interrupt or rollback, or None.
    """

    def train(self, cloud: Cloud, job: Resource, fate: Fault | None) -> None:
        """Take a SageMaker training job that has just been created to its end."""

    def result(self, cloud: Cloud, job: Resource, ending: str) -> TrainingResult | None:
        """What a job leaves behind that is about to end as Completed, Stopped or MaxRuntimeExceeded; None: nothing."""

    def stop_training(self, cloud: Cloud, job: Resource) -> None:
        """Take a training job that is Stopping to Stopped."""

    def host(self, cloud: Cloud, endpoint: Resource, fate: Fault | None) -> None:
        """Take an endpoint that is Creating or Updating to InService (or, as `fate` wants, elsewhere)."""

    def hosted(self, cloud: Cloud, endpoint: Resource) -> None:
        """The endpoint has come to rest: what is not needed to serve what it serves now may go."""

    def unhost(self, cloud: Cloud, endpoint: Resource) -> None:
        """Take an endpoint that is Deleting to its end."""

    def reply(self, cloud: Cloud, host: Resource, messages: Sequence[Mapping[str, Any]]) -> Reply:
        """Answer a conversation (role, content) on an endpoint, provisioned throughput or deployment that is ready."""

    def invoker(self, cloud: Cloud, endpoint: Resource, variant: str) -> Invoker | None:
        """Who really answers the requests to a variant of an endpoint in service; None where `reply` is all there is."""

    def resume(self, cloud: Cloud) -> None:
        """Go on with what was under way when the cloud's state was saved."""

    def describe(self, cloud: Cloud) -> Mapping[str, Any]:
        """What runs here, for people and for JSON: `mode` (execute or simulate), and with it whatever there is to tell."""

    def forget(self) -> None:
        """The cloud is empty again: what runs for it ends."""

    def close(self) -> None:
        """End everything that runs; it has ended when this returns. What was under way can be resumed."""
