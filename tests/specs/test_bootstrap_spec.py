"""Runs ``specs/bootstrap.md`` in an empty folder, on the embedded cloud."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.localcloud import control
from reconciler.providers.aws.foundation.policies import POLICIES
from tests.specs.test_environments_spec import COMMANDS, pattern, told
from tests.unit.cli.calling import call

PAGE = (Path(__file__).parents[2] / "specs" / "bootstrap.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```(?P<kind>console|yaml)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
BUCKET = "  bucket: shop-artifacts\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    yield tmp_path
    control.down(tmp_path / "shop" / ".reconciler" / "local")


def test_the_page_tells_what_happens(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for block in BLOCKS.finditer(PAGE):
        if block["file"]:
            path = folder / "shop" / block["file"]
            path.write_text(path.read_text().replace(BUCKET, BUCKET + block["text"]))
        for command, expected in COMMANDS.findall(block["text"]) if block["kind"] == "console" else ():
            printed = told(call(capsys, *shlex.split(command)))
            assert re.fullmatch(pattern(expected), printed), f"$ reconciler {command}\n{printed}"


def test_every_block_is_run() -> None:
    assert PAGE.count("```") == 2 * len(list(BLOCKS.finditer(PAGE)))


def test_every_role_is_told() -> None:
    rows = PAGE.partition("\n## Roles\n")[2].partition("\n\nWithout")[0].splitlines()
    assert [row.split("|")[1].strip() for row in rows if row.startswith("| ")][1:] == [*POLICIES]
