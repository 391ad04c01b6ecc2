"""``reconciler estimate --rows``: a table of trainings, answered row by row."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from reconciler.cli.invocation import Invocation

if TYPE_CHECKING:
    from reconciler.domain.errors import ReconcilerError
    from reconciler.estimators.memory import MemoryEstimate
    from reconciler.estimators.setup import TrainingSetup

ESTIMATORS = ("closed-form", "rule-of-thumb", "probe")


def answer_rows(invocation: Invocation, path: str, estimator: str, region: str) -> None:
    """Prints CSV: for each row its id and, as the table's columns ask, predicted_gib, need_gib and fits, or
    predicted_tokens_per_s_per_gpu, predicted_hours and predicted_usd. What cannot be told is empty, and ``reason`` says why.

    Raises ReconcilerError for what is no such table.
    """
    with _memory_by(estimator) as memory_by:
        if path == "-":
            _answer(sys.stdin, "<stdin>", region, memory_by)
            return
        with _opened(invocation, path) as file:
            _answer(file, path, region, memory_by)


@contextmanager
def _memory_by(estimator: str) -> Iterator[Callable[[TrainingSetup], MemoryEstimate]]:
    """The probe's process ends with the block; nothing here imports torch."""
    from reconciler.estimators.memory import estimate_memory
    from reconciler.estimators.probe.run import Probe
    from reconciler.estimators.rule_of_thumb import estimate_by_rule

    match estimator:
        case "probe":
            with Probe() as probe:
                yield probe.estimate
        case "rule-of-thumb":
            yield estimate_by_rule
        case _:
            yield estimate_memory


def _opened(invocation: Invocation, path: str) -> TextIO:
    try:
        return (invocation.directory / path).open(encoding="utf-8-sig", newline="")
    except FileNotFoundError:
        raise click.BadParameter(f"{path} does not exist.", param_hint="--rows") from None


def _answer(file: TextIO, name: str, region: str, memory_by: Callable[[TrainingSetup], MemoryEstimate]) -> None:
    """Row by row, as they are read."""
    from reconciler.catalog import load
    from reconciler.estimators.answers import answer, columns_for

    catalog, rows = load(), csv.DictReader(file)
    try:
        columns = columns_for(_header(rows, name))
        output = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
        output.writeheader()
        for row in rows:
            output.writerow(answer(row, columns, catalog, region, memory_by))
    except (csv.Error, UnicodeDecodeError) as trouble:
        raise _unreadable(f"{name}: after line {rows.line_num}: {trouble}") from None


def _header(rows: csv.DictReader[str], name: str) -> list[str]:
    header = [column.strip("\ufeff \t") for column in rows.fieldnames or ()]
    if "id" not in header:
        raise _unreadable(f"{name}: line 1 names no column `id`" if header else f"{name} is empty")
    rows.fieldnames = header
    return header


def _unreadable(message: str) -> ReconcilerError:
    from reconciler.domain.errors import ReconcilerError

    return ReconcilerError(
        message, hint="The table is CSV in UTF-8 with a header; benchmarks/README.md has its columns."
    )
