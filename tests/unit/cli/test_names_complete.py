"""A shell asks for words; it gets the models of the folder, and never an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from reconciler.cli.invocation import Invocation
from reconciler.cli.main import reconciler
from tests.unit.cli.calling import call


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert call(capsys, "init", tmp_path / "shop").code == 0
    return tmp_path / "shop"


def words(*typed: str) -> list[str]:
    """What the shell is offered for the last word."""
    *before, incomplete = typed
    completer = BashComplete(reconciler, {"obj": Invocation()}, "reconciler", "_RECONCILER_COMPLETE")
    return [item.value for item in completer.get_completions(list(before), incomplete)]


def test_names_of_models(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    assert words("show", "") == ["order-helper"]
    assert words("show", "ord") == ["order-helper"]
    assert words("show", "x") == []
    assert words("plan", "--target", "o") == ["order-helper"]
    assert words("apply", "--retrain", "o") == ["order-helper"]
    assert words("ask", "o") == words("ask", "order-helper", "o") == ["order-helper"]
    assert words("logs", "o") == words("download", "o") == ["order-helper"]


def test_the_folder_that_is_named(shop: Path) -> None:
    assert words("-C", str(shop), "show", "") == ["order-helper"]


def test_nothing_where_there_is_no_project_or_a_broken_one(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.parent)
    assert words("show", "") == []
    (shop / "reconciler.yaml").write_text("kind: [")
    monkeypatch.chdir(shop)
    assert words("show", "") == []


def test_commands_and_flags() -> None:
    assert words("boot") == ["bootstrap"]
    assert words("bootstrap", "--format", "c") == ["cloudformation"]
    assert "--github-environment" in words("bootstrap", "--g")
