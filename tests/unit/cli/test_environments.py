"""--env and RECONCILER_ENV, as commands that ask no cloud see them; and how promote is called wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from reconciler.cli.completing import environment_names, model_names
from reconciler.cli.invocation import Invocation
from tests.unit.cli.calling import call

PROJECT = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: shop}
---
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: bot}
spec:
  baseModel: qwen3-1.7b
  dataset: {training: data/orders.csv, validation: {split: 10%}}
"""
UGLY = "apiVersion: reconciler/v1\nkind:   Project\nspec: {region: us-west-2}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(PROJECT)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text(UGLY)
    (tmp_path / "environments" / "staging.yaml").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("variable", "flags", "name"),
    [
        ("", [], "shop"),
        ("prod", [], "shop-prod"),
        ("prod", ["--env", "staging"], "shop-staging"),
        ("prod", ["--env", ""], "shop"),
        ("", ["-env=prod"], "shop-prod"),
    ],
)
def test_the_flag_goes_before_the_variable(
    shop: Path,
    variable: str,
    flags: list[str],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RECONCILER_ENV", variable)
    assert call(capsys, "-C", shop, "validate", *flags).out == f"Valid: {name}, 1 model.\n"


def test_problems_of_an_overlay_are_shown_with_its_text(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "environments" / "prod.yaml").write_text(UGLY.replace("region", "reigon"))
    told = call(capsys, "-C", shop, "validate", "--env", "prod")
    assert told.code == 1
    assert "on environments/prod.yaml:3:8" in told.out
    assert "3 | spec: {reigon: us-west-2}" in told.out
    assert call(capsys, "-C", shop, "validate").code == 0


def test_fmt_takes_the_overlays_along(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "-C", shop, "fmt").out == "environments/prod.yaml\n"


def test_names_are_completed_as_the_environment_has_them(shop: Path) -> None:
    with click.Context(click.Command("plan"), obj=Invocation(directory=shop, environment="prod")) as context:
        assert model_names(context, click.Argument(["name"]), "b") == ["bot-prod"]
        assert environment_names(context, click.Option(["--env"]), "") == ["prod", "staging"]
        assert environment_names(context, click.Option(["--env"]), "s") == ["staging"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "prod", "--to", "prod"], "is the environment that it comes from"),
        (["--from", "prod"], "Missing option '--to'"),
        (["--from", "prod", "--to", "prd"], "the project has no environment 'prd'"),
    ],
)
def test_promote_called_wrongly(
    shop: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.cli.wiring.Project.outside", lambda *_, **__: None)
    monkeypatch.setattr("reconciler.engine.promote.look", lambda *_: None)
    ended = call(capsys, "-C", shop, "promote", *arguments)
    assert ended.code == 1
    assert message in ended.err


def test_problems_are_json_where_json_is_asked_for(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", shop, "promote", "--from", "live", "--to", "prod", "--json")
    assert json.loads(ended.out)["diagnostics"][0]["summary"] == "the project has no environment 'live'"
