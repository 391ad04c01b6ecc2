from __future__ import annotations

from decimal import Decimal

import pytest

from reconciler.catalog import load
from reconciler.catalog.files import Sources, read
from reconciler.catalog.prices import Figure
from reconciler.catalog.query import cheapest_first, trainable
from reconciler.domain.catalog import BedrockOffer, Price
from reconciler.domain.catalog import Catalog as CatalogPort

CATALOG = load()


def offer(key: str) -> BedrockOffer:
    model = CATALOG.model(key)
    assert model is not None
    assert model.bedrock is not None
    return model.bedrock


def test_is_a_catalog() -> None:
    port: CatalogPort = CATALOG
    assert port.compiled.isoformat() == "2026-11-23"
    assert port.regions == ("us-east-1", "us-east-2", "us-west-2")


def test_sixty_two_instance_types() -> None:
    assert len(CATALOG.instances) == 62
    assert len({instance.accelerator.name for instance in CATALOG.instances if instance.accelerator}) == 17


@pytest.mark.parametrize(
    ("instance", "region", "usd"),
    [
        ("ml.g4dn.xlarge", "us-east-1", "0.7364"),
        ("ml.g5.2xlarge", "us-east-1", "1.515"),
        ("ml.g5.12xlarge", "us-east-1", "7.09"),
        ("ml.g6e.12xlarge", "us-east-1", "13.12"),
        ("ml.g5.2xlarge", "us-west-2", "1.515"),
    ],
)
def test_instance_prices(instance: str, region: str, usd: str) -> None:
    assert CATALOG.training_price(instance, region).usd == Decimal(usd)
    assert CATALOG.hosting_price(instance, region).usd == Decimal(usd)


@pytest.mark.parametrize(
    ("instance", "region"),
    [("ml.g5.2xlarge", "eu-west-1"), ("ml.trn2.48xlarge", "us-east-1"), ("ml.g5.xlarge", "us-east-2"), ("ml.x", "")],
)
def test_without_a_figure_the_price_is_unknown(instance: str, region: str) -> None:
    price = CATALOG.training_price(instance, region)
    assert price == Price(usd=None, unit="instance-hour", region=region)


def test_one_purpose_says_nothing_of_the_other() -> None:
    assert CATALOG.training_price("ml.p3.8xlarge", "us-east-1").usd == Decimal("14.688")
    assert not CATALOG.hosting_price("ml.p3.8xlarge", "us-east-1").is_known
    assert not CATALOG.training_price("ml.inf2.xlarge", "us-east-1").is_known


def test_estimates_are_marked() -> None:
    price = CATALOG.hosting_price("ml.p5.48xlarge", "us-east-1")
    assert price.usd == Decimal("63.296")
    assert price.estimated
    assert price.source is not None
    assert not price.source.verified
    assert "EC2 55.04 * 1.15" in price.source.note
    assert not CATALOG.hosting_price("ml.g5.2xlarge", "us-east-1").estimated


@pytest.mark.parametrize(
    ("key", "training", "throughput"),
    [
        ("llama-3.1-8b-instruct", "0.00149", ("24", "21.18", "13.08")),
        ("llama-3.1-70b-instruct", "0.00799", ("24", "21.18", "13.08")),
        ("cohere-command", "0.004", ("49.5", "39.6", "23.77")),
        ("cohere-command-light", "0.001", ("8.56", "6.85", "4.11")),
        ("nova-micro", "0.001", (None, None, None)),
        ("nova-lite", None, ("108.15", None, None)),
        ("nova-pro", None, (None, None, None)),
        ("titan-text-lite", None, (None, None, None)),
    ],
)
def test_bedrock_prices(key: str, training: str | None, throughput: tuple[str | None, ...]) -> None:
    found = offer(key)
    assert found.training_per_1k_tokens.usd == (None if training is None else Decimal(training))
    by_commitment = (found.throughput_none, found.throughput_one_month, found.throughput_six_months)
    assert [price.usd for price in by_commitment] == [None if usd is None else Decimal(usd) for usd in throughput]
    assert found.storage_per_month.usd == Decimal("1.95")


