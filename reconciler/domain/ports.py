"""What the outside must offer. The engine drives these; ``cli/wiring.py`` says which class stands behind each.

The promise of every Provider: ``observe`` looks and touches nothing. The verbs return promptly (``started`` is a success:
look again later), may be called twice, and never raise for what the cloud answered: that is an Outcome. Creating what
exists adopts it when the owner tags are ours and fails as *conflict* when they are not; deleting the absent is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydantic import Field

from reconciler.domain.base import Value
from reconciler.domain.catalog import DatasetRules, FoundationModel, ProviderName
from reconciler.domain.desired import DesiredModel, ResolvedModel, TrainingData
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.journal import RunSummary
from reconciler.domain.measurement import History, Measurement
from reconciler.domain.observation import (
    Artifact,
    Deployment,
    ForeignResource,
    ModelObservation,
    ScheduleObservation,
    TrainingRun,
    Version,
)
from reconciler.domain.outcome import Outcome
from reconciler.domain.plan import Change
from reconciler.domain.quantity import Exact
from reconciler.domain.tags import Owner


class DataLocation(Value):
    """Converted training data in the project's bucket."""

    training_uri: str
    validation_uri: str | None = None


class TrainOrder(Value):
    name: str
    """The computed name of this attempt."""
    owner: Owner
    model: DesiredModel
    attempt: int
    data: DataLocation
    output_uri: str
    """``s3://…/`` prefix below which the artifact is written."""
    program_uri: str | None = None
    """SageMaker: the archive with the training program. Bedrock trains with its own."""
    instance_type: str | None = None
    """SageMaker: the type of this attempt."""
    parent: Artifact | None = None
    """The trained parent, for a model that builds on another."""


class DeployOrder(Value):
    """For ``deploy`` and ``roll``."""

    name: str
    """The name that clients use."""
    owner: Owner
    model: DesiredModel
    version: Version
    """What to serve; its artifact is ready."""
    current: Deployment | None = None
    instance_count: int | None = None
    """SageMaker: what to run; an autoscaled count is kept by passing it here."""


class UndeployOrder(Value):
    model: str
    deployment: Deployment | None
    schedules: tuple[ScheduleObservation, ...] = ()
    """To be removed as well."""
    keep_schedules: bool = False
    """The deployment hours ended: the schedule that deploys again stays."""


class DeleteOrder(Value):
    model: str
    version: Version
    retain: bool = False
    """``deletionPolicy: retain``: the artifact stays, and only our ownership of it ends."""


class UpdateOrder(Value):
    """Tags and schedules, brought to what they should be. Nothing is trained or rolled."""

    owner: Owner
    """Without fingerprint and attempt, which each resource keeps."""
    model: DesiredModel
    observed: ModelObservation
    deployable: bool = True
    """The wanted version is trained and promoted: schedules may deploy it."""
    former_name: str | None = None
    """After a rename: the resources still carry this model name."""


class RegisterOrder(Value):
    """A version that another project trained, to be served here as it is."""

    name: str
    """The computed name of the version."""
    owner: Owner
    model: DesiredModel
    artifact: Artifact
    """In this project's bucket, where it was copied to; else where the other project has it."""
    promoted_from: str
    metrics: dict[str, Exact] = Field(default_factory=dict)


class Copied(Value):
    """What came of copying an artifact: ``sha256`` in hexadecimal; ``new``: it was not there yet."""

    artifact: Artifact
    size_bytes: int
    sha256: str
    new: bool


Tell = Callable[[int, int], None]
"""Handed how many bytes there are already, and how many there will be."""


class Downloaded(Value):
    """What came of fetching an artifact. ``sha256`` in hexadecimal, of a single file; ``checks``: what it was held against;
    ``new``: it was not there yet."""

    size_bytes: int
    files: int = 1
    sha256: str | None = None
    checks: tuple[str, ...] = ()
    new: bool = True


class Discarded(Value):
    """A version in the trash, as the cloud held it when it was deleted."""

    model: str
    version: Version
    deleted_on: date
    expires_on: date
    size_bytes: int


class UnusedWeights(Value):
    """The copy of a folder of base weights that nothing refers to any more. ``uri``: its ``s3://…/`` prefix."""

    uri: str
    size_bytes: int


class Observed(Value):
    """Everything the project owns on one provider."""

    models: tuple[ModelObservation, ...] = ()


