"""`catalog images`: the pins, and whether AWS's SDK still says the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from reconciler.catalog import sdk
from reconciler.catalog.images import ImageRow
from tests.unit.cli.calling import call


def test_the_pins_are_listed_by_purpose_and_region(capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "catalog", "images", "serving", "--region", "us-west-2")
    lines = [line.split() for line in ended.out.splitlines() if line]
    assert (ended.code, lines[0], lines[1][:2]) == (0, ["PURPOSE", "REGION", "IMAGE"], ["serving", "us-west-2"])
    assert len(lines) == 3


def test_a_region_without_images_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "catalog", "images", "--region", "us-west-9")
    assert (ended.code, "us-west-9" in ended.err, "Did you mean" in ended.err) == (1, True, True)


def test_json_has_the_libraries_and_the_source(capsys: pytest.CaptureFixture[str]) -> None:
    [entry] = json.loads(call(capsys, "catalog", "images", "training", "--region", "us-east-1", "--json").out)[
        "entries"
    ]
    assert entry["libraries"]["trl"]
    assert entry["source"]["address"]


def test_what_the_sdk_says_otherwise_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(row: ImageRow) -> dict[str, str]:
        return {**row.uris, "us-east-1": "a-newer-image"}

    monkeypatch.setattr(sdk, "resolved", moved)
    assert call(capsys, "catalog", "images", "--resolve", "--region", "us-west-2").code == 0
    ended = call(capsys, "catalog", "images", "--resolve", "--region", "us-east-1")
    assert (ended.code, ended.out.count("a-newer-image")) == (2, 2)


def test_without_the_sdk_it_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "sagemaker", None)
    monkeypatch.setitem(sys.modules, "sagemaker.core", None)
    ended = call(capsys, "catalog", "images", "--resolve")
    assert (ended.code, "llm-reconciler[sdk]" in ended.err) == (1, True)
