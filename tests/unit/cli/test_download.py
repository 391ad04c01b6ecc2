"""``reconciler download`` on the embedded cloud, whose simulated trainings leave no weights and say so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit.cli.calling import call

SIMULATED = "It was written by a simulated training: it holds no weights.\n"


def test_the_archive_and_then_the_same_again(
    deployed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = call(capsys, "download", "open-bot", "--out", tmp_path / "new")
    told = rf"{tmp_path}/new/open-bot-[0-9a-f]{{8}}\.tar\.gz  \d+ bytes, size, MD5 as in S3"
    assert re.fullmatch(f"{told}\n{SIMULATED}", first.out)
    assert first.err.startswith("Downloading s3://stage-artifacts/stage/models/open-bot/")
    again = call(capsys, "download", "open-bot", "--out", tmp_path / "new")
    assert re.fullmatch(f"{told}; it was there already\n{SIMULATED}", again.out)
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_unpacked(deployed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "download", "open-bot", "--extract", "--out", tmp_path, "--json")
    document = json.loads(ended.out)
    assert (document["model"], document["files"], document["simulated"]) == ("open-bot", 1, True)
    assert [path.name for path in Path(document["path"]).iterdir()] == ["README.md"]
    assert [str(path) for path in tmp_path.iterdir()] == [document["path"]]
    refused = call(capsys, "download", "open-bot", "--extract", "--out", tmp_path)
    assert refused.code == 1
    assert "is there already" in refused.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["opn-bot"], "did you mean `open-bot`?"),
        (["nova-bot"], "the weights of nova-bot stay with Bedrock"),
        (["quiet-bot"], "quiet-bot is not trained"),
        (["open-bot", "--version", "zz"], "the cloud holds no version 'zz' of open-bot"),
        (["open-bot", "--out", "open.yaml"], "is a file"),
        (["open-bot", "--out", "open.yaml/below"], "open.yaml"),
    ],
)
def test_what_cannot_be_downloaded_says_so(
    deployed: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    ended = call(capsys, "download", *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
