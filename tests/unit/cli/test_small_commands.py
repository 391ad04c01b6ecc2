"""init, completion and local: commands that plan nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.cli.scaffold import project_files, project_name
from tests.unit.cli.calling import call


def test_init_makes_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "init", tmp_path / "My Models")
    assert ended.code == 0
    written = {str(path.relative_to(tmp_path / "My Models")) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == set(project_files("x"))
    assert "name: my-models\n" in (tmp_path / "My Models" / "reconciler.yaml").read_text()


def test_init_touches_nothing_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reconciler.yaml").write_text("mine")
    ended = call(capsys, "-C", tmp_path, "init")
    assert (tmp_path / "reconciler.yaml").read_text() == "mine"
    assert "reconciler.yaml  kept as it was" in ended.out
    assert (tmp_path / "data" / "orders.csv").exists()


def test_init_refuses_a_name_that_no_project_may_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", tmp_path, "init", "--name", "a--b")
    assert ended.code == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Acme LLMs", "acme-llms"), ("__x__", "x"), ("日本", "my-models"), ("a" * 80, "a" * 53), ("", "my-models")],
)
def test_project_names_are_made_of_folder_names(folder: str, name: str) -> None:
    assert project_name(folder) == name


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "completion", shell)
    assert ended.code == 0
    assert "_RECONCILER_COMPLETE" in ended.out


def test_the_life_of_an_embedded_cloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ("-C", tmp_path)
    assert call(capsys, *here, "local", "status").code == 1
    assert json.loads(call(capsys, *here, "local", "status", "--json").out) == {"formatVersion": "1.0", "running": False}
    refused = call(capsys, *here, "local", "advance", "1h")
    assert (refused.code, "`reconciler local up` starts it" in " ".join(refused.err.split())) == (1, True)
    try:
        up = json.loads(call(capsys, *here, "local", "up", "--speed", "0", "--json").out)
        assert up["endpointUrl"] == f"http://127.0.0.1:{up['port']}"
        later = json.loads(call(capsys, *here, "local", "advance", "8h", "--json").out)
        assert later["now"] > up["now"]
        fault = call(capsys, *here, "local", "fail", "capacity", "--name", "bot-.*", "--times", "1", "--json")
        assert json.loads(fault.out)["faults"][0]["name"] == "bot-.*"
        assert "bot-.*" in call(capsys, *here, "local", "fail").out
        assert "No faults" in call(capsys, *here, "local", "fail", "--clear").out
        assert f"http://127.0.0.1:{up['port']}" in call(capsys, *here, "local", "status").out
        assert call(capsys, *here, "local", "reset", "--yes").code == 0
        assert call(capsys, *here, "local", "status").code == 1
    finally:
        call(capsys, *here, "local", "down")


@pytest.mark.parametrize(
    ("words", "expected"),
    [("show ", "plain,order-helper\n"), ("plan --target ord", "plain,order-helper\n"), ("show x", "\n")],
)
def test_model_names_are_completed_from_the_manifests(
    words: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(capsys, "-C", tmp_path, "init")
    monkeypatch.chdir(tmp_path)
    typed = f"reconciler {words}"
    monkeypatch.setenv("_RECONCILER_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
    with pytest.raises(SystemExit):
        run([])
    assert capsys.readouterr().out == expected
    assert not (tmp_path / ".reconciler").exists()


@pytest.mark.parametrize("command", [("local", "reset"), ("lock", "release", "some-id")])
def test_what_cannot_be_undone_is_confirmed_by_somebody(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    ended = call(capsys, "-C", tmp_path, *command)
    assert ended.code == 1
    assert "hint: Use --yes." in ended.err
