"""What the user wants, resolved: every default filled in, every reference followed, the fingerprint computed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field

from reconciler.domain.base import Value
from reconciler.domain.catalog import ProviderName, WeightsDescription
from reconciler.domain.diagnostic import Location
from reconciler.domain.kinds.fine_tuned_model import PromotionGate
from reconciler.domain.kinds.project import Budget, DriftSettings, Notifications, Roles
from reconciler.domain.policy import Policy
from reconciler.domain.quantity import Exact


class Origin(StrEnum):
    """Where a resolved value came from; shown by ``show`` and in the plan."""

    MANIFEST = "manifest"
    PROJECT = "project"
    """``spec.defaults`` of the Project."""
    DEFAULT = "default"


class DatasetSource(Value):
    """Where data is read: a path relative to the project's folder, or ``s3://bucket/key``."""

    name: str | None
    """The Dataset's name; ``None`` where the model names a path itself."""
    uri: str
    where: Location | None = None

    @property
    def is_s3(self) -> bool:
        return self.uri.startswith("s3://")


class WeightsFolder(Value):
    """A folder of base weights on this machine: a path relative to the project's folder, or an absolute one."""

    path: str
    where: Location | None = None


class ValidationPlan(Value):
    """Validation data: a share split off, another source, or none."""

    split_percent: int | None = None
    split_seed: int = 0
    source: DatasetSource | None = None


class Hyperparameters(Value):
    """Resolved. ``None``: this base model has no such parameter, or it is left to the service."""

    epochs: int | None = None
    learning_rate: Exact | None = None
    batch_size: int | None = None
    warmup_steps: int | None = None
    early_stopping_patience: int | None = None
    early_stopping_threshold: Exact | None = None
    optional: dict[str, Any] = Field(default_factory=dict)


AUTO = "auto"
"""``instanceType: auto``: the cheapest that fits."""


class TrainingResources(Value):
    """SageMaker only. ``instance_type`` may be ``auto`` until it is picked."""

    instance_type: str
    instance_count: int = 1
    volume_size_gb: int
    fallback_instance_types: tuple[str, ...] = ()
    max_runtime: timedelta
    spot: bool = False
    image: str | None = None
    """``None``: the catalog's."""


class UndeployRule(Value):
    """One of ``after``, ``at``, ``hours`` (with ``timezone``). Equal rules serialise equally."""

    after: timedelta | None = None
    at: datetime | None = None
    hours: str | None = None
    timezone: str = "UTC"


class DeploymentKind(StrEnum):
    REAL_TIME = "real-time"
    """A SageMaker endpoint."""
    PROVISIONED = "provisioned"
    """Bedrock provisioned throughput."""
    ON_DEMAND = "on-demand"
    """A Bedrock custom model deployment."""


class DesiredDeployment(Value):
    deployed: bool = False
    kind: DeploymentKind
    instance_type: str | None = None
    instance_count: int | None = None
    """``None``: not asked for in the manifest; what autoscaling set is kept."""
    image: str | None = None
    """``None``: the catalog's when the version was first deployed."""
    model_units: int | None = None
    commitment: str | None = None
    """``none``, ``1 month`` or ``6 months``."""
    undeploy: UndeployRule | None = None
    idle: timedelta | None = None


class ResolvedModel(Value):
    """A FineTunedModel with defaults filled in: everything but what only the data can tell."""

    name: str
    labels: dict[str, str] = Field(default_factory=dict)
    description: str = ""
    renamed_from: str | None = None
    where: Location | None = None

    provider: ProviderName
    base_model: str
    """The catalog key at the root of the lineage."""
    weights: WeightsFolder | None = None
    """The user's own base weights; ``base_model`` is then ``local-folder``."""
    weights_uri: str | None = None
    """``s3://…/`` prefix of the base model's weights, where the manifest names one, or a folder, which is copied there."""
    accept_eula: bool = False
    """The manifest accepts the base model's licence."""
    parent: str | None = None
    """Name of the fine-tuned model that this one builds on."""
    training_data: DatasetSource
    validation: ValidationPlan
    system_prompt: str = ""
    """What every record is trained with that has no system text of its own."""
    resources: TrainingResources | None = None
    hyperparameters: Hyperparameters
    revision: int = 1
    training_stopped: bool = False
    promotion: tuple[PromotionGate, ...] = ()
    deployment: DesiredDeployment
    keep_versions: int = 1
    prevent_destroy: bool = False
    training_retries: int = 1
    deletion_policy: str = "delete"

    origins: dict[str, Origin] = Field(default_factory=dict)
    """By manifest path (``spec.hyperparameters.epochs``): where each resolved value came from."""

    @property
    def address(self) -> str:
        return f"FineTunedModel/{self.name}"

    @property
    def root(self) -> str:
        """What stands at the root of the lineage, as people call it: the catalog's key, or the folder of the user's own weights."""
        return self.weights.path if self.weights else self.base_model


class DatasetFacts(Value):
    """What was found in the data. ``digest`` is over the records' content, not over the file's bytes."""

    source: DatasetSource
    digest: str
    """``sha256:…`` of the canonical records."""
    records: int
    size_bytes: int
    characters: int
    tokens: int | None = None
    """Estimated; see ``tokens_note``."""
    tokens_note: str = ""


class WeightsFacts(Value):
    """What was found in a folder of weights. ``digest`` is over the names and contents of the files that belong to the model."""

    folder: WeightsFolder
    digest: str
    size_bytes: int
    files: tuple[str, ...]
    description: WeightsDescription = WeightsDescription()


class TrainingData(Value):
    """The data of one training, after the split; and the weights that it begins with, where they are the user's own."""

    training: DatasetFacts
    validation: DatasetFacts | None = None
    """A source of its own."""
    training_records: int
    """After the split."""
    validation_records: int
    weights: WeightsFacts | None = None


class DesiredModel(Value):
    """What one manifest asks for, complete: ready to be compared with the cloud."""

    resolved: ResolvedModel
    data: TrainingData
    fingerprint: str
    """``sha256:…``: see ``reconciler.domain.fingerprint``."""
    parent_fingerprint: str | None = None
    weights_digest: str | None = None
    """``sha256:…`` of what lies below ``weights_uri``, where the manifest names it."""
    root_weights: WeightsFacts | None = None
    """The user's own weights at the root of the lineage, where there are some: this model's, or those of what it builds on."""

    @property
    def name(self) -> str:
        return self.resolved.name

    @property
    def address(self) -> str:
        return self.resolved.address


class ProjectSettings(Value):
    """The Project, resolved."""

    name: str
    cloud: str
    """``local`` or ``aws``."""
    environment: str = ""
    """The overlay that was merged over the manifests; empty: none."""
    name_suffix: str = ""
    """What the names of all models end with."""
    region: str
    bucket: str
    roles: Roles = Roles()
    hugging_face_token_secret: str | None = None
    notifications: Notifications = Notifications()
    budget: Budget = Budget()
    drift: DriftSettings = DriftSettings()
    where: Location | None = None


class Configuration(Value):
    """Everything the manifests say, checked and resolved. ``digest`` covers all of it."""

    project: ProjectSettings
    datasets: dict[str, DatasetSource] = Field(default_factory=dict)
    validations: dict[str, ValidationPlan] = Field(default_factory=dict)
    """What Datasets say of their own, by their names."""
    models: tuple[ResolvedModel, ...] = ()
    """Parents before children."""
    policies: tuple[Policy, ...] = ()
    digest: str = ""

    def by_name(self) -> Mapping[str, ResolvedModel]:
        return {model.name: model for model in self.models}
