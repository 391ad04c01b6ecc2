"""The README says only what is true: its manifests are valid, and the commands, flags, targets and files that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.main import COMMANDS, reconciler
from reconciler.cli.scaffold import project_files
from tests.unit.cli.calling import call

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODEL, AWS_PROJECT = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
TABLE = re.findall(r"^\| (`.+?) \| (.+?) \|$", README.partition("## The commands")[2], re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project as `init` makes it, but without its model."""
    files = {path: text for path, text in project_files("readme").items() if not path.startswith("models/")}
    for path, text in {**files, "data/support.csv": files["data/orders.csv"]}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_its_model_is_valid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "model.yaml").write_text(MODEL, encoding="utf-8")
    ended = call(capsys, "-C", folder, "validate")
    assert (ended.code, ended.out) == (0, "Valid: readme, 1 model.\n")
    assert call(capsys, "-C", folder, "fmt", "--check", "reconciler.yaml").code == 0


def test_its_project_on_aws_is_valid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "reconciler.yaml").write_text(AWS_PROJECT, encoding="utf-8")
    (folder / "model.yaml").write_text(MODEL, encoding="utf-8")
    ended = call(capsys, "-C", folder, "validate")
    assert (ended.code, ended.out) == (0, "Valid: acme-llms, 1 model.\n")


def commands(cell: str) -> list[list[str]]:
    """``| `reconciler local up`, `down` |``: a bare word goes with the group named before it, or is a command itself."""
    said = [phrase.split() for phrase in re.findall(r"`([^`]+)`", cell)]
    first = said[0][1:]
    group = [first[0]] if isinstance(command_of(first[:1]), click.Group) else []
    rest = [[*group, *words] if words[0] not in COMMANDS else words for words in said[1:]]
    return [first, *rest]


def command_of(words: list[str]) -> click.Command | None:
    """The command that the leading words name."""
    context = click.Context(reconciler)
    found: click.Command | None = reconciler
    for word in words:
        if isinstance(found, click.Group):
            found = found.get_command(context, word)
    return found


@pytest.mark.parametrize(("cell", "meaning"), TABLE)
def test_every_command_and_flag_in_its_table_exists(cell: str, meaning: str) -> None:
    for words in commands(cell):
        command = command_of([word for word in words if re.fullmatch("[a-z]+", word)])
        assert command is not None, words
        known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
        named = {*re.findall(r"--[a-z-]+", " ".join(words)), *re.findall(r"--[a-z-]+", meaning)}
        assert named <= known, command.name


def test_its_table_names_every_command() -> None:
    named = {words[0] for cell, _ in TABLE for words in commands(cell)}
    assert named == set(COMMANDS)


def test_its_exit_codes() -> None:
    told = README.partition("Exit codes: ")[2].partition("\n")[0]
    assert {int(code) for code in re.findall(r"\b\d+\b", told)} == {int(code) for code in ExitCode}


def test_every_file_and_target_that_it_names_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    folders = re.findall(r"`([a-z]+/(?:[a-z.]+/?)*)`", README)
    assert [path for path in (*links, *folders) if not (ROOT / path).exists()] == []
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{target}:" in makefile for target in re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))


def test_contributing_names_make_targets_that_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", page, re.MULTILINE)
    assert named
    assert all(f"\n{target}:" in makefile for pair in named for target in pair if target)


def test_no_message_sends_to_a_command_that_does_not_exist() -> None:
    """Hints such as ``reconciler lock show`` in the code, the pages and the examples."""
    places = [*ROOT.glob("reconciler/**/*.py"), *ROOT.glob("specs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    said = {
        (str(path.relative_to(ROOT)), command)
        for path in places
        for command in re.findall(r"`reconciler (?:-C \S+ )?([a-z]+)\b", path.read_text(encoding="utf-8"))
    }
    assert {(path, command) for path, command in said if command not in COMMANDS} == set()
    assert len(said) > 10
