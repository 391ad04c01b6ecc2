"""``reconciler data check``, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .calling import call

PROJECT = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: shop}
---
apiVersion: reconciler/v1
kind: Dataset
metadata: {name: support}
spec: {source: data/support.csv, description: What customers ask., validation: {split: 20%}}
---
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: helper}
spec: {baseModel: llama-3.1-8b-instruct, provider: bedrock, dataset: {training: support}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "reconciler.yaml").write_text(PROJECT)
    rows = "".join(f"question {number},answer {number}\n" for number in range(50))
    (tmp_path / "data" / "support.csv").write_text(f"prompt,completion\n{rows}")
    return tmp_path


def test_a_dataset_is_checked_with_its_own_validation(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", shop, "data", "check", "support")
    assert ended.code == 0
    assert "support (data/support.csv)  training data" in ended.out
    assert "50 records" in ended.out
    assert "held out for validation" in ended.out
    assert "Sound: " in ended.out


def test_a_model_is_checked_against_its_base_model(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", shop, "data", "check", "helper", "--json")
    told = json.loads(ended.out)
    assert ended.code == 1
    assert [each["code"] for each in told["diagnostics"]] == ["too-few-records"]
    assert told["training"]["records"] == 50
    assert told["training"]["heldOut"] > 0
    assert told["training"]["tokens"]["median"] == 6
    assert sum(bar["records"] for bar in told["training"]["tokens"]["histogram"]) == 50


def test_a_file_is_checked_without_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "Hi", "completion": "Hello"}\n{"prompt": "Hi"}\n')
    ended = call(capsys, "-C", tmp_path, "data", "check", "a.jsonl", "--model", "nova-micro")
    assert ended.code == 1
    assert "row 2: no `completion`" in " ".join(ended.out.split())
    assert "1 record" in ended.out


def test_validation_data_is_checked_too(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "held.csv").write_text("prompt,completion\nquestion 7,another\n")
    ended = call(capsys, "-C", shop, "data", "check", "support", "--validation", "held.csv")
    assert ended.code == 0
    assert "held.csv  validation data" in ended.out
    assert "row 2 (as 9)" in " ".join(ended.out.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["suport"], "did you mean `support`?"),
        (["nope.csv"], "does not exist"),
        (["support", "--model", "nova-mikro"], "did you mean `nova-micro`?"),
        (["support", "--validation", "0%"], "a share is 1% to 99%"),
    ],
)
def test_what_is_not_there(shop: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    ended = call(capsys, "-C", shop, "data", "check", *words)
    assert ended.code == 1
    assert told in ended.out + ended.err
