"""AWS's price list, in the shapes that public tools which read it have seen: units vary, other rows look alike, some cost nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from reconciler.domain.errors import CloudUnavailable
from reconciler.providers.aws.pricelist import PriceList
from reconciler.providers.aws.session import AwsSession, AwsSettings

TODAY = date(2026, 11, 25)


def row(usage: str, unit: str, usd: str, begin: str = "0") -> str:
    dimension = {"unit": unit, "beginRange": begin, "endRange": "Inf", "pricePerUnit": {"USD": usd}}
    term = {"priceDimensions": {"SKU.TERM.RATE": dimension}}
    return json.dumps(
        {"product": {"sku": "SKU", "attributes": {"usagetype": usage}}, "terms": {"OnDemand": {"SKU.TERM": term}}}
    )


class Listed:
    """A price list whose pages are told beforehand."""

    def __init__(self) -> None:
        aws = AwsSession(AwsSettings(region="us-east-1"))
        self.client: Any = aws.reading("pricing")
        self.stub = Stubber(self.client)
        self.stub.activate()
        self.list = PriceList(aws)

    def page(self, service: str, rows: Iterable[str], token: str | None = None, **expected: Any) -> None:
        answer: dict[str, Any] = {"PriceList": [*rows], **({"NextToken": token} if token else {})}
        self.stub.add_response(
            "get_products", answer, {"ServiceCode": service, "Filters": ANY, "MaxResults": 100, **expected}
        )


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Listed:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return Listed()


def test_instances_over_pages_and_what_only_looks_like_one(listed: Listed) -> None:
    listed.page(
        "AmazonSageMaker",
        [
            row("USE1-Train:ml.g5.2xlarge", "Hrs", "1.5150000000"),
            row("USE1-SpotTraining:ml.g5.2xlarge", "Hrs", "0.5"),
            row("USE1-Studio:Train:ml.g5.2xlarge", "Hrs", "9"),
            row("USE1-Cluster:ml.p5.48xlarge", "Hrs", "60"),
        ],
        token="more",
    )
    listed.page(
        "AmazonSageMaker",
        [
            row("USE1-Host:ml.g5.2xlarge", "Hrs", "1.6"),
            row("Train:ml.g6.xlarge", "Hrs", "1.127"),
            row("USE1-Train:ml.g4dn.xlarge", "Hrs", "0.0000000000"),
            row("USE1-Train:ml.p4d.24xlarge", "Quantity", "3"),
        ],
        NextToken="more",
    )
    training, hosting = listed.list.instances("us-east-1")
    assert training == {"ml.g5.2xlarge": Decimal("1.515"), "ml.g6.xlarge": Decimal("1.127")}
    assert hosting == {"ml.g5.2xlarge": Decimal("1.6")}


def test_units_of_bedrock_are_read(listed: Listed) -> None:
    listed.page(
        "AmazonBedrock",
        [
            row("USE1-NovaPro-Customization-Training", "1K tokens", "0.008"),
            row("USE1-NovaLite-Customization-Training", "Tokens", "0.000002"),
            row("USE1-NovaPro-Customization-Storage", "Model/month", "1.95"),
            row("USE1-NovaPro-ProvisionedThroughput-NoCommit-ModelUnits", "hour", "108.15"),
            row("USE1-NovaPro-input-tokens-custom-model", "1K tokens", "0.0008"),
            row("USE1-NovaPro-output-tokens-custom-model", "1M tokens", "3.2"),
            row("USE1-NovaPro-input-tokens", "1K tokens", "0.5"),
            row("USE1-NovaMicro-Customization-Training", "fortnight", "1"),
            row("USE1-Other-Customization-Training", "1K tokens", "1"),
        ],
    )
    found = listed.list.bedrock(
        "us-east-1", {"nova-pro": "NovaPro", "nova-lite": "NovaLite", "nova-micro": "NovaMicro"}
    )
    assert found == {
        "nova-pro": {
            "training_per_1k_tokens": Decimal("0.008"),
            "storage_per_month": Decimal("1.95"),
            "throughput_none": Decimal("108.15"),
            "on_demand_input_per_1m": Decimal("0.8"),
            "on_demand_output_per_1m": Decimal("3.2"),
        },
        "nova-lite": {"training_per_1k_tokens": Decimal("0.002")},
    }


def test_storage_is_that_of_the_first_tier(listed: Listed) -> None:
    rows = [
        row("EU-TimedStorage-ByteHrs", "GB-Mo", "0.022", begin="51200"),
        row("EU-TimedStorage-SIA-ByteHrs", "GB-Mo", "0.0125"),
        row("EU-TimedStorage-ByteHrs", "GB-Mo", "0.023"),
    ]
    listed.page("AmazonS3", rows)
    assert listed.list.s3_standard("eu-west-1") == Decimal("0.023")


def test_a_region_at_once(listed: Listed) -> None:
    listed.page("AmazonSageMaker", [row("USE1-Train:ml.g5.2xlarge", "Hrs", "1.515")])
    listed.page("AmazonBedrock", [])
    listed.page("AmazonS3", [])
    found = listed.list.region("us-east-1", {}, TODAY)
    assert (found.read_on, found.training, found.s3_standard) == (TODAY, {"ml.g5.2xlarge": Decimal("1.515")}, None)


def test_what_may_not_be_read_is_told(listed: Listed) -> None:
    listed.stub.add_client_error(
        "get_products", "AccessDeniedException", "not authorized to perform: pricing:GetProducts"
    )
    with pytest.raises(CloudUnavailable, match=r"reading the price list of AmazonSageMaker failed: .*GetProducts"):
        listed.list.instances("us-east-1")


def test_rows_of_another_shape_have_no_price(listed: Listed) -> None:
    listed.page(
        "AmazonSageMaker", ["{}", json.dumps({"product": {}, "terms": {"OnDemand": []}}), row("x", "Hrs", "n/a")]
    )
    assert listed.list.instances("us-east-1") == ({}, {})
