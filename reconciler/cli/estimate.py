"""``reconciler estimate``: what a training takes of memory, time and money, before anything is started."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import color_option, directory_option

if TYPE_CHECKING:
    from reconciler.domain.errors import ReconcilerError
    from reconciler.estimators.memory import MemoryEstimate
    from reconciler.estimators.setup import TrainingSetup

DEFAULT_REGION = "us-east-1"
ESTIMATORS = ("closed-form", "rule-of-thumb", "probe")


@click.command()
@click.option(
    "--rows",
    "path",
    type=click.Path(allow_dash=True, dir_okay=False),
    metavar="FILE.csv",
    required=True,
    help="A table of trainings, one a line; `-` reads standard input. Columns: benchmarks/README.md.",
)
@click.option(
    "--estimator",
    type=click.Choice(ESTIMATORS),
    default=ESTIMATORS[0],
    help="Of memory: a closed form; the rule that teams use, to compare with; or a training step on tensors without contents, which takes "
    "the [train] extra and seconds a row.",
)
@click.option("--region", default=DEFAULT_REGION, help=f"Prices of this AWS region; {DEFAULT_REGION} by default.")
@directory_option
@color_option
@pass_invocation
def estimate(invocation: Invocation, path: str, estimator: str, region: str) -> int:
    """Estimate trainings from their configuration and the model's dimensions alone, and print CSV.

    For each row its id and, as the table's columns ask, predicted_gib, need_gib and fits, or predicted_tokens_per_s_per_gpu,
    predicted_hours and predicted_usd. What cannot be told is empty, and `reason` says why.
    """
    with _memory_by(estimator) as memory_by:
        if path == "-":
            _answer(sys.stdin, "<stdin>", region, memory_by)
            return ExitCode.OK
        with _opened(invocation, path) as file:
            _answer(file, path, region, memory_by)
    return ExitCode.OK


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
