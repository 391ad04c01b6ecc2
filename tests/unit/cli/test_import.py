"""import on the command line: what is refused, what is asked, and that nothing is written before everything is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.wiring import Project
from tests.stage import Stage
from tests.unit.cli.calling import Ended, call
from tests.unit.engine import adoption


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The program's own way to its cloud leads to the stage's."""
    made = Stage(tmp_path)
    monkeypatch.setattr(Project, "outside", lambda *_, **__: made.outside())
    monkeypatch.setenv("CI", "1")
    return made


def run(stage: Stage, capsys: pytest.CaptureFixture[str], *arguments: object) -> Ended:
    return call(capsys, "-C", stage.root, *arguments)


def files(stage: Stage) -> set[str]:
    return {path.name for path in stage.root.glob("*.yaml")}


def test_a_dry_run_prints_the_manifest_and_does_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    adoption.their_endpoint(stage)
    ended = run(stage, capsys, "import", "endpoint/prod-llm", "--dry-run")
    assert (ended.code, files(stage)) == (0, {"reconciler.yaml"})
    assert "baseModel: qwen3-1.7b" in ended.out
    stage.write("prod-llm.yaml", ended.out)
    assert [str(change.action) for change in stage.plan().pending] == ["train"]
    assert run(stage, capsys, "import", "endpoint/prod-llm", "--yes").code == 0
    assert stage.plan().pending == ()


def test_data_that_cannot_be_read_is_asked_for(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    adoption.their_custom_model(stage)
    stage.client("s3").put_object(Bucket=adoption.BUCKET, Key="nova/train.jsonl", Body=b"PAR1 and what follows")
    ended = run(stage, capsys, "import", "custom-model/their-nova", "--yes")
    assert (ended.code, files(stage)) == (1, {"reconciler.yaml"})
    assert "--dataset SOURCE" in ended.err
    ended = run(
        stage, capsys, "import", "custom-model/their-nova", "--yes", "--dataset", "data.csv", "--out", "nova.yaml"
    )
    assert (ended.code, ended.err) == (0, "")
    assert files(stage) == {"reconciler.yaml", "nova.yaml"}
    assert stage.plan().pending == ()


def test_the_manifest_goes_where_the_others_are(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    adoption.their_custom_model(stage)
    (stage.root / "models").mkdir()
    ended = run(stage, capsys, "import", "custom-model/their-nova", "--yes", "--dataset", "data.csv")
    assert ended.code == 0, ended.err
    assert (stage.root / "models" / "their-nova.yaml").exists()
    assert stage.plan().pending == ()


def test_nobody_says_yes(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    adoption.their_endpoint(stage)
    ended = run(stage, capsys, "import", "endpoint/prod-llm")
    assert (ended.code, files(stage)) == (1, {"reconciler.yaml"})
    assert "Use --yes" in ended.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("endpoint",), "not a resource that can be imported"),
        (("bucket/theirs",), "not a resource that can be imported"),
        (("endpoint/prod-llm", "--out", "../elsewhere.yaml"), "is no place for a manifest"),
        (("endpoint/prod-llm", "--out", "reconciler.yaml"), "exists"),
        (("training-job/my-old-job", "--name", "a_b"), "no legal name"),
    ],
)
def test_refused(arguments: tuple[str, ...], told: str, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    adoption.their_endpoint(stage)
    ended = run(stage, capsys, "import", *arguments, "--yes")
    assert (ended.code, files(stage)) == (1, {"reconciler.yaml"})
    assert told in ended.err.replace("\n       ", " ")


def test_json_for_programs(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    adoption.their_endpoint(stage)
    found = json.loads(run(stage, capsys, "discover", "--json").out)["resources"]
    assert [(one["address"], one["importable"]) for one in found] == [
        ("endpoint/prod-llm", True),
        ("training-job/my-old-job", True),
    ]
    held = json.loads(run(stage, capsys, "inventory", "--json").out)
    assert [(one["name"], one["standing"], one["use"]) for one in held["resources"]] == [("prod-llm", "foreign", "new")]
