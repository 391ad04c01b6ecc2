"""The plan in a pull request: what it says, and what is dropped where it would be too long."""

from __future__ import annotations

import pytest

from reconciler.domain.diagnostic import Location, error, warning
from reconciler.domain.plan import Action
from reconciler.domain.status import Status
from reconciler.reports.annotations import PER_KIND, workflow_commands
from reconciler.reports.escaping import Markdown
from reconciler.reports.markdown import (
    GITHUB_COMMENT,
    Frame,
    Outcome,
    marker,
    outcome_markdown,
    plan_markdown,
    run_foot,
)
from reconciler.reports.view.plan import headline
from tests.unit.reports.plans import EVERYTHING, SAME, TRAIN, UNDEPLOY, a_change, a_plan


def test_headline() -> None:
    assert headline(EVERYTHING) == (
        "1 to train, 1 to deploy, 1 to undeploy, 1 to delete; 1 stalled; 1 on its way; "
        "about $43.20 once, -$1,105.95 a month plus unknown; fits; 1 error, 1 warning"
    )
    assert headline(a_plan(SAME)) == "No changes. The cloud matches the manifests"


def test_the_marker_names_project_and_environment() -> None:
    assert marker("plan", "acme-llms", "prod") == "<!-- reconciler:plan:acme-llms:prod -->"
    assert plan_markdown(EVERYTHING).startswith(f"{marker('plan', 'acme-llms')}\n### Plan for acme-llms: 1 to train")


def test_destruction_stands_before_everything_else() -> None:
    text = plan_markdown(EVERYTHING)
    assert text.index("2 to stop, undeploy or delete") < text.index("| | Model |") < text.index("<details>")


@pytest.mark.parametrize("limit", [4_000, 20_000, GITHUB_COMMENT])
def test_a_long_plan_keeps_headline_destruction_cost_and_digest(limit: int) -> None:
    many = [
        a_change(
            Action.TRAIN, f"bot-{n}", f"bot-{n}-1a2b3c4d", Status.ABSENT, Status.TRAINING, "ü" * 90, fields=TRAIN.fields
        )
        for n in range(400)
    ]
    plan = a_plan(*many, UNDEPLOY, totals=EVERYTHING.totals)
    assert len(plan_markdown(plan, limit=10**7)) > GITHUB_COMMENT
    text = plan_markdown(plan, limit=limit, frame=Frame(rest="All of it is in the artifact."))
    assert limit * 0.7 < len(text.encode()) <= limit
    for kept in ("400 to train, 1 to undeploy", "UNDEPLOY old-bot", "- training: ", "<code>sha256"):
        assert kept in text
    assert "All of it is in the artifact." in text


@pytest.mark.parametrize("limit", [4_000, 20_000, GITHUB_COMMENT])
def test_what_stands_around_a_text_counts(limit: int) -> None:
    many = [
        a_change(Action.TRAIN, f"b{n}", f"b{n}-1a2b3c4d", Status.ABSENT, Status.TRAINING, "ü" * 90) for n in range(400)
    ]
    frame = Frame(mark=Markdown("<!-- one -->\n<!-- two -->"), foot=run_foot("a" * 40, "https://x.example/1"))
    text = plan_markdown(a_plan(*many), limit=limit, frame=frame)
    assert limit * 0.7 < len(text.encode()) <= limit
    assert text.startswith("<!-- one -->\n<!-- two -->\n### Plan for")
    assert text.endswith("[log](https://x.example/1)\n")
    lines = tuple(f"train b{n}: {'ü' * 90}" for n in range(400))
    told = outcome_markdown(Outcome("p", "Not applied", lines[:3], a_plan(*many)), limit=limit, frame=frame)
    assert limit * 0.7 < len(told.encode()) <= limit
    assert told.index("### Not applied") < told.index("[log]") < told.index("### Plan for")
    assert len(outcome_markdown(Outcome("p", "Failed", lines), limit=limit, frame=frame).encode()) <= limit


def test_what_is_destroyed_is_only_cut_with_a_warning() -> None:
    plan = a_plan(
        *(a_change(Action.DELETE, f"b{n}", f"b{n}-1a2b3c4d", Status.DEPLOYED, Status.ABSENT) for n in range(900))
    )
    text = plan_markdown(plan, limit=8_000)
    assert len(text.encode()) <= 8_000
    assert "900 to delete" in text
    assert "do not approve from this text alone" in text


def test_annotations_name_the_line_and_end_at_ten_of_a_kind() -> None:
    where = Location(file="models/bot.yaml", line=3, column=9)
    problems = [error("bad", "Bad", detail="is bad", hint="mend it", where=where), warning("odd", "Odd", address="A/b")]
    assert workflow_commands(problems, folder="llms").splitlines() == [
        "::error file=llms/models/bot.yaml,line=3,col=9,title=Bad [bad]::is bad%0Ahint: mend it",
        "::warning title=Odd [odd]::on A/b",
    ]
    lines = workflow_commands([*problems[:1] * 13, problems[1]]).splitlines()
    assert [line.split()[0] for line in lines] == [*["::error"] * PER_KIND, "3", "::warning"]
