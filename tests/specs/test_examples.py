"""Every example: its manifests are right, its plan is the one beside it, and applying it leaves nothing to do.

UPDATE_GOLDEN=1 rewrites ``plan.txt``; read the diff before you commit it.
"""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest

from reconciler.domain.plan import Plan
from reconciler.engine.reconverge import RunState
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.plan import draw_plan
from tests.stage import Stage

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir() if (folder / "reconciler.yaml").exists())
REGIONS = {"team": "us-west-2"}


@pytest.fixture
def stage(name: str, tmp_path: Path) -> Stage:
    """The example on an empty embedded cloud, on a Wednesday noon."""
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".reconciler"))
    return Stage(folder, region=REGIONS.get(name, "us-east-1"), furnished=False)


def drawn(plan: Plan) -> str:
    paper = io.StringIO()
    draw_plan(Screen(paper, color=False), plan, {})
    return paper.getvalue()


def test_all_examples_are_found() -> None:
    assert NAMES == [
        "auto-undeploy",
        "bedrock-nova",
        "chained-models",
        "environments",
        "policies",
        "quickstart",
        "team",
        "train-for-real",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_plan_is_the_one_beside_it(name: str, stage: Stage) -> None:
    text, file = drawn(stage.plan()), EXAMPLES / name / "plan.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{file} differs; UPDATE_GOLDEN=1 rewrites it"


@pytest.mark.parametrize("name", NAMES)
def test_applied_it_leaves_nothing_to_do(name: str, stage: Stage) -> None:
    assert stage.apply().state is RunState.CONVERGED
    assert [change.id for change in stage.plan().pending] == []


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_shows(name: str) -> None:
    assert (EXAMPLES / name / "README.md").read_text(encoding="utf-8").startswith(f"# {name}\n")
