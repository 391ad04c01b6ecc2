"""Printing a log, as it is or as it grows, and how that ended."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation
from reconciler.cli.signals import StopRequest
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.logs import Log, LogLine
from reconciler.domain.observation import Deployment, ModelObservation, TrainingPhase, TrainingRun
from reconciler.engine.choosing import Held
from reconciler.engine.following import follow, watch
from reconciler.engine.losses import metric_files
from reconciler.engine.outside import Outside
from reconciler.reports.json import moment_text, to_text

LOOK_EVERY = 5.0
"""Seconds between two looks: CloudWatch shows a line a few seconds after it was written."""


@dataclass(frozen=True)
class Reading:
    """What was asked for. ``late``: looks after the end of a training, see :func:`reconciler.engine.following.follow`."""

    invocation: Invocation
    outside: Outside
    follow: bool
    lines: int | None
    timestamps: bool
    late: int

    def aside(self, message: str) -> None:
        self.invocation.screen(sys.stderr).entry("", message)


def show_training(reading: Reading, held: Held) -> int:
    """The exit code: of a log that was followed, how the training ended."""
    assert held.run is not None, "chosen by its training"
    logs, run, outside = reading.outside.logs[held.model.provider], held.run, reading.outside
    log = logs.of_training(run)
    coming = follow(log, logs, run, outside.pause, outside.progress, every=LOOK_EVERY, late=reading.late)
    if log is None:
        _await_end(reading, coming)
        said = _print_metrics(reading, held, run)
    else:
        said = _print(reading, _lines(reading, log, coming), several=(run.instance_count or 1) > 1)
    return _tell_end(reading, logs.look(run) or run, said)


def show_deployment(reading: Reading, model: ModelObservation, deployment: Deployment, stop: StopRequest) -> int:
    """Raises ReconcilerError where the provider keeps no such log."""
    log = reading.outside.logs[model.provider].of_deployment(deployment)
    if log is None:
        hint = "where the account's model invocation logging is on, prompts and answers are logged there"
        raise ReconcilerError("Bedrock keeps no log of a deployment", hint=hint)

    def pause(seconds: float) -> None:
        stop.wait(seconds)

    coming = watch(log, pause, reading.outside.progress, every=LOOK_EVERY)
    if not _print(reading, _lines(reading, log, coming), several=(deployment.instance_count or 1) > 1):
        reading.aside(f"{deployment.name} has written nothing: it is {deployment.phase}.")
    return ExitCode.OK


def _lines(reading: Reading, log: Log, coming: Iterable[LogLine]) -> Iterator[LogLine]:
    """What is there, or its last lines; and what comes, where that is asked for."""
    if not reading.follow:
        return log.unread() if reading.lines is None else iter(log.tail(reading.lines))
    return chain(() if reading.lines is None else log.tail(reading.lines), coming)


def _print(reading: Reading, lines: Iterable[LogLine], *, several: bool) -> int:
    """How many there were."""
    screen, count = reading.invocation.screen(), 0
    for count, line in enumerate(lines, start=1):  # noqa: B007 - of the last one, after the loop
        at = moment_text(line.at)
        if reading.invocation.json:
            click.echo(to_text({"at": at, "source": line.source, "text": line.text}, indent=None))
        else:
            when, who = f"{at} " * reading.timestamps, f"{line.source} | " * several
            screen.piece(f"{when}{who}{line.text}\n")
    return count


def _await_end(reading: Reading, coming: Iterable[LogLine]) -> None:
    reading.aside("Bedrock writes no log; what a training leaves are files with its metrics.")
    if reading.follow:
        for _ in coming:
            """Until it has ended."""


def _print_metrics(reading: Reading, held: Held, run: TrainingRun) -> int:
    """In the form of ``tail`` with several files."""
    files = metric_files(held.model.name, held.version.fingerprint, run, reading.outside)
    for path, text in files.items():
        rows = text.splitlines()
        shown = rows if reading.lines is None else rows[len(rows) - min(reading.lines, len(rows)) :]
        if reading.invocation.json:
            for row in shown:
                click.echo(to_text({"at": None, "source": path, "text": row}, indent=None))
        else:
            reading.invocation.screen().piece("\n".join([f"==> {path} <==", *shown, ""]))
    return len(files)


def _tell_end(reading: Reading, run: TrainingRun, said: int) -> int:
    stands = f"{run.phase} ({run.detail})" if run.phase is TrainingPhase.IN_PROGRESS else str(run.phase)
    if not said:
        reading.aside(f"{run.name} has written nothing: it is {stands}.")
    if not reading.follow:
        return ExitCode.OK
    reading.aside(f"{run.name}: {stands}" + (f": {run.failure.message}" if run.failure else ""))
    return ExitCode.OK if run.phase is TrainingPhase.COMPLETED else ExitCode.ERROR
