"""kind: Project: the account, the region, the bucket, the roles, and defaults for every model."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from reconciler.domain.base import Value
from reconciler.domain.kinds.fine_tuned_model import FineTunedModelSpec
from reconciler.domain.kinds.metadata import Metadata


def parse_usd(value: object) -> Decimal:
    """``200 USD`` → 200. Only USD: AWS prices and this catalog are in it."""
    match str(value).split() if isinstance(value, str) else ():
        case (amount, "USD") if amount.replace(".", "", 1).isascii() and amount.replace(".", "", 1).isdecimal():
            return Decimal(amount)
    raise ValueError(f"{value!r} is not an amount of money: write it as `200 USD`")


Usd = Annotated[
    Decimal,
    BeforeValidator(parse_usd),
    PlainSerializer(lambda amount: f"{amount} USD", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]*)? USD$"}),
]


class Roles(Value):
    training: str | None = Field(default=None, description="IAM role that SageMaker assumes for training and hosting.")
    bedrock: str | None = Field(
        default=None, description="IAM role that Bedrock assumes to read data and write results."
    )
    scheduler: str | None = Field(default=None, description="IAM role that EventBridge Scheduler assumes to undeploy.")


class Notifications(Value):
    emails: tuple[str, ...] = ()


class LabelBudget(Value):
    """A ceiling for the models that bear these labels, beside the project's own."""

    match_labels: dict[str, str] = Field(
        min_length=1, description="The models that bear all of these labels.", examples=[{"team": "support"}]
    )
    per_training: Usd | None = Field(default=None, description="Most that one training of such a model may cost.")
    monthly_hosting: Usd | None = Field(
        default=None, description="Most that the deployments of all such models together may cost a month."
    )

    @property
    def told(self) -> str:
        """``team=support``."""
        return ", ".join(f"{key}={value}" for key, value in sorted(self.match_labels.items()))

    def covers(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self.match_labels.items())


class Budget(Value):
    per_training: Usd | None = Field(default=None, description="Most that one training may cost, as in `200 USD`.")
    monthly_hosting: Usd | None = Field(
        default=None, description="Most that all deployments together may cost a month."
    )
    per_label: tuple[LabelBudget, ...] = Field(default=(), description="Ceilings of their own for labelled models.")


class DriftIgnore(Value):
    """Drift that the team tolerates: `drift` shows it as ignored and does not count it; `apply` still brings it back."""

    model: str = Field(
        min_length=1, description="The model's name, or a pattern such as `demo-*`.", examples=["support-bot", "demo-*"]
    )
    path: str = Field(
        default="*",
        min_length=1,
        description="The field, or a pattern such as `spec.deployment.*`. Of what is gone or failed as a whole: "
        "`spec.training` or `spec.deployment`.",
        examples=["spec.deployment.instanceCount", "spec.deployment*"],
    )
    reason: str = Field(min_length=1, description="Why it is tolerated; shown beside it.")


class DriftSettings(Value):
    ignore: tuple[DriftIgnore, ...] = Field(default=(), description="Drift that is shown and not counted.")


class ProjectSpec(Value):
    cloud: Literal["local", "aws"] = Field(
        default="local", description="`local` is the embedded cloud on this machine; `aws` is your account."
    )
    region: str = Field(default="us-east-1", min_length=1)
    name_suffix: str | None = Field(
        default=None,
        max_length=32,
        pattern=r"^(-?[A-Za-z0-9])*$",
        description="Ends the name of every model of the project, in its manifests and in the cloud. In an environment `-<environment>` "
        'unless given here; `""` where each environment has an account or a region of its own.',
        examples=["-prod"],
    )
    bucket: str | None = Field(
        default=None,
        min_length=3,
        max_length=63,
        description="S3 bucket for data, artifacts and the lock. On the embedded cloud it is made when missing.",
    )
    roles: Roles = Roles()
    hugging_face_token_secret: str | None = Field(
        default=None, description="ARN of a Secrets Manager secret. Never the token itself."
    )
    notifications: Notifications = Notifications()
    budget: Budget = Budget()
    drift: DriftSettings = DriftSettings()
    defaults: FineTunedModelSpec = Field(
        default=FineTunedModelSpec(),
        description="Merged under every FineTunedModel's spec. What a model's provider or base model does not have is left out.",
    )


class ProjectManifest(Value):
    api_version: Literal["reconciler/v1"]
    kind: Literal["Project"]
    metadata: Metadata
    spec: ProjectSpec = ProjectSpec()
