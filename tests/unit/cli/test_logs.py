"""``reconciler logs`` on the embedded cloud."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reconciler.localcloud import control
from tests.stage import PROJECT, SAGEMAKER
from tests.unit.cli.calling import call

LOG = [
    "Simulated training: time passes, nothing is computed.",
    "epoch 1/2 train_loss=1.3 (simulated)",
    "epoch 2/2 train_loss=1.0667 (simulated)",
]


def test_all_of_it_or_its_end(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "logs", "open-bot")
    assert (ended.code, ended.out.splitlines(), ended.err) == (0, LOG, "")
    last = call(capsys, "logs", "FineTunedModel/open-bot", "--lines", "1", "--timestamps")
    assert re.fullmatch(rf"20\d\d-\d\d-\d\dT[0-9:.]+Z {re.escape(LOG[-1])}\n", last.out)
    assert call(capsys, "logs", "open-bot", "--lines", "0").out == ""


def test_for_programs_a_line_is_an_object(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in call(capsys, "logs", "open-bot", "--json").out.splitlines()]
    assert [(line["source"], line["text"]) for line in lines] == [("algo-1", text) for text in LOG]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


def test_bedrock_leaves_metrics_and_no_log(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "logs", "nova-bot", "--follow")
    assert ended.code == 0
    assert "Bedrock writes no log" in ended.err
    heads = [line for line in ended.out.splitlines() if line.startswith("==> ")]
    assert [head.split("/")[-1] for head in heads] == ["step_wise_training_metrics.csv <=="]
    assert "step_number,epoch_number,training_loss,perplexity,simulated" in ended.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["opn-bot"], "did you mean `open-bot`?"),
        (["quiet-bot"], "quiet-bot has no attempt at a training here"),
        (["open-bot", "--attempt", "3"], "has the attempts 1"),
        (["open-bot", "--version", "none"], "the cloud holds no version 'none' of open-bot"),
        (["open-bot", "--version", ""], "the cloud holds no version '' of open-bot"),
        (["quiet-bot", "--deployment"], "quiet-bot is not deployed"),
        (["nova-bot", "--deployment"], "Bedrock keeps no log of a deployment"),
        (["open-bot", "--deployment", "--attempt", "1"], "--deployment excludes"),
    ],
)
def test_what_has_no_log_says_so(
    deployed: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    ended = call(capsys, "logs", *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err


def test_an_endpoint_that_wrote_nothing(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "logs", "open-bot", "--deployment")
    assert (ended.code, ended.out, ended.err) == (0, "", "open-bot has written nothing: it is in-service.\n")


@pytest.mark.parametrize("failing", [False, True])
def test_following_ends_as_the_training_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failing: bool
) -> None:
    """Busy answers in between are borne, and no line comes twice."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "1")
    rows = "".join(f"Question {n}?,Answer {n}.\n" for n in range(24))
    (tmp_path / "data.csv").write_text(f"prompt,expected completion\n{rows}")
    (tmp_path / "reconciler.yaml").write_text(PROJECT)
    (tmp_path / "open.yaml").write_text(SAGEMAKER)
    state = tmp_path / ".reconciler" / "local"
    control.up(state, speed=0)
    try:
        if failing:
            control.add_fault(
                state, "fail", operation="sagemaker:CreateTrainingJob", message="AlgorithmError: no", at=0.6
            )
        call(capsys, "apply", "--auto-approve", "--no-wait")
        quiet = call(capsys, "logs", "open-bot")
        assert (quiet.code, quiet.out) == (0, "")
        assert "has written nothing: it is in-progress (Starting)" in quiet.err
        control.add_fault(state, "error", operation="logs:.*", code="ThrottlingException", message="slow", times=1)
        ended = call(capsys, "logs", "open-bot", "--follow")
        assert ended.out.splitlines() == (["AlgorithmError: no"] if failing else LOG)
        assert ended.code == int(failing)
        assert re.search(
            r"open-bot-[0-9a-f]{8}: " + ("failed: AlgorithmError: no" if failing else "completed"), ended.err
        )
    finally:
        control.down(state)
