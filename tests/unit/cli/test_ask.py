"""``reconciler ask`` on the embedded cloud, which says that it asked no model."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.localcloud import control
from tests.unit.cli.calling import Ended, call

ANSWER = "This is a simulated answer of {}; no model was asked. The prompt had 3 characters."


@pytest.fixture
def project(deployed: Path) -> Iterator[Path]:
    yield deployed
    control.clear_faults(deployed / ".reconciler" / "local")


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    return call(capsys, "ask", *arguments)


@pytest.mark.parametrize(("name", "tokens"), [("open-bot", "1 tokens in, "), ("nova-bot", "1 tokens in, ")])
def test_the_answer_is_on_stdout_alone_and_what_it_took_beside_it(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, tokens: str
) -> None:
    ended = ask(capsys, name, "--prompt", "Hi?")
    assert (ended.code, ended.out.rstrip()) == (0, ANSWER.format(name))
    assert f"{name}: first piece after " in ended.err
    assert tokens in ended.err
    assert f"{name}: simulated by the embedded cloud: no model was asked" in ended.err


def test_several_are_told_apart(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = ask(capsys, "open-bot", "FineTunedModel/nova-bot", "--prompt", "Hi?", "--system", "Be kind.")
    first, answer, blank, second, other = ended.out.splitlines()
    assert first.startswith("open-bot  sagemaker, version ")
    assert second.startswith("nova-bot  bedrock, version ")
    assert [answer, blank, other.rstrip()] == [ANSWER.format("open-bot"), "", ANSWER.format("nova-bot")]


def test_the_prompt_may_come_through_a_pipe(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Hi?\n"))
    ended = ask(capsys, "open-bot", "--prompt", "-", "--max-tokens", "5", "--temperature", "0", "--json")
    document = json.loads(ended.out)
    assert document["question"] == {"prompt": "Hi?", "system": None, "maxTokens": 5, "temperature": 0.0}
    (answer,) = document["answers"]
    assert (answer["model"], answer["text"], answer["simulated"]) == ("open-bot", ANSWER.format("open-bot"), True)
    assert 0 < answer["firstPieceSeconds"] <= answer["totalSeconds"]
    assert (answer["inputTokens"], answer["error"]) == (1, None)


def test_one_that_is_throttled_keeps_no_other_from_answering(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoiled(project, "sagemaker-runtime:.*", "ThrottlingException", "Rate exceeded")
    ended = ask(capsys, "open-bot", "nova-bot", "--prompt", "Hi?")
    assert ended.code == 1
    assert ANSWER.format("nova-bot") in ended.out
    assert "Error: open-bot: asking the endpoint failed: Rate exceeded (ThrottlingException)" in ended.err
    answers = json.loads(ask(capsys, "open-bot", "nova-bot", "--prompt", "Hi?", "--json").out)["answers"]
    assert [(each["error"] or {}).get("code") for each in answers] == ["cloud-unavailable", None]


def test_what_the_container_says_is_told_and_where_more_stands(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoiled(project, "sagemaker-runtime:.*", "ModelError", "Received server error (500)")
    ended = ask(capsys, "open-bot", "--prompt", "Hi?")
    assert (ended.code, ended.out) == (1, "")
    assert "Received server error (500) (ModelError)" in ended.err
    assert "reconciler logs" in ended.err


def spoiled(project: Path, operation: str, code: str, message: str) -> None:
    state = project / ".reconciler" / "local"
    control.add_fault(state, "error", operation=operation, code=code, message=message)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["opn-bot", "--prompt", "x"], "did you mean `open-bot`?"),
        (["quiet-bot", "open-bot", "--prompt", "x"], "quiet-bot cannot be asked: it is Absent (nothing serves)"),
        (["open-bot"], "Missing option '--prompt'"),
        (["--prompt", "x"], "Missing argument 'NAME...'"),
        (["open-bot", "--prompt", " "], "it is empty"),
        (["open-bot", "--prompt", "x", "--temperature", "nan"], "it is no number"),
        (["open-bot", "--prompt", "x", "--max-tokens", "0"], "Invalid value for '--max-tokens'"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    ended = ask(capsys, *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