class Provider(Protocol):
    @property
    def name(self) -> ProviderName: ...

    def observe(self) -> Observed:
        """All that carries the project's owner tags, paged. Raises CloudUnavailable where looking fails: an error is never absence."""
        ...

    def foreign(self, changes: Sequence[Change]) -> tuple[ForeignResource, ...]:
        """Of the names that ``changes`` would create: those that exist without our tags. Describes only these."""
        ...

    def impediments(self, changes: Sequence[Change], models: Sequence[DesiredModel]) -> tuple[Diagnostic, ...]:
        """What will keep ``changes`` from being carried out and is known without asking the cloud, such as a missing setting.
        ``models``: all that the manifests ask for."""
        ...

    def train(self, order: TrainOrder) -> Outcome: ...

    def stop(self, run: TrainingRun) -> Outcome: ...

    def deploy(self, order: DeployOrder) -> Outcome: ...

    def roll(self, order: DeployOrder) -> Outcome: ...

    def undeploy(self, order: UndeployOrder) -> Outcome: ...

    def require_unused(self, order: DeleteOrder) -> Outcome:
        """Whether ``delete`` may begin: looks afresh whether anything serves the version, and touches nothing."""
        ...

    def delete(self, order: DeleteOrder) -> Outcome: ...

    def update(self, order: UpdateOrder) -> Outcome: ...

    def register(self, order: RegisterOrder) -> Outcome:
        """Make a version that was trained elsewhere one of this project's, found by its tags. Trains and deploys nothing."""
        ...

    def log_tail(self, run: TrainingRun, lines: int = 20) -> tuple[str, ...]:
        """The last lines of a training's log; empty where there is none."""
        ...


class Clock(Protocol):
    """The cloud's time: the embedded cloud's own clock, or this machine's for AWS."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


class DataLibrary(Protocol):
    """Reads, checks and digests training data, wherever it lies."""

    def training_data(
        self, model: ResolvedModel, base: FoundationModel
    ) -> tuple[TrainingData | None, tuple[Diagnostic, ...]]:
        """``base``: what the model is tuned from, which says what it takes. ``None`` where an error was found."""
        ...

    def weights_digest(self, model: ResolvedModel) -> tuple[str | None, tuple[Diagnostic, ...]]:
        """Of the base model's weights below ``model.weights_uri``; ``None`` where nothing is there, which is an error."""
        ...


@dataclass(frozen=True)
class StoredArtifacts:
    """The artifacts in the project's bucket at one moment. ``root``: the URI below which they all lie, and nothing else."""

    root: str
    objects: frozenset[str]
    """URIs."""
    sizes: Mapping[str, int]
    """Bytes of whole versions, by the URI of each one's folder."""

    def lost(self, uri: str) -> bool:
        """It would lie here, and does not. Of what lies elsewhere nothing is known. What ends in a slash is all that lies below."""
        if not uri.startswith(self.root):
            return False
        return not any(each.startswith(uri) for each in self.objects) if uri.endswith("/") else uri not in self.objects

    def size(self, uri: str) -> int | None:
        """Of all that belongs to the version whose artifact is at ``uri``; ``None`` where that is not known."""
        model, _, rest = uri.removeprefix(self.root).partition("/")
        return self.sizes.get(f"{self.root}{model}/{rest.partition('/')[0]}/") if uri.startswith(self.root) else None


