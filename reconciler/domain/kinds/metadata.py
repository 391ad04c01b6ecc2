"""What every kind has: a name, labels, a description."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reconciler.domain.base import Value
from reconciler.domain.naming import MAX_NAME, NAME_PATTERN

API_VERSION = "reconciler/v1"

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_NAME,
        pattern=f"^{NAME_PATTERN}$",
        description="1-63 letters, digits and single hyphens, alphanumeric at both ends (SageMaker's and Bedrock's common rule).",
        examples=["support-bot"],
    ),
]
"""The pattern serves the JSON Schema; ``$`` also matches before a final newline, so manifests are checked with ``fullmatch`` as well."""

LabelKey = Annotated[str, Field(min_length=1, max_length=63)]
LabelValue = Annotated[str, Field(max_length=63)]


class Metadata(Value):
    name: Name
    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, description="Free key-value pairs; budgets and policies may select by them."
    )
    description: str = Field(default="", max_length=1000)
    renamed_from: Name | None = Field(
        default=None, description="The model's former name: its resources are re-tagged instead of trained again."
    )
