"""specs/cli.md says what is: its tables are the program's, its examples run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from reconciler.cli import main as cli
from reconciler.cli.argv import LONG_FLAGS
from reconciler.cli.exit_codes import ExitCode
from reconciler.reports.view.plan import SYMBOLS
from tests.unit.cli.calling import call

PAGE = (Path(__file__).parents[3] / "specs" / "cli.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.replace("\\|", "/") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_commands() -> None:
    assert {name.strip("`"): text for name, text in table("Commands")} == cli.COMMANDS


def test_exit_codes() -> None:
    assert [int(code) for code, _ in table("Exit codes")] == [*ExitCode]
    assert ExitCode.__doc__ is not None
    promised = re.findall(r"^ *(\d+) +(.*)$", ExitCode.__doc__.replace("``", "`"), re.MULTILINE)
    assert promised == [(code, meaning) for code, meaning in table("Exit codes")]


HELPED = ("plan", "apply", "drift", "destroy", "status", "ask", "logs", "download", "estimate", "local up")


def test_every_flag_may_have_one_hyphen_and_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    helps = {name: call(capsys, *name.split(), "--help").out for name in HELPED}
    for flags, where, _ in table("Flags"):
        name = re.findall(r"--([a-z-]+)", flags)[0]
        assert name in LONG_FLAGS
        commands = [command for command in helps if command in where] or ["plan"]
        assert all(f"--{name}" in helps[command] for command in commands), name


def test_symbols() -> None:
    assert {row[0].strip("`") for row in table("The plan")} == set(SYMBOLS.values())


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.S):
        for command, expected in re.findall(r"^\$ reconciler (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            ended = call(capsys, *shlex.split(command))
            errors = "".join(f"! {line}\n" for line in ended.err.splitlines())
            code = f"= {ended.code}\n" if ended.code else ""
            assert ended.out + errors + code == expected, command


def test_json_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "init", tmp_path)
    try:
        before: list[str] = []
        for said, keys in table("JSON"):
            for command in re.findall(r"`([a-z -]+)", said):
                words = [*command.split(), *(["order-helper"] if "NAME" in said else [])]
                place = [] if words[0] == "catalog" else ["-C", tmp_path]
                document = json.loads(call(capsys, *words, *place, "--json").out)
                named = re.findall(r"`(\w+)`", keys.partition("; with a name")[0])
                promised = [*before, *named] if keys.startswith("the same") else named
                before = named
                assert sorted(document) == sorted(["formatVersion", *promised]), command
    finally:
        call(capsys, "local", "down", "-C", tmp_path)


@pytest.mark.parametrize(("group", "name"), [("models", "nova-micro"), ("instances", "ml.g5.xlarge")])
def test_json_of_one_catalog_entry(group: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(call(capsys, "catalog", group, name, "--json").out)
    assert document["formatVersion"] == "1.0"
    assert name in (document.get("key"), document.get("name"))
