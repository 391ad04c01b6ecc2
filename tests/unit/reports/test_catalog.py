"""The catalog in tables and pages."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest

from reconciler.catalog import load
from reconciler.domain.catalog import Price, Source
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.catalog import draw_page, draw_table
from reconciler.reports.view.catalog import (
    home_region,
    instance_data,
    instance_page,
    instances_table,
    model_data,
    model_page,
    models_table,
    price_text,
)

SECOND_HAND = Source(key="blog", address="https://example.com", date="2026-01-01", verified=False)


def a_price(usd: str | None, **more: object) -> Price:
    fields = {"usd": Decimal(usd) if usd else None, "unit": "instance-hour", "region": "us-east-1"}
    return Price.model_validate(fields | more)


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        (None, "-"),
        (a_price(None), "unknown"),
        (a_price("1.515"), "$1.515"),
        (a_price("0.00149"), "$0.00149"),
        (a_price("7.00"), "$7"),
        (a_price("20"), "$20"),
        (a_price("7.09", estimated=True), "$7.09?"),
        (a_price("7.09", source=SECOND_HAND), "$7.09?"),
    ],
)
def test_prices(price: Price | None, shown: str) -> None:
    assert price_text(price) == shown


@pytest.mark.parametrize("key", [model.key for model in load().models])
def test_every_base_model_has_a_page_with_its_sources(key: str) -> None:
    catalog = load()
    model = catalog.model(key)
    assert model is not None
    out = io.StringIO()
    page = model_page(model, catalog, home_region(model))
    draw_page(Screen(out), page)
    assert model.key in out.getvalue()
    assert page.sources


def test_every_instance_has_a_row_and_a_page() -> None:
    catalog = load()
    assert len(instances_table(catalog, "us-east-1").rows) == len(catalog.instances)
    for instance in catalog.instances:
        assert instance_page(instance, catalog, "us-east-1").sources


def test_instances_in_a_region_without_prices_cost_unknown_and_not_nothing() -> None:
    table = instances_table(load(), "mars-north-1")
    assert {row[-1] for row in table.rows} <= {"unknown", "no hosting"}


def test_only_instruct_models_are_listed() -> None:
    catalog = load()
    listed = {row[0] for row in models_table(catalog).rows}
    assert listed == {model.key for model in catalog.models if model.instruct}
    out = io.StringIO()
    draw_table(Screen(out), models_table(catalog), note="a note")
    assert out.getvalue().endswith("\n\na note\n")


def test_prices_are_those_of_the_place_where_the_model_is_tuned() -> None:
    catalog = load()
    llama = catalog.model("llama-3.1-8b-instruct")
    assert llama is not None
    assert home_region(llama) == "us-west-2"
    bedrock = dict(
        next(pairs for title, pairs in model_page(llama, catalog, "us-west-2").sections if "Bedrock" in title)
    )
    assert bedrock["training"] == "$0.00149 per 1k-tokens"


def test_a_source_stands_with_the_figures_read_there_and_an_estimate_with_its_formula() -> None:
    catalog = load()
    instance = catalog.instance("ml.g6e.xlarge")
    assert instance is not None
    [price] = [line for line in instance_page(instance, catalog, "us-east-1").sources if "pricing" in line]
    assert price.startswith("training, hosting: ")
    assert "not verified" in price
    assert "1.861 * 1.4" in price


def test_a_model_that_is_not_tuned_says_so_and_names_its_sibling() -> None:
    catalog = load()
    base = catalog.model("qwen2.5-7b")
    assert base is not None
    page = model_page(base, catalog, "us-east-1")
    assert "use qwen2.5-7b-instruct" in dict(page.facts)["not tuned"]
    assert page.sources


def test_an_instances_data_have_its_prices_and_null_where_there_is_none() -> None:
    catalog = load()
    known, unknown = catalog.instance("ml.g5.xlarge"), catalog.instance("ml.trn1.32xlarge")
    assert known is not None
    assert unknown is not None
    price = instance_data(known, catalog, "us-east-1")["prices"]["training"]
    assert (price["usd"], price["region"], price["source"]["date"]) == ("1.408", "us-east-1", "2025-04")
    assert instance_data(unknown, catalog, "us-east-1")["prices"]["training"]["usd"] is None


def test_a_models_data_have_the_prices_of_the_region() -> None:
    catalog = load()
    llama = catalog.model("llama-3.1-8b-instruct")
    assert llama is not None
    here, elsewhere = (model_data(llama, catalog, region)["bedrock"] for region in ("us-west-2", "us-east-1"))
    assert here["trainingPer1KTokens"]["usd"] == "0.00149"
    assert elsewhere["trainingPer1KTokens"] | {"source": None} == {
        "usd": None,
        "unit": "1k-tokens",
        "region": "us-east-1",
        "source": None,
        "estimated": False,
    }
