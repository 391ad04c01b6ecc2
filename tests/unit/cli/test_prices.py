"""`catalog refresh`: AWS's prices go into a file of the project, and from there into every plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from reconciler.catalog import load
from reconciler.catalog.live import BedrockLive, RegionLive
from reconciler.cli import wiring
from reconciler.stores.prices import PRICES_FILE
from tests.unit.cli.calling import call

PROJECT = """
apiVersion: reconciler/v1
kind: Project
metadata: {name: shop}
spec: {region: us-east-1}
"""


class Told:
    """Stands for AWS's price list: a region with two prices, and one that it does not know."""

    def region(self, region: str, tokens: Mapping[str, str], today: date) -> RegionLive:
        if region != "us-east-1":
            return RegionLive(read_on=today)
        nova = BedrockLive(throughput_none=Decimal("99.5"))
        return RegionLive(read_on=today, training={"ml.g5.xlarge": Decimal("2.5")}, bedrock={"nova-pro": nova})


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "reconciler.yaml").write_text(PROJECT)
    monkeypatch.setattr(wiring, "price_list", lambda profile: Told())
    return tmp_path


def test_prices_are_read_written_and_used(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", shop, "catalog", "refresh")
    assert ended.code == 0
    assert "ml.g5.xlarge training" in ended.out
    assert "$2.5" in ended.out
    assert "nova-pro throughput none" in ended.out
    catalog, today = wiring.catalog_at(shop), datetime.now(UTC).date()
    assert catalog.training_price("ml.g5.xlarge", "us-east-1").usd == Decimal("2.5")
    assert catalog.prices_as_of("us-east-1") == today
    assert catalog.prices_as_of("eu-west-1") == load().compiled
    assert catalog.hosting_price("ml.g5.xlarge", "us-east-1") == load().hosting_price("ml.g5.xlarge", "us-east-1")
    again = json.loads(call(capsys, "-C", shop, "catalog", "refresh", "--json").out)
    assert again["changes"] == []


def test_of_prices_that_are_alike_the_right_one(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not known of Nova Pro is not known in three places: the figure that was read is for one of them."""
    call(capsys, "-C", shop, "catalog", "refresh")
    catalog = wiring.catalog_at(shop)
    model = catalog.model("nova-pro")
    assert model is not None
    assert model.bedrock is not None
    assert model.bedrock.throughput_none.usd == model.bedrock.throughput_one_month.usd
    assert catalog.bedrock_price(model, model.bedrock.throughput_none, "us-east-1").usd == Decimal("99.5")
    assert catalog.bedrock_price(model, model.bedrock.throughput_one_month, "us-east-1").usd is None


def test_a_region_without_prices_writes_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", shop, "catalog", "refresh", "--region", "us-east-1", "--region", "eu-wets-1")
    assert ended.code == 1
    assert "no training prices for eu-wets-1" in ended.err
    assert not (shop / PRICES_FILE).exists()


def test_a_broken_file_is_told_by_every_command(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / PRICES_FILE).write_text('{"formatVersion": "1", "regions": {"us-east-1": {"readOn": "soon"}}}')
    ended = call(capsys, "-C", shop, "validate")
    assert ended.code == 1
    assert "regions.us-east-1.readOn" in ended.err
    assert "reconciler catalog refresh" in ended.err
