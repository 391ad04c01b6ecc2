"""Prices of one region, read from AWS's price list: GetProducts of AmazonSageMaker, AmazonBedrock and AmazonS3.

What a row is for is told by its usage type: ``USE1-Train:ml.g5.2xlarge``, ``USE1-Host:ml.g5.2xlarge``; other attributes differ between
older and newer rows. Its unit is read, never assumed: token rows are per 1K or per 1M tokens. The price list has no Spot prices. The
endpoint's region is not the priced one (AWS Price List Query API).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from reconciler.catalog.live import BedrockLive, RegionLive
from reconciler.providers.aws.faults import AwsTrouble, unavailable
from reconciler.providers.aws.paging import every
from reconciler.providers.aws.session import AwsSession

INSTANCE = re.compile(r"(?:[A-Z0-9]+-)?(Train|Host):(ml\.[a-z0-9-]+\.[a-z0-9-]+)")
"""A studio's, cluster's or Spot row has another middle part."""
S3 = re.compile(r"(?:[A-Z0-9]+-)?TimedStorage-ByteHrs")

TRAINING, HOSTING = "Train", "Host"

_BEDROCK_ROWS = {
    "Customization-Training": ("training_per_1k_tokens", "1k tokens"),
    "Customization-Storage": ("storage_per_month", "month"),
    "ProvisionedThroughput-NoCommit-ModelUnits": ("throughput_none", "hour"),
    "ProvisionedThroughput-1month-ModelUnits": ("throughput_one_month", "hour"),
    "ProvisionedThroughput-6months-ModelUnits": ("throughput_six_months", "hour"),
    "input-tokens-custom-model": ("on_demand_input_per_1m", "1m tokens"),
    "output-tokens-custom-model": ("on_demand_output_per_1m", "1m tokens"),
}
"""The end of a usage type → the figure, and the unit that it is kept in."""

_IN_TOKENS = {"1k tokens": Decimal(1000), "1m tokens": Decimal(1_000_000), "tokens": Decimal(1)}
_UNITS = {
    "hrs": "hour",
    "hour": "hour",
    "hours": "hour",
    "model/month": "month",
    "month": "month",
    "model-month": "month",
}


@dataclass(frozen=True)
class Row:
    usage_type: str
    unit: str
    usd: Decimal


class PriceList:
    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws

    def region(self, region: str, tokens: Mapping[str, str], today: date) -> RegionLive:
        """Everything at once. ``tokens``: how usage types name a base model of Bedrock, by its key. Raises CloudUnavailable."""
        training, hosting = self.instances(region)
        bedrock = {key: BedrockLive(**figures) for key, figures in self.bedrock(region, tokens).items()}
        return RegionLive(
            read_on=today, training=training, hosting=hosting, s3_standard=self.s3_standard(region), bedrock=bedrock
        )

    def instances(self, region: str) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """USD an instance-hour, for training and for hosting, by type. Raises CloudUnavailable."""
        found: dict[str, dict[str, Decimal]] = {TRAINING: {}, HOSTING: {}}
        for row in self._rows("AmazonSageMaker", regionCode=region, productFamily="ML Instance"):
            named = INSTANCE.fullmatch(row.usage_type)
            if named and _UNITS.get(row.unit) == "hour":
                found[named[1]][named[2]] = row.usd
        return found[TRAINING], found[HOSTING]

    def s3_standard(self, region: str) -> Decimal | None:
        """USD a GB-month, of the first tier. Raises CloudUnavailable."""
        rows = self._rows("AmazonS3", regionCode=region, storageClass="General Purpose")
        return next((row.usd for row in rows if S3.fullmatch(row.usage_type) and row.unit == "gb-mo"), None)

    def bedrock(self, region: str, tokens: Mapping[str, str]) -> dict[str, dict[str, Decimal]]:
        """Figures by the key of the base model. ``tokens``: how usage types name it, by key. Raises CloudUnavailable."""
        keys = {token: key for key, token in tokens.items()}
        found: dict[str, dict[str, Decimal]] = {}
        for row in self._rows("AmazonBedrock", regionCode=region):
            for token, name, usd in _figures(row):
                if token in keys:
                    found.setdefault(keys[token], {})[name] = usd
        return found

    def _rows(self, service: str, **attributes: str) -> Iterator[Row]:
        """Rows that cost something. A row that reads otherwise than expected is left out: its price stays unknown."""
        filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in attributes.items()]
        client: Any = self._aws.reading("pricing")
        request: dict[str, Any] = {"ServiceCode": service, "Filters": filters, "MaxResults": 100}
        products: Iterator[Any] = every(client.get_products, "PriceList", **request)  # each is JSON in a string
        try:
            for product in products:
                yield from _rows_of(json.loads(product))
        except AwsTrouble as error:
            raise unavailable(error, f"reading the price list of {service}") from error


def _rows_of(product: Mapping[str, Any]) -> Iterator[Row]:
    usage = str(product.get("product", {}).get("attributes", {}).get("usagetype", ""))
    for term in _values(product.get("terms", {}).get("OnDemand")):
        for dimension in _values(term.get("priceDimensions")):
            usd = _amount(dimension.get("pricePerUnit", {}).get("USD"))
            if usd and str(dimension.get("beginRange", "0")) == "0":
                yield Row(usage, str(dimension.get("unit", "")).lower(), usd)


def _figures(row: Row) -> Iterator[tuple[str, str, Decimal]]:
    """The model's token, the figure's name, and its amount in the unit that it is kept in."""
    for ending, (name, unit) in _BEDROCK_ROWS.items():
        head = row.usage_type.removesuffix(f"-{ending}")
        usd = _converted(row, unit) if head != row.usage_type else None
        if usd is not None:
            yield head.partition("-")[2], name, usd


def _converted(row: Row, unit: str) -> Decimal | None:
    if unit in _IN_TOKENS:
        return row.usd * _IN_TOKENS[unit] / _IN_TOKENS[row.unit] if row.unit in _IN_TOKENS else None
    return row.usd if _UNITS.get(row.unit) == unit else None


def _amount(text: object) -> Decimal | None:
    """``None`` for no figure, and for the zero of rows that are not sold alone."""
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount > 0 else None


def _values(found: object) -> Iterable[Mapping[str, Any]]:
    return found.values() if isinstance(found, Mapping) else ()
