"""What was seen in the cloud, at a time. Never what we wish."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from reconciler.domain.base import Value
from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DeploymentKind, UndeployRule
from reconciler.domain.outcome import Fault
from reconciler.domain.quantity import Exact
from reconciler.domain.tags import Owner


class TrainingPhase(StrEnum):
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


class TrainingRun(Value):
    """One training in the cloud: the n-th attempt at a fingerprint."""

    name: str
    identifier: str
    """ARN."""
    attempt: int
    phase: TrainingPhase
    detail: str = ""
    """The cloud's finer status: ``Downloading``, ``Training``, ``dataProcessing``."""
    created_at: datetime | None = None
    ended_at: datetime | None = None
    failure: Fault | None = None
    """Why it failed, in the cloud's own words, sorted."""
    stopped_by_limit: bool = False
    """It ran into ``maxRuntime`` (or the spot wait limit)."""
    instance_type: str | None = None
    instance_count: int | None = None
    billable_seconds: int | None = None
    metrics: dict[str, Exact] = Field(default_factory=dict)
    """Final metrics by name: ``eval_loss``, ``train_loss``."""
    created_by: str | None = None
    discarded: bool = False
    """Its artifact was deleted by us. Bedrock keeps jobs, and so their names, for ever: only the attempt number still counts."""


class Artifact(Value):
    """The trained model: an S3 object (SageMaker) or a custom model (Bedrock)."""

    identifier: str
    """``s3://…/model.tar.gz`` or the custom model's ARN."""
    name: str
    created_at: datetime | None = None
    size_bytes: int | None = None
    ready: bool = True


class Version(Value):
    """All that the cloud holds of one fingerprint of one model."""

    fingerprint: str
    runs: tuple[TrainingRun, ...] = ()
    """By attempt."""
    artifact: Artifact | None = None
    leftovers: tuple[str, ...] = ()
    """Identifiers of what else belongs to it and would be deleted with it: SageMaker models, unused endpoint configs."""
    promoted_from: str | None = None
    """The project that trained it, where that is another one."""
    metrics: dict[str, Exact] = Field(default_factory=dict)
    """The final metrics of that training."""

    @property
    def is_gone(self) -> bool:
        """Nothing is left but records of discarded runs."""
        return self.artifact is None and not self.leftovers and all(run.discarded for run in self.runs)

    @property
    def last_attempt(self) -> int:
        """Zero before the first."""
        return max((run.attempt for run in self.runs), default=0)

    @property
    def latest_run(self) -> TrainingRun | None:
        return self.runs[-1] if self.runs else None


class DeploymentPhase(StrEnum):
    CREATING = "creating"
    IN_SERVICE = "in-service"
    UPDATING = "updating"
    ROLLING_BACK = "rolling-back"
    DELETING = "deleting"
    FAILED = "failed"
    """Created, but it does not serve; on SageMaker it can only be deleted."""
    UPDATE_FAILED = "update-failed"
    """The update failed and the old configuration serves, or nothing does."""


class Deployment(Value):
    """The endpoint, provisioned throughput or custom model deployment of a model."""

    name: str
    identifier: str
    kind: DeploymentKind
    phase: DeploymentPhase
    fingerprint: str | None = None
    """Of the version that serves now; ``None`` where it cannot be told."""
    target_fingerprint: str | None = None
    """Of the version that the cloud is moving to, while it moves; else as ``fingerprint``."""
    instance_type: str | None = None
    instance_count: int | None = None
    image: str | None = None
    """The container that serves, where the cloud tells."""
    autoscaled: bool = False
    """The count is not the configuration's, and Application Auto Scaling sets it, or may not be asked."""
    model_units: int | None = None
    commitment: str | None = None
    commitment_ends_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    failure: Fault | None = None
    configuration: str | None = None
    """Name of the endpoint configuration, where there is one."""
    variant: str | None = None
    """Of the endpoint, as its metrics name it: what was imported keeps the name that somebody gave it."""
    owner: Owner | None = None
    rolled_back: bool = False
    """The owner tags ask for another version than the one that serves, and nothing is moving: AWS rolled back."""


class ScheduleObservation(Value):
    """An EventBridge schedule that undeploys or deploys a model."""

    name: str
    purpose: str
    """``undeploy`` or ``deploy``."""
    rule: UndeployRule | None
    """The manifest's rule that it was made from; ``None`` where it cannot be read."""
    fires_at: datetime | None = None
    """For one-time schedules."""
    target_digest: str = ""
    """Digest of the request that it will send."""
    fingerprint: str | None = None
    """Of the version that a ``deploy`` schedule would bring back; ``None`` where it cannot be told."""

    @property
    def deploys(self) -> bool:
        """It brings the model back when its hours begin."""
        return self.purpose == "deploy"


class ModelObservation(Value):
    """All that the project owns of one model, on one provider."""

    name: str
    provider: ProviderName
    versions: tuple[Version, ...] = ()
    """Oldest first, by the first run's creation."""
    deployments: tuple[Deployment, ...] = ()
    """Usually none or one; two while a kind of deployment is replaced by another."""
    schedules: tuple[ScheduleObservation, ...] = ()
    prevent_destroy: bool = False
    deletion_policy: str = "delete"
    parent: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    last_invoked_at: datetime | None = None
    """Where the cloud's metrics could be read."""
    counted_since: datetime | None = None
    """Since when they count, so that silence means that nobody calls; ``None``: it is not known."""

    def version(self, fingerprint: str) -> Version | None:
        return next((version for version in self.versions if version.fingerprint == fingerprint), None)


class ForeignResource(Value):
    """Something of our computed name without our tags: somebody else's. Never touched."""

    name: str
    kind: str
    """``training job``, ``endpoint``, ``custom model``, …"""
    identifier: str
    provider: ProviderName
    owner: Owner | None = None
    """Where it carries another project's tags."""


class Snapshot(Value):
    """Everything the project owns in one account and region, as seen at ``observed_at`` (the cloud's clock)."""

    project: str
    cloud: str
    account: str
    region: str
    observed_at: datetime
    models: tuple[ModelObservation, ...] = ()
    foreign: tuple[ForeignResource, ...] = ()

    def model(self, name: str, provider: ProviderName) -> ModelObservation | None:
        """Two providers may both hold something of one model: while it moves from one to the other."""
        return next((model for model in self.models if (model.name, model.provider) == (name, provider)), None)
