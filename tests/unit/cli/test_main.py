"""Finding the command, and what every ending becomes."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.cli import main as cli
from reconciler.cli.argv import normalised
from reconciler.cli.endings import ending
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation
from reconciler.cli.signals import Signalled
from reconciler.domain.diagnostic import Location, error
from reconciler.domain.errors import CloudUnavailable, Interrupted, InvalidInput, LockHeld, PlanChanged
from tests.unit.cli.calling import call


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["plan", "-out=x.plan", "-json"], ["plan", "--out=x.plan", "--json"]),
        (["-chdir=models", "apply", "-auto-approve"], ["--chdir=models", "apply", "--auto-approve"]),
        (
            ["plan", "-detailed-exitcode", "-target", "a", "-lock-timeout=5m"],
            ["plan", "--detailed-exitcode", "--target", "a", "--lock-timeout=5m"],
        ),
        (["status", "-o", "wide", "-C", "x"], ["status", "-o", "wide", "-C", "x"]),
        (["apply", "--auto-approve", "-parallelism=3"], ["apply", "--auto-approve", "--parallelism=3"]),
        (["show", "--", "-json"], ["show", "--", "-json"]),
        (["fmt", "-"], ["fmt", "-"]),
    ],
)
def test_terraforms_spelling_of_flags(given: list[str], meant: list[str]) -> None:
    assert normalised(given) == meant


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_is_there_and_helps_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, name, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: reconciler {name}")


def test_help_names_every_command_and_version_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    text = call(capsys, "--help").out
    assert all(f"  {name} " in text for name in cli.COMMANDS)
    assert call(capsys, "--version").out.startswith("reconciler 0.")


def test_help_and_version_import_nothing_heavy() -> None:
    script = (
        "import sys\nfrom reconciler.cli.main import run\nrun(['--version'])\nrun(['--help'])\n"
        "heavy = {'pydantic', 'boto3', 'botocore', 'rich', 'yaml', 'moto', 'jinja2', 'deepdiff'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plam"], "No such command 'plam'. Did you mean 'plan'?"),
        (["plan", "--nonsense"], "No such option"),
        (["apply", "--lock-timeout", "soon"], "'soon' is not a duration"),
        (["apply", "--json"], "it needs --auto-approve, --digest or a saved plan"),
        (["apply", "--digest", "abc"], "a digest begins with sha256:"),
        (["-C", "/no/such/folder", "plan"], "does not exist"),
        (["show"], "Missing argument"),
        ([], "Usage: reconciler"),
    ],
)
def test_wrong_usage_is_an_error_and_never_means_changes(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = call(capsys, *arguments)
    assert ended.code == ExitCode.ERROR
    assert message in ended.err


def behind(trouble: BaseException, cause: BaseException) -> BaseException:
    trouble.__cause__ = cause
    return trouble


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (click.UsageError("no"), 1),
        (InvalidInput([error("x", "wrong")]), 1),
        (CloudUnavailable("no credentials", hint="log in"), 1),
        (PlanChanged("it changed"), 1),
        (LockHeld("held by ana"), 75),
        (Interrupted("stopped"), 130),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (Signalled(signal.SIGINT), 130),
        (Signalled(signal.SIGTERM), 143),
        (behind(click.Abort(), Signalled(signal.SIGTERM)), 143),
        (behind(ValueError("while cleaning up"), Signalled(signal.SIGTERM)), 143),
        (behind(Interrupted("stopped"), Signalled(signal.SIGTERM)), 143),
        (ValueError("a bug"), 3),
    ],
)
def test_exit_codes(trouble: BaseException, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert ending(trouble, Invocation(), []) == code


@pytest.mark.parametrize(("number", "told"), [(signal.SIGINT, "Interrupted.\n"), (signal.SIGTERM, "Terminated.\n")])
def test_a_signal_is_told_in_one_line(number: int, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    ending(Signalled(number), Invocation(), [])
    assert capsys.readouterr().err == told


def test_problems_are_told_with_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    invocation = Invocation(sources={"a.yaml": "kind: Nonsense"})
    where = Location(file="a.yaml", line=1, column=7)
    ending(InvalidInput([error("kind", "Unknown kind", where=where, hint="use FineTunedModel")]), invocation, [])
    assert capsys.readouterr().err == (
        "Error: Unknown kind  [kind]\n  on a.yaml:1:7\n    1 | kind: Nonsense\n      |       ^\n  hint: use FineTunedModel\n\n1 error\n"
    )


def test_with_json_problems_are_json_and_people_still_see_the_count(capsys: pytest.CaptureFixture[str]) -> None:
    ending(InvalidInput([error("kind", "Unknown kind")]), Invocation(json=True), [])
    captured = capsys.readouterr()
    assert json.loads(captured.out)["diagnostics"][0]["code"] == "kind"
    assert captured.err == "1 error\n"


def test_an_error_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    ending(LockHeld("held by ana\nsince 10:00 \x1b[2J", hint="reconciler lock show"), Invocation(), [])
    assert capsys.readouterr().err == "Error: held by ana\n       since 10:00 \\x1b[2J\n  hint: reconciler lock show\n"


def test_a_bug_of_ours_leaves_a_log_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def broken(*_: object, **__: object) -> int:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr(cli.reconciler, "main", broken)
    ended = call(capsys, "plan")
    assert ended.code == ExitCode.BUG
    (log,) = tmp_path.rglob("*.log")
    assert str(log) in ended.err
    assert "out of cheese" not in ended.err
    assert "RuntimeError: out of cheese" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_the_log_goes_elsewhere_where_home_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert ending(ValueError("x"), Invocation(), []) == ExitCode.BUG
    log = Path(capsys.readouterr().err.strip().rpartition(": ")[2])
    assert "ValueError: x" in log.read_text()


def test_a_closed_pipe_ends_silently() -> None:
    script = "from reconciler.cli.main import main; main(['--help'])"
    reading, writing = os.pipe()
    os.close(reading)
    finished = subprocess.run(
        [sys.executable, "-c", script], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (finished.returncode, finished.stderr) == (1, "")
