"""What an account and region hold, whoever made it: for ``discover``, ``import`` and ``inventory``."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from reconciler.domain.base import Value
from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DeploymentKind
from reconciler.domain.outcome import Outcome
from reconciler.domain.tags import Owner


class ResourceKind(StrEnum):
    TRAINING_JOB = "training-job"
    ENDPOINT = "endpoint"
    CUSTOM_MODEL = "custom-model"
    THROUGHPUT = "provisioned-throughput"
    MODEL_DEPLOYMENT = "custom-model-deployment"


IMPORTABLE = {
    ResourceKind.TRAINING_JOB: ProviderName.SAGEMAKER,
    ResourceKind.ENDPOINT: ProviderName.SAGEMAKER,
    ResourceKind.CUSTOM_MODEL: ProviderName.BEDROCK,
}
"""What ``import`` takes, and who is asked for it. What serves a custom model comes with it."""


class Traffic(Value):
    """Invocations as CloudWatch counted them."""

    days: int
    """Of looking back."""
    invocations: int
    last_at: datetime | None = None
    """The day of the last one, to the day."""


class Found(Value):
    """One thing in the cloud that costs money or could be imported."""

    kind: ResourceKind
    name: str
    identifier: str
    """ARN."""
    provider: ProviderName
    status: str
    """In the service's own words."""
    created_at: datetime | None = None
    owner: Owner | None = None
    """``None``: it carries no owner tags, of this project or another."""
    serves: str | None = None
    """Name (SageMaker) or ARN (Bedrock) of the model that it serves, where it serves one."""
    base: str | None = None
    """What it was trained from, as the service names it."""
    instance_type: str | None = None
    instance_count: int | None = None
    model_units: int | None = None
    commitment: str | None = None

    @property
    def address(self) -> str:
        """As ``import`` takes it: ``endpoint/prod-llm``."""
        return f"{self.kind}/{self.name}"


class Serving(Value):
    """What serves the trained model and comes with it."""

    name: str
    """The name that clients use."""
    kind: DeploymentKind
    instance_type: str | None = None
    instance_count: int | None = None
    model_units: int | None = None
    commitment: str | None = None


class TrainingFacts(Value):
    """How something was trained, as the service recorded it."""

    base: str | None = None
    """Hugging Face repository, JumpStart id or Bedrock model id; ``None``: not recorded."""
    hyperparameters: dict[str, str] = Field(default_factory=dict)
    """As sent."""
    training_uri: str | None = None
    validation_uri: str | None = None
    instance_type: str | None = None
    instance_count: int | None = None
    volume_size_gb: int | None = None
    max_runtime: timedelta | None = None
    spot: bool | None = None


class Holding(Value):
    """A resource that adoption tags."""

    identifier: str
    extra: dict[str, str] = Field(default_factory=dict)
    """Tags beside the owner's that this resource needs."""


class Importable(Value):
    """A trained model, and what serves it where that was named, with all that would be tagged."""

    found: Found
    provider: ProviderName
    version: str
    """Name of the training job or custom model."""
    facts: TrainingFacts
    serving: Serving | None = None
    holdings: tuple[Holding, ...]
    """In the order in which they are tagged: what serves last, so that it is not seen without its version."""
    owners: tuple[Owner, ...] = ()
    """Of those that carry owner tags already."""

    @property
    def suggested_name(self) -> str:
        """Clients keep the name of what serves; else the training's own."""
        return self.serving.name if self.serving else self.version


class Surveyor(Protocol):
    """One cloud service, looked at as a whole. Every look raises CloudUnavailable where it fails: an error is never absence."""

    def survey(self) -> tuple[Found, ...]:
        """All training jobs, models and what serves, paged; whoever owns them."""
        ...

    def look(self, kind: ResourceKind, name: str) -> Importable:
        """Raises ReconcilerError where it is not there, or cannot be told apart from something that cannot be imported."""
        ...

    def adopt(self, found: Importable, owner: Owner, labels: dict[str, str]) -> Outcome:
        """Write the owner tags on every holding. May be repeated."""
        ...

    def traffic(self, found: Found, now: datetime, days: int) -> Traffic | None:
        """``None``: CloudWatch has nothing that it could be told from, or may not be asked."""
        ...
