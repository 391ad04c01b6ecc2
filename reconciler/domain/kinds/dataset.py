"""kind: Dataset: named, reusable training data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reconciler.domain.base import Value
from reconciler.domain.kinds.fine_tuned_model import Validation
from reconciler.domain.kinds.metadata import Metadata


class DatasetSpec(Value):
    source: str = Field(
        min_length=1,
        description="A path relative to the manifest's folder, or s3://bucket/key. CSV with the columns `prompt` and "
        "`expected completion`, or JSONL with `prompt` and `completion`, or with `messages`; plain or gzip.",
        examples=["data/support.csv", "s3://acme-data/support.jsonl"],
    )
    description: str = ""
    validation: Validation | None = Field(
        default=None,
        description="For models that say nothing of it themselves: `{split: 10%}`, `{dataset: NAME}` or `none`.",
    )


class DatasetManifest(Value):
    api_version: Literal["reconciler/v1"]
    kind: Literal["Dataset"]
    metadata: Metadata
    spec: DatasetSpec
