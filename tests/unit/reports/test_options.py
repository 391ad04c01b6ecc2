"""Instance types side by side: the table, and time against cost in characters and in SVG."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import date
from decimal import Decimal

from reconciler.catalog import load
from reconciler.cost.options import TrainingOption, training_options
from reconciler.reports.html import render_report
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.options import draw_estimate
from reconciler.reports.terminal.scatter import COLUMNS, ROWS, scatter_lines
from reconciler.reports.view.options import HEADER, Estimated, OptionsView, view_options
from reconciler.reports.view.report import view_report
from reconciler.reports.view.scatter import Scatter, hours_text, scatter
from tests.builders import a_model, a_training_machine
from tests.unit.reports.reports import everything

CATALOG = load()
MODEL = a_model(resources=a_training_machine("ml.g5.2xlarge"), hyperparameters={"optional": {"use_lora": True}})
OPTIONS = training_options(MODEL, CATALOG, "us-east-1")


def view(*, every: bool = False, **more: object) -> OptionsView:
    found = Estimated(model=MODEL, region="us-east-1", prices_as_of=date(2026, 11, 23), options=OPTIONS)
    return view_options(replace(found, **more), every=every)  # type: ignore[arg-type]


def drawn() -> Scatter:
    found = scatter("Time against cost", OPTIONS)
    assert found is not None
    return found


def named(shown: OptionsView) -> dict[str, dict[str, str]]:
    return {row[1]: dict(zip(HEADER, row, strict=True)) for row in shown.rows}


def test_what_cannot_run_it_is_left_out_but_for_the_manifests_own() -> None:
    assert "ml.g4dn.xlarge" not in named(view())
    assert named(view(every=True))["ml.g4dn.xlarge"]["FIT (GiB A GPU)"].startswith("does not fit, ")
    assert any("that cannot run it: --all shows them." in note for note in view().notes)
    asks = MODEL.resolved.model_copy(update={"resources": a_training_machine("ml.g4dn.xlarge")})
    assert "ml.g4dn.xlarge" in named(view(model=MODEL.model_copy(update={"resolved": asks})))


def test_unknown_is_a_word_and_is_listed() -> None:
    row = named(view())["ml.p5.4xlarge"]
    assert (row["COST"], row["AN HOUR"]) == ("unknown", "unknown")
    (note,) = [note for note in view().notes if note.startswith("Unknown, and not counted")]
    assert "training on ml.p5.4xlarge in us-east-1" in note


def test_what_auto_took_and_why() -> None:
    shown = view(picked="ml.g6e.xlarge", why="of 3 types that fit its training costs least")
    assert [row[1] for row in shown.rows if row[-1] == "picked by auto"] == ["ml.g6e.xlarge"]
    assert "auto: of 3 types that fit its training costs least." in shown.notes
    assert [row[1] for row in view().rows if row[-1] == "the manifest's"] == ["ml.g5.2xlarge"]


def test_a_plain_plot_is_ascii_and_as_wide_as_it_says() -> None:
    lines = list(scatter_lines(drawn(), plain=True))
    assert all(line.isascii() for line in lines)
    plot = [line.partition("|")[2] for line in lines[:ROWS]]
    assert max(map(len, plot)) == COLUMNS
    assert plot[-1].strip(), "the fastest stands at the bottom"
    assert sum(row.count("*") for row in plot) >= 2
    assert any("●" in line for line in scatter_lines(drawn(), plain=False))


def test_the_page_has_it_without_color_codes() -> None:
    stream = io.StringIO()
    draw_estimate(Screen(stream), view())
    text = stream.getvalue()
    assert "support-bot: LoRA of llama-3.1-8b-instruct\n" in text
    assert "* best  o fits  . tight, or too long" in text
    assert "\x1b" not in text


def test_cost_goes_right_and_time_up() -> None:
    spots = {spot.instance: spot for spot in drawn().spots}
    slow, fast = spots["ml.g6.xlarge"], spots["ml.p5.48xlarge"]
    assert slow.across < fast.across
    assert slow.up > fast.up
    assert slow.y < fast.y
    assert all(0 <= spot.across <= 1 and 0 <= spot.up <= 1 for spot in drawn().spots)
    assert "ml.g4dn.xlarge" not in spots, "it does not fit"


def test_times_that_hardly_differ_look_so() -> None:
    alike = [_timed(option, number) for number, option in enumerate(OPTIONS) if option.hours and option.usd]
    found = scatter("alike", alike)
    assert found is not None
    heights = [spot.up for spot in found.spots]
    assert 0.4 < min(heights) < max(heights) < 0.6


def _timed(option: TrainingOption, number: int) -> TrainingOption:
    assert option.hours is not None
    hours = option.hours.model_copy(update={"likely": Decimal(1) + Decimal(number) / 1000})
    return option.model_copy(update={"hours": hours})


def test_fewer_than_two_make_no_plot() -> None:
    assert scatter("none", ()) is None
    assert scatter("one", OPTIONS[:1]) is None


def test_times() -> None:
    assert [hours_text(Decimal(hours)) for hours in ("0.25", "1", "26.04")] == ["15 min", "1.0 h", "26.0 h"]


def test_the_report_draws_it() -> None:
    shown = view_report(replace(everything(), options={"support-bot": OPTIONS}))
    page = render_report(shown)
    (svg,) = [part for part in page.split("<figure>")[1:] if "Training support-bot: time against cost" in part]
    picture = ElementTree.fromstring(svg.partition("</svg>")[0].strip() + "</svg>")
    assert len(picture.findall(".//circle")) == len(drawn().spots)
    assert "http" not in svg
