"""Rows that Bedrock's and SageMaker's files share: hyperparameters and dataset rules."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from reconciler.catalog.files import Sourced, Sources
from reconciler.domain.catalog import DatasetRules, HyperparameterRule, TokenLimit


class HyperparameterRow(Sourced):
    wire_name: str
    kind: Literal["integer", "float"]
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    exclusive_minimum: bool = False
    default: Decimal | None = None
    choices: tuple[Decimal, ...] = ()


class DatasetRow(Sourced):
    format: Literal["prompt-completion", "bedrock-conversation-2024", "chat"]
    min_records: int | None = None
    max_records: int | None = None
    max_validation_records: int | None = None
    records_count_validation: bool = False
    max_tokens_per_record: int | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    max_training_bytes: int | None = None
    max_validation_bytes: int | None = None
    max_tokens_by_batch_size: tuple[TokenLimit, ...] = ()
    refuses_reserved_texts: bool = False


_CITED = {"source", "verified", "note"}


def hyperparameters(rows: Mapping[str, HyperparameterRow], sources: Sources) -> tuple[HyperparameterRule, ...]:
    """In the order of the file, which is the order in which they are shown."""
    return tuple(
        HyperparameterRule(name=name, source=row.cite(sources), **row.model_dump(exclude=_CITED, by_alias=False))
        for name, row in rows.items()
    )


def dataset(row: DatasetRow, sources: Sources) -> DatasetRules:
    return DatasetRules(source=row.cite(sources), **row.model_dump(exclude=_CITED, by_alias=False))
