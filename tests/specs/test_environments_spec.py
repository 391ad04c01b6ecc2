"""Runs ``specs/environments.md`` on a copy of the example that it tells of."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.localcloud import control
from tests.unit.cli.calling import Ended, call

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "specs" / "environments.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```(?P<kind>console|yaml)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^\$ reconciler (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "helpdesk"
    shutil.copytree(ROOT / "examples" / "environments", folder, ignore=shutil.ignore_patterns(".reconciler"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CI", "1")
    yield folder
    control.down(folder / ".reconciler" / "local")


def test_the_page_tells_what_happens(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for block in BLOCKS.finditer(PAGE):
        if block["file"]:
            (project / block["file"]).write_text(block["text"])
        for command, expected in COMMANDS.findall(block["text"]) if block["kind"] == "console" else ():
            printed = told(call(capsys, *shlex.split(command)))
            assert re.fullmatch(pattern(expected), printed), f"$ reconciler {command}\n{printed}"


def told(ended: Ended) -> str:
    errors = "".join(f"! {line}\n" for line in ended.err.splitlines())
    return ended.out + errors + (f"= {ended.code}\n" if ended.code else "")


def pattern(expected: str) -> str:
    """``…`` alone on a line: any lines; within a line: anything on it."""
    lines = (
        "(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in expected.splitlines()
    )
    return "".join(lines)


def test_every_block_is_run() -> None:
    assert PAGE.count("```") == 2 * len(list(BLOCKS.finditer(PAGE)))
