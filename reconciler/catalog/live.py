"""Prices that were read from AWS's price list, and when: they go before those of the snapshot that comes with the package."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from reconciler.domain.base import Value
from reconciler.domain.catalog import BedrockOffer, Price, Source

ADDRESS = "AWS Price List API (pricing:GetProducts)"

Usd = Annotated[Decimal, Field(gt=0)]


class BedrockLive(Value):
    """In USD. ``None``: the price list has no such row."""

    training_per_1k_tokens: Usd | None = None
    storage_per_month: Usd | None = None
    throughput_none: Usd | None = None
    throughput_one_month: Usd | None = None
    throughput_six_months: Usd | None = None
    on_demand_input_per_1m: Usd | None = None
    on_demand_output_per_1m: Usd | None = None


class RegionLive(Value):
    """By instance type: USD an instance-hour. ``s3_standard``: USD a GB-month."""

    read_on: date
    training: dict[str, Usd] = Field(default_factory=dict)
    hosting: dict[str, Usd] = Field(default_factory=dict)
    s3_standard: Usd | None = None
    bedrock: dict[str, BedrockLive] = Field(default_factory=dict)


class LivePrices(Value):
    """``reconciler.prices.json`` of a project, written by ``reconciler catalog refresh``."""

    format_version: Literal["1"] = "1"
    regions: dict[str, RegionLive] = Field(default_factory=dict)

    def instance(self, instance: str, region: str, purpose: Literal["training", "hosting"]) -> Price | None:
        """``None``: not read."""
        found = self.regions.get(region)
        if found is None:
            return None
        by_type = found.training if purpose == "training" else found.hosting
        return self._price(by_type.get(instance), "instance-hour", region)

    def s3(self, region: str) -> Price | None:
        found = self.regions.get(region)
        return self._price(found.s3_standard if found else None, "gb-month", region)

    def bedrock(self, key: str, offer: BedrockOffer, price: Price, region: str) -> Price | None:
        """The figure that stands where ``price`` stands in the offer. Told apart by identity: two unknown prices are equal."""
        found = self.regions.get(region)
        figures = dict(found.bedrock.get(key) or ()) if found else {}
        name = next((name for name, stated in offer if stated is price), "")
        return self._price(figures.get(name), price.unit, region)

    def _price(self, usd: Decimal | None, unit: str, region: str) -> Price | None:
        if usd is None:
            return None
        source = Source(key="price-list", address=ADDRESS, date=self.regions[region].read_on.isoformat())
        return Price(usd=usd, unit=unit, region=region, source=source)