class ArtifactStore(Protocol):
    """The project's bucket. Every method may be repeated."""

    def prepare(self) -> None:
        """Make the bucket on the embedded cloud; on AWS check that it is there. Raises CloudUnavailable."""
        ...

    def put_training_data(self, model: DesiredModel, rules: DatasetRules) -> DataLocation:
        """Convert and upload under the data's digest, unless it is there already."""
        ...

    def put_weights(self, model: DesiredModel) -> None:
        """Upload the folder of the user's own weights, if the model is built on one, under their digest, unless it is there already."""
        ...

    def weights_uri(self, digest: str) -> str:
        """The ``s3://…/`` prefix of the weights of that digest, there or not yet."""
        ...

    def unused_weights(self, wanted: Set[str], versions: Set[tuple[str, str]]) -> tuple[UnusedWeights, ...]:
        """Copies of folders of weights that no version was made from, in the trash neither, and that are not ``wanted``, by digest.
        ``versions``: name and fingerprint of all that the cloud shows; where of one it is not known what it was made from, none."""
        ...

    def delete_weights(self, unused: UnusedWeights) -> None:
        """For good: they came from a folder of the user's."""
        ...

    def put_program(self) -> str:
        """Upload the training program of this installation under its digest, unless it is there already; returns its URI."""
        ...

    def put_manifest(self, model: DesiredModel) -> str:
        """Write the resolved spec to ``<project>/models/<name>/<fp8>/manifest.json``; returns its URI."""
        ...

    def output_uri(self, model: str, fingerprint: str) -> str:
        """The prefix for one version's artifacts: ``s3://<bucket>/<project>/models/<name>/<fp8>/``."""
        ...

    def recorded(self, model: str, fingerprint: str) -> DesiredModel | None:
        """What ``put_manifest`` wrote for that version, where it is still there and readable."""
        ...

    def stored(self) -> StoredArtifacts:
        """What lies there now: one listing for all versions of all models."""
        ...

    def history(self) -> History:
        """What ``put_measurement`` wrote beside the versions that lie there, as ``stored`` saw them last; without a look of its own."""
        ...

    def put_measurement(self, measurement: Measurement) -> None:
        """Write what a training took to ``<project>/models/<name>/<fp8>/measured.json``, over that of an earlier attempt."""
        ...

    def metric_files(self, model: str, fingerprint: str) -> Mapping[str, str]:
        """What trainings of that version wrote as ``*_metrics.csv``: text by key. Nothing where there is none."""
        ...

    def receive(self, model: str, fingerprint: str, artifact: Artifact, source: ArtifactStore) -> Copied:
        """Copy what ``source`` holds into this bucket, and check it there; nothing where it is there already, unchanged.

        Raises CloudUnavailable.
        """
        ...

    def holds(self, artifact: Artifact) -> bool:
        """Whether an artifact in S3 is still there. A custom model on Bedrock is there while it is listed."""
        ...

    def download(self, artifact: Artifact, target: Path, tell: Tell) -> Downloaded:
        """An artifact in S3 as a file; as a folder, where it is no archive but all that lies below a prefix.

        What broke off is continued by the next call. ``target`` appears whole and checked, and nothing is overwritten. Raises
        CloudUnavailable, and ReconcilerError where it is gone or cannot be kept.
        """
        ...

    def discard(self, model: str, version: Version) -> None:
        """Move a version's artifacts to the trash, with a record of what the cloud held of it. After 30 days it is gone. They lie
        where ``version.artifact`` says, which is below the former name of a model that was renamed."""
        ...

    def discarded(self) -> tuple[Discarded, ...]:
        """What lies in the trash, oldest first."""
        ...

    def give_back(self, entry: Discarded) -> None:
        """Move a version from the trash to where it lay before; it is listed until it is forgotten. Raises ReconcilerError where
        its artifact is gone."""
        ...

    def forget(self, entry: Discarded) -> None:
        """What was given back is in use again: it lies in the trash no more."""
        ...


class LockInfo(Value):
    """Who holds the lock; the field names follow Terraform's."""

    id: str
    operation: str
    who: str
    version: str
    created: datetime
    expires: datetime
    expired: bool = False
    """Its holder has not renewed it in time: whoever comes next takes it over."""
    info: str = ""


class Lease(Protocol):
    @property
    def info(self) -> LockInfo: ...

    def still_held(self) -> bool:
        """False once the lease was lost or taken over: stop changing anything."""
        ...

    def release(self) -> None: ...


class Lock(Protocol):
    def acquire(self, operation: str, *, timeout: timedelta = timedelta(0)) -> Lease:
        """Raises LockHeld after ``timeout``."""
        ...

    def show(self) -> LockInfo | None: ...

    def release(self, lock_id: str) -> None:
        """By hand. Raises ReconcilerError where the id is not the holder's."""
        ...


class Journal(Protocol):
    """A memory for people; the cloud is the truth. Written before and after each call."""

    def intend(self, run: str, change: Change) -> None: ...

    def record(self, run: str, change: Change, outcome: Outcome) -> None: ...

    def last_run(self, address: str) -> RunSummary | None:
        """Of the last run of this machine that did something about it: what that was. ``None``: nothing is known of one."""
        ...


class EventKind(StrEnum):
    OBSERVING = "observing"
    READING = "reading"
    """Data, so far: told often, for a live line alone."""
    PLANNED = "planned"
    STARTED = "started"
    FINISHED = "finished"
    WAITING = "waiting"
    NOTE = "note"


class Event(Value):
    """Something that happened during a run, for whoever watches."""

    kind: EventKind
    message: str = ""
    change: Change | None = None
    outcome: Outcome | None = None
    waiting: tuple[Change, ...] = ()


class Progress(Protocol):
    def report(self, event: Event) -> None: ...
