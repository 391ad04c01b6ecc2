"""Runs ``specs/using.md`` on a copy of the example that it tells of."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.localcloud import control
from tests.specs.test_environments_spec import COMMANDS, pattern, told
from tests.unit.cli.calling import call

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "specs" / "using.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "quickstart"
    shutil.copytree(ROOT / "examples" / "quickstart", folder, ignore=shutil.ignore_patterns(".reconciler"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CI", "1")
    yield folder
    control.down(folder / ".reconciler" / "local")


def test_the_page_tells_what_happens(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for block in BLOCKS.findall(PAGE):
        for command, expected in COMMANDS.findall(block):
            printed = told(call(capsys, *shlex.split(command)))
            assert re.fullmatch(pattern(expected), printed), f"$ reconciler {command}\n{printed}"


def test_every_block_is_run() -> None:
    assert PAGE.count("```") == 2 * len(BLOCKS.findall(PAGE))
