"""``reconciler ci`` beyond the workflows: without a forge, with environments, and where the command line is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.invocation import Invocation
from reconciler.cli.publishing import plan_outputs, publisher
from reconciler.domain.plan import CostSummary
from reconciler.domain.quantity import Cost
from reconciler.localcloud import control
from reconciler.stores.plans import read
from tests.forges.github_api import GitHubApi
from tests.unit.cli.calling import call
from tests.unit.reports.plans import EVERYTHING, SAME, a_plan


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    call(capsys, "init", tmp_path / "shop")
    yield tmp_path / "shop"
    control.down(tmp_path / "shop" / ".reconciler" / "local")


def test_without_a_forge_it_plans_saves_and_applies_what_is_named(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = call(capsys, "-C", shop, "ci", "plan", "--detailed-exitcode")
    assert (planned.code, "Plan: 1 to train" in planned.out) == (2, True)
    digest = read(shop / "reconciler.plan").plan.digest
    nobody = call(capsys, "-C", shop, "ci", "apply")
    assert (nobody.code, "name what was approved with --digest" in " ".join(nobody.err.split())) == (1, True)
    other = call(capsys, "-C", shop, "ci", "apply", "--digest", f"sha256:{'0' * 64}")
    assert (other.code, f"It is {digest}" in other.err) == (1, True)
    assert call(capsys, "-C", shop, "ci", "apply", "--digest", digest).code == 0
    assert call(capsys, "-C", shop, "ci", "plan", "--detailed-exitcode").code == 0
    assert call(capsys, "-C", shop, "ci", "drift", "--detailed-exitcode").code == 0


def test_a_digest_is_a_digest(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_DIGEST", "latest")
    ended = call(capsys, "ci", "apply")
    assert (ended.code, "a digest begins with sha256:" in ended.err) == (1, True)


def test_each_environment_and_folder_has_its_own_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/llms")
    monkeypatch.setenv("GITHUB_TOKEN", GitHubApi.token)
    (tmp_path / ".git").mkdir()
    with GitHubApi.served() as api:
        monkeypatch.setenv("GITHUB_API_URL", api.url)
        number = api.open_pull_request("a" * 40).number
        for folder in (".", "teams/a"):
            for environment in ("", "prod"):
                project = tmp_path / folder
                project.mkdir(parents=True, exist_ok=True)
                (project / "reconciler.yaml").touch()
                told = publisher(Invocation(directory=project, environment=environment), "plan")
                told.comment(number, lambda _limit, frame: f"{frame.mark}\ntext")
                told.comment(number, lambda _limit, frame: f"{frame.mark}\nmore")
        assert [each.body for each in api.issues[number].comments] == [
            f"<!-- reconciler:plan:{place} -->\nmore" for place in (".:", ".:prod", "teams/a:", "teams/a:prod")
        ]


def test_what_cannot_be_told_does_not_hide_what_is_wrong(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "models" / "broken.yaml").write_text("apiVersion: reconciler/v1\nkind: FineTunedModle\n")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 9, "head": {"sha": "a" * 40}}}))
    with GitHubApi.served() as api:
        for name, value in {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "acme/llms",
            "GITHUB_TOKEN": api.token,
            "GITHUB_API_URL": api.url,
            "GITHUB_EVENT_PATH": str(event),
        }.items():
            monkeypatch.setenv(name, value)
        ended = call(capsys, "-C", shop, "ci", "plan")
    assert ended.code == 1
    assert "Nothing could be told on pull request 9: GitHub finds nothing" in ended.err
    assert "FineTunedModle" in ended.err
    assert ended.out.startswith("::error file=")


def test_costs_are_plain_numbers_or_unknown() -> None:
    known = plan_outputs(a_plan(SAME))
    assert known == {
        "has-changes": False,
        "digest": a_plan(SAME).digest,
        "cost-once": "0.00",
        "cost-monthly": "0.00",
        "cost-monthly-before": "0.00",
    }
    unknown = a_plan(SAME, totals=CostSummary(one_off=Cost.not_known("a price")))
    assert plan_outputs(unknown)["cost-once"] == "unknown"
    assert plan_outputs(EVERYTHING)["cost-monthly"] == "unknown"