def test_on_demand() -> None:
    micro = offer("nova-micro")
    assert micro.supports_on_demand
    assert micro.on_demand_input_per_1m is not None
    assert micro.on_demand_input_per_1m.usd == Decimal("0.035")
    assert offer("llama-3.1-8b-instruct").on_demand_input_per_1m is None
    unknown = offer("llama-3.3-70b-instruct").on_demand_input_per_1m
    assert unknown is not None
    assert not unknown.is_known


def test_bedrock_prices_hold_in_their_regions_only() -> None:
    model = CATALOG.model("llama-3.1-8b-instruct")
    assert model is not None
    assert model.bedrock is not None
    price = model.bedrock.training_per_1k_tokens
    assert CATALOG.bedrock_price(model, price, "us-west-2").usd == Decimal("0.00149")
    assert CATALOG.bedrock_price(model, price, "eu-west-1") == Price(usd=None, unit="1k-tokens", region="eu-west-1")


def test_storage() -> None:
    assert CATALOG.storage_price("us-east-1").usd == Decimal("0.023")
    assert not CATALOG.storage_price("eu-west-1").is_known


def test_a_price_of_zero_does_not_load() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        Figure.model_validate({"usd": 0, "source": "fmbench"})


def test_a_figure_names_a_known_source() -> None:
    with pytest.raises(ValueError, match="rumour"):
        Sources(read("sources")).cite("rumour")


def test_every_source_is_used() -> None:
    files = ("bedrock_models", "sagemaker_models", "instances", "prices", "limits", "images")
    text = "\n".join(str(read(file)) for file in files)
    assert [key for key in CATALOG.sources.keys if f"'{key}'" not in text] == []


def test_every_type_that_a_model_names_is_known() -> None:
    offers = [model.sagemaker for model in CATALOG.models if model.sagemaker]
    named = {name for o in offers for name in (*o.training_instance_types, *o.hosting_instance_types)}
    assert {name for name in named if CATALOG.instance(name) is None} == set()


def test_every_price_is_of_something_known() -> None:
    prices = read("prices")
    assert {name for rows in prices["sagemaker"].values() for name in rows if CATALOG.instance(name) is None} == set()
    tuned = {model.key for model in CATALOG.models if model.bedrock}
    assert set(prices["bedrock"]) == tuned


def test_no_price_is_told_for_what_sagemaker_does_not_do() -> None:
    for instance in CATALOG.instances:
        for region in CATALOG.regions:
            assert instance.training or not CATALOG.training_price(instance.name, region).is_known
            assert instance.hosting or not CATALOG.hosting_price(instance.name, region).is_known


def test_gpu_memory_is_what_ec2_reports() -> None:
    instance = CATALOG.instance("ml.g5.12xlarge")
    assert instance is not None
    assert instance.accelerator is not None
    assert (instance.accelerators, instance.accelerator.usable_mib) == (4, 22888)


def test_trainable_types_run_cuda() -> None:
    names = {instance.name for instance in trainable(CATALOG)}
    assert "ml.g5.2xlarge" in names
    assert names.isdisjoint({"ml.trn1.2xlarge", "ml.inf2.xlarge"})


def test_cheapest_first() -> None:
    names = [instance.name for instance in cheapest_first(CATALOG, "us-east-1")]
    assert names[:3] == ["ml.g4dn.xlarge", "ml.g4dn.2xlarge", "ml.g6.xlarge"]
    prices = [CATALOG.training_price(name, "us-east-1").usd for name in names]
    assert None not in prices
    assert prices == sorted(price for price in prices if price is not None)
    assert cheapest_first(CATALOG, "eu-west-1") == ()


def test_limits() -> None:
    limits = CATALOG.limits
    assert limits.bounds["max_runtime_seconds"].maximum == 28 * 86400
    assert limits.training_job_usage["ml.g5.48xlarge"].value == 0
    assert limits.endpoint_usage["ml.g5.12xlarge"].code == "L-65C4BD00"
    assert limits.rates["ListTrainingJobs"].per_second == 2
    assert limits.rates["CreateEndpoint"].per_second is None
    for row in (*limits.bounds.values(), *limits.quotas.values(), *limits.rates.values()):
        assert row.cite(CATALOG.sources).address
