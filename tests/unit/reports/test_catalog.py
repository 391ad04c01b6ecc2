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
    instance_page,
    instances_table,
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
