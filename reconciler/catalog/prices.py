"""``prices.yaml``: what instances, storage and Bedrock cost, by region."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import Field

from reconciler.catalog.files import Sourced, Sources
from reconciler.domain.base import Value
from reconciler.domain.catalog import Price

Purpose = Literal["training", "hosting"]


class Figure(Sourced):
    usd: Decimal = Field(gt=0)
    formula: str = ""
    estimated: bool = False

    def price(self, unit: str, region: str, sources: Sources, note: str = "") -> Price:
        """An estimate is never verified, whatever its row says."""
        told = "; ".join(part for part in (note or self.note, self.formula) if part)
        source = sources.cite(self.source, verified=self.verified and not self.estimated, note=told)
        return Price(usd=self.usd, unit=unit, region=region, source=source, estimated=self.estimated)


class InstanceFigures(Value):
    """``both`` where one row holds for training and for hosting."""

    both: Figure | None = None
    training: Figure | None = None
    hosting: Figure | None = None

    def of(self, purpose: Purpose) -> Figure | None:
        own = self.training if purpose == "training" else self.hosting
        return own or self.both


class StorageFigures(Value):
    s3_standard: dict[str, Figure]
    hosting_volume: dict[str, Figure]


class BedrockFigures(Value):
    """``None``: no figure was found."""

    regions: tuple[str, ...] = Field(min_length=1)
    training_per_1k_tokens: Figure | None
    storage_per_month: Figure | None
    throughput_none: Figure | None
    throughput_one_month: Figure | None
    throughput_six_months: Figure | None
    on_demand_input_per_1m: Figure | None = None
    on_demand_output_per_1m: Figure | None = None


class Prices(Value):
    currency: Literal["USD"]
    compiled: date
    notes: dict[str, str]
    """Notes that many rows share, by the key that the rows have in their place."""
    sagemaker: dict[str, dict[str, InstanceFigures]]
    storage: StorageFigures
    bedrock: dict[str, BedrockFigures]
    price_list_tokens: dict[str, str]
    """How usage types of AWS's price list name a base model of Bedrock."""

    @property
    def regions(self) -> frozenset[str]:
        """Regions that a price is known for."""
        of_bedrock = (region for figures in self.bedrock.values() for region in figures.regions)
        return frozenset({*self.sagemaker, *self.storage.s3_standard, *of_bedrock})

    def instance(self, instance: str, region: str, purpose: Purpose, sources: Sources) -> Price:
        """Per instance-hour; unknown where no row names the type and the region."""
        figures = self.sagemaker.get(region, {}).get(instance)
        figure = figures.of(purpose) if figures else None
        note = self.notes.get(figure.note, figure.note) if figure else ""
        return price(figure, "instance-hour", region, sources, note)

    def s3(self, region: str, sources: Sources) -> Price:
        return price(self.storage.s3_standard.get(region), "gb-month", region, sources)


def price(figure: Figure | None, unit: str, region: str, sources: Sources, note: str = "") -> Price:
    """The figure as a price; the unknown price where there is none."""
    return figure.price(unit, region, sources, note) if figure else Price(usd=None, unit=unit, region=region)
