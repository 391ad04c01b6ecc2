"""``bedrock_models.yaml``: base models that Bedrock tunes, or did."""

from __future__ import annotations

from datetime import date as Date
from typing import Literal

from pydantic import Field

from reconciler.catalog.files import Sourced, Sources
from reconciler.catalog.prices import BedrockFigures, Figure, price
from reconciler.catalog.rules import DatasetRow, HyperparameterRow, dataset, hyperparameters
from reconciler.domain.base import Value
from reconciler.domain.catalog import BedrockOffer, FoundationModel, Price, ProviderName, Requirement, Retirement


class ValidationRow(Sourced):
    rule: Requirement


class ServingRow(Sourced):
    supported: bool
    regions: tuple[str, ...]


class SupportRow(Sourced):
    supported: bool


class RetirementRow(Sourced):
    state: Literal["EOL", "REMOVED"]
    reason: str
    date: Date | None
    replaced_by: str | None
    also: tuple[str, ...] = ()


class BedrockRow(Sourced):
    key: str
    name: str
    family: str
    original: bool = False
    model_id: str
    aliases: tuple[str, ...] = ()
    tuning_regions: tuple[str, ...] = Field(min_length=1)
    hyperparameters: str
    """Key of a set of rules in the same file; so is ``dataset``."""
    dataset: str
    validation: ValidationRow
    on_demand: ServingRow
    throughput: ServingRow
    builds_on_custom_models: SupportRow | None
    retirement: RetirementRow | None = None


class BedrockFile(Value):
    hyperparameters: dict[str, dict[str, HyperparameterRow]]
    datasets: dict[str, DatasetRow]
    models: tuple[BedrockRow, ...]


def bedrock_models(file: BedrockFile, prices: dict[str, BedrockFigures], sources: Sources) -> list[FoundationModel]:
    return [_model(row, file, prices[row.key], sources) for row in file.models]


def _model(row: BedrockRow, file: BedrockFile, figures: BedrockFigures, sources: Sources) -> FoundationModel:
    here = ProviderName.BEDROCK
    return FoundationModel(
        key=row.key,
        name=row.name,
        family=row.family,
        aliases=(*_ids(row.model_id), *row.aliases),
        bedrock=_offer(row, figures, sources),
        hyperparameters={here: hyperparameters(file.hyperparameters[row.hyperparameters], sources)},
        validation={here: row.validation.rule},
        dataset={here: dataset(file.datasets[row.dataset], sources)},
        retirement=_retirement(row.retirement, sources),
        original=row.original,
    )


def _ids(model_id: str) -> tuple[str, ...]:
    """The id with its context suffix, without it, and bare: ``amazon.nova-micro-v1:0:128k``, ``…v1:0``, ``…v1``."""
    name, *parts = model_id.split(":")
    return tuple(dict.fromkeys(":".join((name, *parts[:kept])) for kept in range(len(parts), -1, -1)))


def _offer(row: BedrockRow, figures: BedrockFigures, sources: Sources) -> BedrockOffer:
    def per(unit: str, figure: Figure | None) -> Price:
        return price(figure, unit, figures.regions[0], sources)

    on_demand = row.on_demand.supported
    serving = (row.on_demand, row.throughput)
    return BedrockOffer(
        model_id=row.model_id,
        tuning_regions=row.tuning_regions,
        training_per_1k_tokens=per("1k-tokens", figures.training_per_1k_tokens),
        storage_per_month=per("model-month", figures.storage_per_month),
        throughput_none=per("model-unit-hour", figures.throughput_none),
        throughput_one_month=per("model-unit-hour", figures.throughput_one_month),
        throughput_six_months=per("model-unit-hour", figures.throughput_six_months),
        on_demand_input_per_1m=per("1m-tokens", figures.on_demand_input_per_1m) if on_demand else None,
        on_demand_output_per_1m=per("1m-tokens", figures.on_demand_output_per_1m) if on_demand else None,
        supports_on_demand=on_demand,
        supports_throughput=row.throughput.supported,
        deploy_regions=tuple(dict.fromkeys(region for way in serving if way.supported for region in way.regions)),
        builds_on_custom_models=row.builds_on_custom_models.supported if row.builds_on_custom_models else None,
        source=row.cite(sources),
    )


def _retirement(row: RetirementRow | None, sources: Sources) -> Retirement | None:
    if row is None:
        return None
    first = (row.source,) if isinstance(row.source, str) else row.source
    source = sources.cite((*first, *row.also), note=row.note)
    return Retirement(state=row.state, reason=row.reason, on=row.date, replaced_by=row.replaced_by, source=source)
