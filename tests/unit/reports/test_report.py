"""The project's page: what it says, and that nothing on it can be anything but text."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from reconciler.domain.diagnostic import Diagnostic, Severity
from reconciler.reports.html import render_report
from reconciler.reports.view.curve import MOST_POINTS, draw_curve
from reconciler.reports.view.lineage import draw_lineage
from reconciler.reports.view.report import Findings, view_report
from tests.unit.reports.reports import HOSTILE, a_curve, everything, hostile, many, nothing
from tests.unit.reports.test_status import SERVING, WANTED

PAGES = [everything, nothing, hostile, many]
VOID = {"meta", "link", "line", "polyline", "circle", "rect", "path", "br", "img"}


class Page(HTMLParser):
    """Elements with their attributes, and everything that is text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.inside: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.inside or self.inside.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def rendered(findings: Findings) -> str:
    return render_report(view_report(findings))


@pytest.mark.parametrize("made", PAGES)
def test_every_page_is_well_formed_and_its_ids_are_unique(made: Callable[[], Findings]) -> None:
    page = Page(rendered(made()))
    assert (page.inside, page.wrong) == ([], [])
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [name for _, a in page.elements for name in (a.get("aria-labelledby") or "").split()]
    assert set(named) <= set(ids)


@pytest.mark.parametrize("made", PAGES)
def test_nothing_is_fetched_and_only_our_own_runs(made: Callable[[], Findings]) -> None:
    text = rendered(made())
    page = Page(text)
    links = [value for _, a in page.elements for key, value in a.items() if key in ("src", "href", "action", "data")]
    assert all(link and link.startswith(("#", "data:,")) for link in links)
    assert not [key for _, a in page.elements for key in a if key.startswith("on") or key == "style"]
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        bodies = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(bodies) == 1
        assert base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode() in policy
    assert not re.search(r"url\((?!#)|@import|localStorage|cookie|fetch\(", text)


def test_hostile_text_is_shown_and_is_nothing_else() -> None:
    text = rendered(hostile())
    page = Page(text)
    assert (len(page.all("script")), len(page.all("img"))) == (1, 0)
    assert "\x1b" not in text
    assert "\u202e" not in text
    shown = HOSTILE.replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")
    assert sum(shown in data for data in page.text) > 10


def test_a_page_says_what_matters() -> None:
    said = " ".join(Page(rendered(everything())).text)
    for text in ("Training failed", "This plan cannot be applied", "old-bot answered requests", "prices as of 2026-11-23",
                 "price: provisioned throughput of Nova Lite in us-east-1", "the endpoint is gone", "UNDEPLOY old-bot"):  # fmt: skip
        assert text in said


def test_the_overview_says_what_needs_a_person_beside_what_is_deployed() -> None:
    assert rendered(everything()).partition(">Models</h2>")[0].count("Stalled, needs a person: ") == 1


def test_an_empty_project_says_so() -> None:
    said = " ".join(Page(rendered(nothing())).text)
    assert "No models: neither in the manifests nor in the cloud." in said
    assert "No drift." in said
    assert "Nothing to draw." in said


def test_what_a_model_costs_now_and_once_planned() -> None:
    findings = everything()
    card, child = view_report(findings).cards
    assert dict(card.costs)["hosting"] == "$1,105.95/month"
    assert dict(child.costs)["after the plan"] == "unchanged"


def test_a_curve_goes_from_left_to_right_and_down() -> None:
    chart = draw_curve(a_curve("run", 3, 2, 1, validation=(1.5,)))
    points = [tuple(map(float, point.split(","))) for point in chart.training.split()]
    assert points == sorted(points)
    assert [y for _, y in points] == sorted(y for _, y in points)
    assert chart.said == "Training loss from 3 at step 1 to 1 at step 3; validation loss 1.5 at the end."


@pytest.mark.parametrize("losses", [(1, 1), (0, 0, 0), (1e-9, 1e9)])
def test_strange_curves_stay_in_their_frame(losses: tuple[float, ...]) -> None:
    for point in draw_curve(a_curve("run", *losses)).training.split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= 320
        assert 0 <= y <= 160


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    chart = draw_curve(a_curve("run", *range(10_000, 0, -1)))
    assert len(chart.training.split()) == MOST_POINTS
    assert (chart.table[0][1], chart.table[-1][1]) == ("1e+04", "1")


def test_one_point_is_no_curve() -> None:
    with pytest.raises(ValueError, match="no curve"):
        draw_curve(a_curve("run", 1))


def test_the_lineage_leads_from_data_to_what_serves() -> None:
    graph = draw_lineage(everything().dossiers)
    edges = {(edge.source.key, edge.target.key) for edge in graph.edges}
    own = f"version:support-bot:{WANTED.fingerprint}"
    assert (f"data:{WANTED.data.training.digest}", own) in edges
    assert any(source == own and target.startswith("version:child-bot:") for source, target in edges)
    assert any(source.endswith(SERVING.fingerprint) and target.startswith("deployment:") for source, target in edges)
    assert all(edge.source.x < edge.target.x for edge in graph.edges)
    assert len({(node.x, node.y) for node in graph.nodes}) == len(graph.nodes)
    serving = next(edge for edge in graph.edges if edge.target.kind == "deployment")
    assert serving.source.y == serving.target.y


@pytest.mark.parametrize("severity", Severity)
def test_a_note_is_no_warning(severity: Severity) -> None:
    found = everything()
    told = Diagnostic(code="told", severity=severity, summary="Of this kind alone")
    plan = found.plan.model_copy(update={"diagnostics": (told,)})
    page = rendered(replace(found, plan=plan))
    assert f">{str(severity).capitalize()}</strong> Of this kind alone" in page
