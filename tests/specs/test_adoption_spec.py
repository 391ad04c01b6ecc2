"""Runs ``specs/adoption.md`` in a project on the embedded cloud."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.domain.quantity import parse_duration
from reconciler.localcloud import control
from tests.specs.test_environments_spec import COMMANDS, pattern, told
from tests.unit.cli.calling import call

PAGE = (Path(__file__).parents[2] / "specs" / "adoption.md").read_text(encoding="utf-8")
BLOCKS = re.compile(
    r"^```(?P<kind>console|python|yaml)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
PROJECT = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: shop}
spec: {region: us-east-1, bucket: shop-artifacts}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "reconciler.yaml").write_text(PROJECT)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CI", "1")
    control.up(folder / ".reconciler" / "local", speed=0)
    yield folder
    control.down(folder / ".reconciler" / "local")


def test_the_page_tells_what_happens(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hands = by_hand(project)
    for block in BLOCKS.finditer(PAGE):
        if block["kind"] == "python":
            exec(block["text"], hands)
        elif block["file"]:
            written = (project / block["file"]).read_text()
            assert re.fullmatch(pattern(block["text"]), written), written
        for command, expected in COMMANDS.findall(block["text"]) if block["kind"] == "console" else ():
            printed = told(call(capsys, *shlex.split(command)))
            assert re.fullmatch(pattern(expected), printed), f"$ reconciler {command}\n{printed}"


def test_every_block_is_run() -> None:
    assert PAGE.count("```") == 2 * len(list(BLOCKS.finditer(PAGE)))


def by_hand(folder: Path) -> dict[str, Any]:
    """What the page's Python has at hand: clients of the embedded cloud, its clock, and the project's files."""
    state = folder / ".reconciler" / "local"
    status = control.status(state)
    assert status is not None
    services: tuple[Any, ...] = ("s3", "sagemaker", "bedrock")
    session = boto3.Session("somebody", "else", region_name="us-east-1")

    def edit(file: str, old: str, new: str) -> None:
        path = folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    clients = {service: session.client(service, endpoint_url=status.endpoint_url) for service in services}
    return clients | {
        "advance": lambda time: control.advance(state, parse_duration(time).total_seconds()),
        "edit": edit,
    }
