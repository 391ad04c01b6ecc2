"""init, completion and local: commands that plan nothing."""

from __future__ import annotations

import errno
import io
import json
import tempfile
from pathlib import Path

import jsonschema
import pytest
import yaml

from reconciler.cli.fmt import replace
from reconciler.cli.main import run
from reconciler.cli.scaffold import project_files, project_name
from reconciler.reports.scaffold import PIPELINES
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


def test_init_within_a_repository_says_where_workflows_belong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".git").mkdir()
    within = call(capsys, "init", tmp_path / "teams" / "support", "--ci", "gitlab")
    assert "let their steps work in teams/support" in " ".join(within.out.split())
    assert "Note:" not in call(capsys, "init", tmp_path / "other").out
    assert "Note:" not in call(capsys, "-C", tmp_path, "init", "--name", "top", "--ci", "gitlab").out


def test_init_for_another_branch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "-C", tmp_path, "init", "--name", "x", "--ci", "github", "--branch", "trunk").code == 0
    written = {path.stem: path.read_text() for path in (tmp_path / ".github" / "workflows").iterdir()}
    assert "branches: [trunk]" in written["reconciler-apply"]
    assert all("if: github.ref == 'refs/heads/trunk'" in written[f"reconciler-{name}"] for name in ("apply", "drift"))
    assert "main" not in "".join(written.values())
    ended = call(capsys, "-C", tmp_path, "init", "--name", "x", "--branch", "a b")
    assert (ended.code, "is not a branch's name" in ended.err) == (1, True)


@pytest.mark.parametrize("action", ["acme", "acme/x", "acme/x@v1 y", "acme/x@v1\n  run: evil", "./x"])
def test_init_takes_only_an_action(action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", tmp_path, "init", "--name", "x", "--ci", "github", "--action", action)
    assert (ended.code, "--action" in ended.err, list(tmp_path.iterdir())) == (1, True, [])


def test_init_refuses_a_name_that_no_project_may_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", tmp_path, "init", "--name", "a--b")
    assert ended.code == 1
    assert not list(tmp_path.iterdir())


def test_init_for_aws_with_hooks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--cloud", "aws", "--region", "eu-central-1", "--bucket", "acme-models", "--email", "ana@example.com")
    assert call(capsys, "-C", tmp_path, "init", "--name", "acme", *flags, "--pre-commit").code == 0
    project = (tmp_path / "reconciler.yaml").read_text()
    for line in (
        "name: acme",
        "cloud: aws #",
        "region: eu-central-1",
        "bucket: acme-models",
        "emails: [ana@example.com]",
    ):
        assert f"  {line}" in project
    assert call(capsys, "-C", tmp_path, "fmt", "--check").code == 0
    assert call(capsys, "-C", tmp_path, "validate", "--cloud", "local").code == 0
    assert (tmp_path / ".pre-commit-config.yaml").exists()


@pytest.mark.parametrize("folder", ["", "teams/support"])
def test_init_tells_where_pre_commit_reads_its_hooks(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".git").mkdir()
    ended = call(capsys, "-C", tmp_path, "init", folder or ".", "--name", "acme", "--pre-commit")
    told = " ".join(ended.out.split())
    assert ("pre-commit reads it at the top of the repository" in told) == bool(folder)
    assert ("`reconciler validate -C teams/support`" in told) == bool(folder)


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--region", "here"), ("--bucket", "My_Bucket"), ("--bucket", "a}"), ("--email", "ana"), ("--email", "a b@c.de")],
)
def test_init_refuses_what_would_not_be_a_project(
    flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = call(capsys, "-C", tmp_path, "init", flag, value)
    assert (ended.code, flag in ended.err) == (1, True)
    assert not list(tmp_path.iterdir())


def test_init_asks_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reconciler.cli.init._somebody_is_there", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("acme\nmars\nlocal\n\nacme-data\nnone\n"))
    ended = call(capsys, "-C", tmp_path, "init")
    assert ended.code == 0
    assert "'mars' is not one of" in ended.err
    assert "  bucket: acme-data\n" in (tmp_path / "reconciler.yaml").read_text()


def test_init_asks_nothing_that_a_flag_says_and_nothing_without_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reconciler.cli.init._somebody_is_there", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    flags = ("--name", "acme", "--cloud", "local", "--region", "us-east-1", "--bucket", "acme-data", "--ci", "github")
    assert call(capsys, "-C", tmp_path, "init", *flags).code == 0
    assert call(capsys, "init", tmp_path / "other", "--no-input").code == 0


@pytest.mark.parametrize("pipeline", sorted(PIPELINES))
def test_init_makes_workflows(pipeline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "-C", tmp_path, "init", "--ci", pipeline).code == 0
    for path in PIPELINES[pipeline]:
        text = (tmp_path / path).read_text()
        assert yaml.safe_load(text)
        assert "<<" not in text
        assert "<%" not in text


def test_the_modeline_leads_to_the_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "init", tmp_path / "shop")
    schema = (tmp_path / "shop" / "schemas" / "manifest.schema.json").resolve()
    for path in ("reconciler.yaml", "models/order-helper.yaml"):
        manifest = tmp_path / "shop" / path
        first, *_ = manifest.read_text().splitlines()
        assert first.startswith("# yaml-language-server: $schema=")
        assert (manifest.parent / first.partition("=")[2]).resolve() == schema
        for document in yaml.safe_load_all(manifest.read_text()):
            jsonschema.validate(document, json.loads(schema.read_text()))


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
    assert json.loads(call(capsys, *here, "local", "status", "--json").out) == {
        "formatVersion": "1.0",
        "running": False,
    }
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


def test_what_cannot_be_read_does_not_pass_as_formatted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "init", tmp_path / "shop")
    (tmp_path / "shop" / "models" / "lost.yaml").symlink_to("nowhere.yaml")
    ended = call(capsys, "-C", tmp_path / "shop", "fmt", "--check")
    assert (ended.code, "models/lost.yaml" in ended.err) == (1, True)


@pytest.mark.parametrize(
    ("folder", "cloud", "following"),
    [
        ("shop", "local", "reconciler -C shop plan"),
        ("Größe & Co", "local", "reconciler -C 'Größe & Co' plan"),
        ("shop", "aws", "reconciler -C shop bootstrap"),
    ],
)
def test_what_comes_next_can_be_pasted_into_a_shell(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
    cloud: str,
    following: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(capsys, "init", folder, "--cloud", cloud).out.splitlines()[-1] == f"Next: {following}"


def test_a_file_that_cannot_be_rewritten_is_named_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("a: 1")

    def refused(**asked: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", f"{asked['dir']}/{asked['prefix']}x7")

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    with pytest.raises(PermissionError) as caught:
        replace(tmp_path / "a.yaml", "a: 2")
    assert caught.value.filename == str(tmp_path / "a.yaml")
