"""What a user mistypes or a machine refuses ends with 1 and says what is wrong; never 0, and never as a bug of ours."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import reconciler
from reconciler.cli.completing import base_models, instance_types, overridable_codes
from reconciler.domain.diagnostic import OVERRIDABLE
from reconciler.localcloud import control
from tests.unit.cli.calling import call


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    assert call(capsys, "init", tmp_path / "shop").code == 0
    yield tmp_path / "shop"
    control.down(tmp_path / "shop" / ".reconciler" / "local")


def test_a_folder_that_is_a_file_is_not_our_bug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models").write_text("a file where init wants a folder\n", encoding="utf-8")
    ended = call(capsys, "init", tmp_path)
    assert ended.code == 1
    assert f"Error: {tmp_path}/models: " in ended.err
    assert "hint: " in ended.err


def test_a_path_that_leads_through_a_file_is_not_our_bug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "schemas").write_text("", encoding="utf-8")
    ended = call(capsys, "schema", "--out", tmp_path / "schemas" / "here")
    assert (ended.code, "bug" in ended.err) == (1, False)


def test_a_target_that_nobody_knows_has_no_drift_to_tell(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", project, "drift", "--target", "order-helpr")
    assert ended.code == 1
    assert ended.out == ""
    assert "did you mean `order-helper`?" in ended.err


def test_a_plan_with_errors_does_not_say_that_all_is_well(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", project, "plan", "--target", "order-helpr")
    assert ended.code == 1
    assert "No changes are planned: see the errors below." in ended.out
    assert "matches the manifests" not in ended.out


def test_allowing_what_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "plan", "--allow", "mass-deletoin")
    assert ended.code == 1
    assert "'mass-deletoin' is not one of does-not-fit, " in ended.err


def test_every_overridable_error_can_be_allowed() -> None:
    folder = Path(reconciler.__file__).parent
    found = {code for path in folder.rglob("*.py") for code in _overridable(path.read_text(encoding="utf-8"))}
    assert found == set(OVERRIDABLE)


def _overridable(source: str) -> Iterator[str]:
    """Codes in calls with ``overridable=True``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            code = named.get("code") or (node.args[0] if node.args else None)
            flag = named.get("overridable")
            if isinstance(flag, ast.Constant) and flag.value is True and isinstance(code, ast.Constant):
                yield str(code.value)


@pytest.mark.parametrize("arguments", [("plan", "--json", "--targt", "x"), ("plan", "--cloud", "azure", "--json")])
def test_with_json_wrong_usage_is_json_too(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, *arguments)
    assert ended.code == 1
    assert json.loads(ended.out)["diagnostics"][0]["code"] == "usage"
    assert ended.err.startswith("Usage: reconciler plan")


def test_catalog_names_and_codes_are_completed() -> None:
    import click

    context, parameter = click.Context(click.Command("x")), click.Argument(["name"])
    assert "qwen3-1.7b" in base_models(context, parameter, "qwen3-1")
    assert all(name.startswith("ml.g5.") for name in instance_types(context, parameter, "ml.g5."))
    assert instance_types(context, parameter, "ml.g5.")
    assert overridable_codes(context, parameter, "mass") == ["mass-deletion"]


def test_a_current_folder_that_is_gone_is_not_our_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    ended = call(capsys, "validate")
    assert ended.code == 1
    assert ended.err.startswith("Error: the current folder: No such file or directory")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_output_on_a_full_disk_is_not_our_bug(flags: list[str]) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        ended = _run("catalog", "models", *flags, stdout=full)
    assert (ended.returncode, ended.stderr) == (1, b"Error: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_streams_are_no_trouble(closed: str) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'exec "$0" -m reconciler catalog models {closed}', sys.executable], check=False
    )
    assert ended.returncode == 0


def _run(*arguments: str, stdout: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "reconciler", *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, check=False)
