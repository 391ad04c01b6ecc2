"""kind: FineTunedModel: what to train, on what, how, and whether it is deployed.

Fields left out are ``None`` here and filled by ``reconciler.manifest.resolve``, which remembers where each value came from.
Every field of the spec may also stand in the Project's ``spec.defaults``: what must be there in the end (``baseModel``,
``dataset.training``) is checked after the two are merged.
"""

from __future__ import annotations

import re
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


_PREFIX = r"^s3://[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]/\S{1,900}$"


def _weights(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_PREFIX, value, re.ASCII):
        return value
    raise ValueError(f"{value!r} is no prefix in S3: write s3://bucket/path/")


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
ImageUri = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\S]+$")]
"""Both bounds and the pattern are those of SageMaker's TrainingImage and ContainerImage (botocore 1.44)."""
WeightsUri = Annotated[str, BeforeValidator(_weights), _text(_PREFIX)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class ParentModel(Value):
    """Build on another fine-tuned model of this project instead of a base model."""

    fine_tuned_model: Name


class LocalWeights(Value):
    """Build on weights of your own: a folder as Hugging Face's `save_pretrained` writes it. The embedded cloud alone can read it."""

    path: str = Field(
        min_length=1,
        description="Counts from the manifest's folder. It may lie outside the project: what is in it decides, not where it is.",
        examples=["../models/my-base"],
    )


class WeightsChoice(Value):
    """SageMaker only: a base model of the catalog whose weights lie in the user's own bucket."""

    key: str = Field(min_length=1, description="A key of the catalog, which the weights are of.")
    weights: WeightsUri = Field(
        description="S3 prefix of the files as Hugging Face has them: config.json, *.safetensors, tokenizer files.",
        examples=["s3://acme-models/llama-3.1-8b-instruct/"],
    )


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
    match value:
        case LocalWeights() | {"path": _}:
            return "folder form"
        case WeightsChoice() | {"key": _} | {"weights": _}:
            return "weights form"
        case ParentModel() | dict():
            return "parent form"
        case _:
            return "key form"


BaseModelChoice = Annotated[
    Annotated[str, Tag("key form")]
    | Annotated[ParentModel, Tag("parent form")]
    | Annotated[LocalWeights, Tag("folder form")]
    | Annotated[WeightsChoice, Tag("weights form")],
    Discriminator(_base_model_tag),
]


class DatasetChoice(Value):
    training: str | None = Field(
        default=None, min_length=1, description="Required. A Dataset of this project, a path, or s3://bucket/key."
    )
    validation: Validation | None = Field(
        default=None,
        description="`{split: 10%}`, `{dataset: NAME}` or `none`. Whether it is required comes from the base model. Where it is left out, "
        "what the Dataset says.",
    )
    system_prompt: str | None = Field(
        default=None,
        min_length=1,
        max_length=100_000,
        description="What the model is told before each record that has no system text of its own. Not for base models that are "
        "trained on a prompt and a completion alone.",
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
    volume_size_gb: int | None = Field(
        default=None,
        alias="volumeSizeGB",
        ge=1,
        le=16384,
        description="Of the storage attached to each instance.",
    )
    fallback_instance_types: tuple[InstanceTypeName, ...] | None = Field(
        default=None, max_length=4, description="Tried in this order where the first type has no capacity."
    )
    max_runtime: Duration | None = Field(
        default=None, description="SageMaker stops the job after this long: at most 28d."
    )
    spot: bool | None = Field(
        default=None, description="Managed spot training: cheaper, and it may be interrupted and go on later."
    )
    image: ImageUri | None = Field(
        default=None,
        description="The training container, in place of the catalog's. It never trains again what is trained.",
    )


class EarlyStopping(Value):
    patience: int | None = Field(default=None, ge=1, description="Stop after so many evaluations without improvement.")
    threshold: Number | None = Field(default=None, ge=0, description="Less than this is no improvement.")


class HyperparameterChoice(Value):
    epochs: int | None = Field(
        default=None, ge=1, description="Passes over the training data. Bounds come from the base model.", examples=[3]
    )
    learning_rate: Number | None = Field(default=None, gt=0, description="How far each step goes.", examples=[2e-5])
    batch_size: int | None = Field(default=None, ge=1, description="Records in one step.", examples=[4])
    warmup_steps: int | None = Field(
        default=None, ge=0, description="Steps until the learning rate is reached.", examples=[20]
    )
    early_stopping: EarlyStopping | None = Field(
        default=None, description="End the training when validation no longer improves.", examples=[{"patience": 3}]
    )
    optional: dict[str, Any] | None = Field(
        default=None,
        description="Free JSON for SageMaker; may not name what stands above, in its own spelling or the trainer's.",
        examples=[{"use_lora": True}],
    )


class TrainingChoice(Value):
    state: Literal["run", "stopped"] | None = Field(
        default=None, description="`stopped` ends a running training, and begins none."
    )


class PromotionGate(Value):
    """The new version is deployed only if its metric is within the bound."""

    metric: str = Field(min_length=1, description="A metric of the training.", examples=["eval_loss"])
    max: Number | None = Field(default=None, description="Not above this.", examples=[1.4])
    min: Number | None = Field(default=None, description="Not below this.")


class Throughput(Value):
    """Bedrock only: provisioned throughput."""

    model_units: int = Field(default=1, ge=1, description="Each has its own price by the hour.")
    commitment: Literal["none", "1 month", "6 months"] = Field(
        default="none", description="A term is cheaper by the hour, and is paid to its end."
    )


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
    state: Literal["deployed", "undeployed"] | None = Field(default=None, description="Whether the model is served.")
    instance_type: InstanceTypeName | None = Field(default=None, description="SageMaker only.")
    instance_count: int | None = Field(default=None, ge=1, description="SageMaker only.")
    image: ImageUri | None = Field(
        default=None,
        description="SageMaker only: the inference container, in place of the catalog's. It must take AWS's vLLM settings.",
    )
    throughput: Throughput | None = Field(default=None, description="Bedrock only.")
    on_demand: bool | None = Field(
        default=None, description="Bedrock only, for base models that allow it: pay per token."
    )
    auto_undeploy: AutoUndeploy | None = Field(
        default=None, description="End the deployment by schedule, without this tool.", examples=[{"after": "8h"}]
    )
    idle: Duration | None = Field(
        default=None, description="Undeploy after so long without invocations.", examples=["7d"]
    )


class Retention(Value):
    keep_versions: int | None = Field(
        default=None, ge=0, description="Older trained versions kept beside the current one."
    )


class Lifecycle(Value):
    prevent_destroy: bool | None = Field(
        default=None,
        description="Refuse plans that would destroy it, also once its manifest is gone.",
    )
    training_retries: int | None = Field(
        default=None, ge=0, le=10, description="How often a training that failed is tried again."
    )
    deletion_policy: Literal["delete", "retain"] | None = Field(
        default=None, description="`retain` leaves in the cloud what is no longer wanted, and gives up owning it."
    )


class FineTunedModelSpec(Value):
    base_model: BaseModelChoice | None = Field(
        default=None,
        description="Required. A key of the catalog (`reconciler catalog models`), `{fineTunedModel: NAME}`, `{key: KEY, weights: s3://…}` "
        "where its weights lie in a bucket of your own, or, on the embedded cloud, `{path: FOLDER}`.",
        examples=["llama-3.1-8b-instruct"],
    )
    accept_eula: bool | None = Field(
        default=None,
        description="SageMaker only: whether you accept the base model's licence. Required on AWS where the catalog names a EULA.",
    )
    provider: Literal["sagemaker", "bedrock"] | None = Field(
        default=None, description="Only where the base model leaves a choice."
    )
    dataset: DatasetChoice | None = Field(default=None, description="What is trained and validated on.")
    resources: Resources | None = Field(default=None, description="SageMaker only: what it is trained with.")
    hyperparameters: HyperparameterChoice | None = Field(
        default=None, description="Which exist, their bounds and defaults come from the base model."
    )
    revision: int | None = Field(default=None, ge=1, description="Raise it to train again with all else equal.")
    training: TrainingChoice | None = Field(default=None, description="Whether it is trained at all.")
    promotion: tuple[PromotionGate, ...] | None = Field(
        default=None,
        description="What a new version must reach before it is deployed.",
        examples=[[{"metric": "eval_loss", "max": 1.4}]],
    )
    deployment: DeploymentChoice | None = Field(default=None, description="Whether it is served, and how.")
    retention: Retention | None = Field(default=None, description="What is kept of older versions.")
    lifecycle: Lifecycle | None = Field(default=None, description="Guards, retries, and what becomes of it in the end.")


class FineTunedModelManifest(Value):
    api_version: Literal["reconciler/v1"]
    kind: Literal["FineTunedModel"]
    metadata: Metadata
    spec: FineTunedModelSpec = FineTunedModelSpec()
