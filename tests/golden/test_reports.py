"""Plans and pages made by hand, drawn whole."""

from __future__ import annotations

import io

import pytest

from reconciler.domain.plan import Plan
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.model import draw_model
from reconciler.reports.terminal.plan import draw_plan
from reconciler.reports.view.model import view_model
from tests.golden.golden import assert_golden
from tests.unit.reports.plans import DELETE, EVERYTHING, SAME, TRAIN, UNDEPLOY, a_plan
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
