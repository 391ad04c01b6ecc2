"""Where jobs run and endpoints answer: the seam between the cloud's APIs and whatever does the work.

The APIs keep the books (names, statuses, tags); a runtime decides what becomes of a job or an endpoint and when. It moves
them on by planning events whose steps the services offer (`Service.steps`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
class TrainingResult:
    """What a training leaves behind: the model.tar.gz, and the last value of each metric."""

    archive: bytes
    metrics: Mapping[str, float]


class Runtime(Protocol):
    """Runs training jobs and endpoints. Every method returns at once; the rest happens through events.

    `fate` is what was ordered to become of it: a fault of kind fail, capacity, interrupt or rollback, or None.
    """

    def train(self, cloud: Cloud, job: Resource, fate: Fault | None) -> None:
        """Take a SageMaker training job that has just been created to its end."""

    def result(self, cloud: Cloud, job: Resource) -> TrainingResult:
        """What a job leaves behind that is just about to be Completed."""

    def stop_training(self, cloud: Cloud, job: Resource) -> None:
        """Take a training job that is Stopping to Stopped."""

    def host(self, cloud: Cloud, endpoint: Resource, fate: Fault | None) -> None:
        """Take an endpoint that is Creating or Updating to InService (or, as `fate` wants, elsewhere)."""

    def unhost(self, cloud: Cloud, endpoint: Resource) -> None:
        """Take an endpoint that is Deleting to its end."""

    def reply(self, cloud: Cloud, host: Resource, messages: Sequence[Mapping[str, Any]]) -> Reply:
        """Answer a conversation (role, content) on an endpoint, provisioned throughput or deployment that is ready."""
