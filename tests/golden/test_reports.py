"""Plans and pages made by hand, drawn whole."""

from __future__ import annotations

import io

import pytest

from reconciler.domain.plan import Plan
from reconciler.reports.annotations import workflow_commands
from reconciler.reports.html import render_report
from reconciler.reports.json import to_text
from reconciler.reports.junit import drift_junit
from reconciler.reports.markdown import drift_markdown, plan_markdown, problems_markdown
from reconciler.reports.sarif import drift_sarif
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.drift import draw_drift
from reconciler.reports.terminal.model import draw_model
from reconciler.reports.terminal.plan import draw_plan
from reconciler.reports.view.drift import without_ignored
from reconciler.reports.view.model import view_model
from reconciler.reports.view.report import view_report
from tests.golden.golden import assert_golden
from tests.unit.reports.plans import DELETE, EVERYTHING, SAME, TRAIN, UNDEPLOY, a_plan
from tests.unit.reports.reports import everything
from tests.unit.reports.test_drift import COUNT, viewed
from tests.unit.reports.test_drift import PLAN as DRIFTED
from tests.unit.reports.test_status import STALLED, a_dossier

SOURCES = {"models/old.yaml": "kind: FineTunedModel\nspec:\n  deploy: on\n"}


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("plan-everything", EVERYTHING),
        ("plan-nothing", a_plan(SAME)),
        ("plan-empty-project", a_plan()),
        ("plan-aws-destroy", a_plan(UNDEPLOY, DELETE, cloud="aws", destroy=True)),
        ("plan-targets", a_plan(TRAIN, targets=("support-bot",))),
    ],
)
def test_plan(name: str, plan: Plan) -> None:
    out = io.StringIO()
    draw_plan(Screen(out), plan, SOURCES)
    assert_golden(name, out.getvalue())


def test_one_model_on_one_page() -> None:
    out = io.StringIO()
    draw_model(Screen(out), view_model(a_dossier(STALLED)))
    assert_golden("show", out.getvalue())


def test_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.reports.view.report.__version__", "0.0.0")
    assert_golden("report.html", render_report(view_report(everything())))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plan-everything.md", plan_markdown(EVERYTHING)),
        ("plan-nothing.md", plan_markdown(a_plan(SAME))),
        ("problems.md", problems_markdown(EVERYTHING.diagnostics)),
        ("plan.github", workflow_commands(EVERYTHING.diagnostics, folder="llms")),
        ("drift.md", drift_markdown(viewed(COUNT))),
        ("drift.junit", drift_junit(viewed(COUNT))),
        ("drift.sarif", to_text(drift_sarif(viewed(COUNT), folder="llms")) + "\n"),
    ],
)
def test_for_forges(name: str, text: str) -> None:
    assert_golden(name, text)


def test_drift_on_a_terminal() -> None:
    out, view = io.StringIO(), viewed(COUNT)
    draw_drift(Screen(out), without_ignored(DRIFTED, view), view)
    assert_golden("drift", out.getvalue())
