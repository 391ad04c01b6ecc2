"""kind: FineTunedModel: what to train, on what, how, and whether it is deployed.

Fields left out are ``None`` here and filled by ``reconciler.manifest.resolve``, which remembers where each value came from.
Every field of the spec may also stand in the Project's ``spec.defaults``: what must be there in the end (``baseModel``,
``dataset.training``) is checked after the two are merged.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
)

from reconciler.domain.base import Value
from reconciler.domain.kinds.metadata import Metadata, Name
from reconciler.domain.quantity import format_duration, parse_duration


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration: write 90s, 30m, 8h, 7d or a chain such as 1h30m")
    return parse_duration(value)


def parse_percent(value: object) -> int:
    """``10%`` → 10. Whole percents from 1 to 99."""
    digits = value.removesuffix("%") if isinstance(value, str) and value.endswith("%") else ""
    if digits.isascii() and digits.isdecimal() and 1 <= int(digits) <= 99:
        return int(digits)
    raise ValueError(f"{value!r} is not a share: write a whole percentage between 1% and 99%, such as 10%")


def _text(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    _text(r"^(\d{1,6}[dhms])+$"),
]
Percent = Annotated[
    int,
    BeforeValidator(parse_percent),
    PlainSerializer(lambda share: f"{share}%", return_type=str),
    _text(r"^0*[1-9][0-9]?%$"),
]
InstanceTypeName = Annotated[str, _text(r"^ml\.[a-z0-9\-]+\.[a-z0-9\-]+$")]
TrainingInstanceTypeName = Annotated[str, _text(r"^(auto|ml\.[a-z0-9\-]+\.[a-z0-9\-]+)$")]
Number = Annotated[float, Field(allow_inf_nan=False)]


class ParentModel(Value):
    """Build on another fine-tuned model of this project instead of a base model."""

    fine_tuned_model: Name


class SplitValidation(Value):
    split: Percent = Field(description="Share of the training data held out for validation.", examples=["10%"])


class DatasetValidation(Value):
    dataset: str = Field(min_length=1, description="A Dataset, a path or s3://.")


def _validation_tag(value: object) -> str:
    match value:
        case SplitValidation() | {"split": _}:
            return "split form"
        case DatasetValidation() | dict():
            return "dataset form"
        case _:
            return "none form"


Validation = Annotated[
    Annotated[SplitValidation, Tag("split form")]
    | Annotated[DatasetValidation, Tag("dataset form")]
    | Annotated[Literal["none"], Tag("none form")],
    Discriminator(_validation_tag),
]


def _base_model_tag(value: object) -> str:
    return "parent form" if isinstance(value, (dict, ParentModel)) else "key form"


BaseModelChoice = Annotated[
    Annotated[str, Tag("key form")] | Annotated[ParentModel, Tag("parent form")],
    Discriminator(_base_model_tag),
]


class DatasetChoice(Value):
    training: str | None = Field(
        default=None, min_length=1, description="Required. A Dataset of this project, a path, or s3://bucket/key."
    )
    validation: Validation | None = Field(
        default=None,
        description="`{split: 10%}`, `{dataset: NAME}` or `none`. Whether it is required comes from the base model.",
    )


class Resources(Value):
    """SageMaker only."""

    instance_type: TrainingInstanceTypeName | None = Field(
        default=None,
        description="An instance type, or `auto`: the cheapest that fits.",
        examples=["ml.g5.12xlarge", "auto"],
    )
    instance_count: int | None = Field(
        default=None, ge=1, le=20, description="20 is SageMaker's default quota per training job."
    )
    volume_size_gb: int | None = Field(default=None, alias="volumeSizeGB", ge=1, le=16384)
    fallback_instance_types: tuple[InstanceTypeName, ...] | None = Field(
        default=None, max_length=4, description="Tried in this order where the first type has no capacity."
    )
    max_runtime: Duration | None = Field(
        default=None, description="SageMaker stops the job after this long: at most 28d."
    )
    spot: bool | None = None


class EarlyStopping(Value):
    patience: int | None = Field(default=None, ge=1)
    threshold: Number | None = Field(default=None, ge=0)


class HyperparameterChoice(Value):
    epochs: int | None = Field(default=None, ge=1)
    learning_rate: Number | None = Field(default=None, gt=0, examples=[2e-5])
    batch_size: int | None = Field(default=None, ge=1)
    warmup_steps: int | None = Field(default=None, ge=0)
    early_stopping: EarlyStopping | None = None
    optional: dict[str, Any] | None = Field(
        default=None,
        description="Free JSON for SageMaker; may not name what stands above, in its own spelling or the trainer's.",
    )


class TrainingChoice(Value):
    state: Literal["run", "stopped"] | None = None


class PromotionGate(Value):
    """The new version is deployed only if its metric is within the bound."""

    metric: str = Field(min_length=1, examples=["eval_loss"])
    max: Number | None = None
    min: Number | None = None


class Throughput(Value):
    """Bedrock only: provisioned throughput."""

    model_units: int = Field(default=1, ge=1)
    commitment: Literal["none", "1 month", "6 months"] = "none"


class AutoUndeploy(Value):
    """Exactly one of ``after``, ``at`` and ``hours``."""

    after: Duration | None = Field(default=None, description="So long after the deployment, as in 8h.")
    at: AwareDatetime | None = Field(
        default=None, description="At this moment, with a UTC offset: 2026-12-24T18:00:00+01:00."
    )
    hours: str | None = Field(
        default=None, description="Deployed only within these hours.", examples=["Mon-Fri 08:00-20:00"]
    )
    timezone: str | None = Field(
        default=None, description="IANA name for `hours`; UTC when left out.", examples=["Europe/Berlin"]
    )


class DeploymentChoice(Value):
    state: Literal["deployed", "undeployed"] | None = None
    instance_type: InstanceTypeName | None = Field(default=None, description="SageMaker only.")
    instance_count: int | None = Field(default=None, ge=1, description="SageMaker only.")
    throughput: Throughput | None = Field(default=None, description="Bedrock only.")
    on_demand: bool | None = Field(
        default=None, description="Bedrock only, for base models that allow it: pay per token."
    )
    auto_undeploy: AutoUndeploy | None = None
    idle: Duration | None = Field(
        default=None, description="Undeploy after so long without invocations.", examples=["7d"]
    )


class Retention(Value):
    keep_versions: int | None = Field(
        default=None, ge=0, description="Older trained versions kept beside the current one."
    )


class Lifecycle(Value):
    prevent_destroy: bool | None = None
    training_retries: int | None = Field(default=None, ge=0, le=10)
    deletion_policy: Literal["delete", "retain"] | None = None


class FineTunedModelSpec(Value):
    base_model: BaseModelChoice | None = Field(
        default=None,
        description="Required. A key of the catalog (`reconciler catalog models`), or `{fineTunedModel: NAME}`.",
        examples=["llama-3.1-8b-instruct"],
    )
    provider: Literal["sagemaker", "bedrock"] | None = Field(
        default=None, description="Only where the base model leaves a choice."
    )
    dataset: DatasetChoice | None = None
    resources: Resources | None = None
    hyperparameters: HyperparameterChoice | None = None
    revision: int | None = Field(default=None, ge=1, description="Raise it to train again with all else equal.")
    training: TrainingChoice | None = None
    promotion: tuple[PromotionGate, ...] | None = None
    deployment: DeploymentChoice | None = None
    retention: Retention | None = None
    lifecycle: Lifecycle | None = None


class FineTunedModelManifest(Value):
    api_version: Literal["reconciler/v1"]
    kind: Literal["FineTunedModel"]
    metadata: Metadata
    spec: FineTunedModelSpec = FineTunedModelSpec()
