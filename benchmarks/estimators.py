"""Holds the estimators of memory and time against measured runs: ``make bench-estimators``."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import click

from benchmarks.allowances import left_out
from benchmarks.calibration import calibrated, complete_runs
from benchmarks.errors import (
    Miss,
    Summary,
    fits,
    fits_by_rule,
    flat_rate,
    hour_misses,
    hours,
    memory_misses,
    peak_by_rule,
    peak_gib,
    rate_misses,
    summed,
    tokens_per_second,
    verdicts,
)
from benchmarks.tables import measured_rows
from reconciler.catalog import load
from reconciler.domain.catalog import Catalog
from reconciler.estimators import memory_rows, time_rows
from reconciler.estimators.gpu import gpu_named
from reconciler.estimators.rows import Row
from reconciler.reports.screen import Screen

Line = tuple[str, ...]
Name = Callable[[Row], str]


@click.command(help=__doc__)
@click.option(
    "--quick", is_flag=True, help="Leave out what takes half a minute: rates fitted without each source in turn."
)
def main(quick: bool) -> None:
    screen, catalog = Screen(sys.stdout, color=False), load()
    _show(screen, "Memory: peak on one GPU", _MEMORY, _memory_lines())
    title = "Memory: allocator's allowances fitted without the source that they are tried on"
    _show(screen, title, _MEMORY[:5], [_line(source, summed(misses)) for source, misses in left_out()])
    _show(screen, "Verdicts: does it fit?", ("", "runs", "right", "false fits", "false alarms"), _verdict_lines())
    _show(screen, "Time: tokens a second on one GPU", _TIME, _time_lines(catalog))
    _show(screen, "Time: hours of the whole training", _TIME[:5], [_line("all", summed(hour_misses(hours(catalog))))])
    if not quick:
        title = "Time: rates fitted without the source that they are tried on"
        _show(screen, title, _TIME[:5], _left_out_lines(catalog))
    _show(
        screen,
        f"Speed: {platform.machine()}, Python {platform.python_version()}",
        ("", "seconds"),
        _speed_lines(catalog),
    )


_MEMORY = ("", "rows", "median", "p90", "bias", "rule of thumb: median", "p90")
_TIME = ("", "rows", "median", "p90", "bias", "flat 35 %: median", "p90")


def _memory_lines() -> Iterator[Line]:
    misses, rule = memory_misses(peak_gib), memory_misses(peak_by_rule)
    yield (*_line("all", summed(misses)), *_sizes(summed(rule)))
    for name in (_measure, _source, _card_and_method):
        for group in _groups(misses, name):
            beside = _sizes(summed(_in(rule, name, group)))
            yield (*_line(group, summed(_in(misses, name, group))), *beside)


def _verdict_lines() -> Iterator[Line]:
    for name, said in (("closed form", fits), ("rule of thumb", fits_by_rule)):
        told = verdicts(said)
        shares = (f"{n / told.count:.1%}" for n in (told.right, told.false_fits, told.false_alarms))
        yield (name, f"{told.count}", *shares)


def _time_lines(catalog: Catalog) -> Iterator[Line]:
    misses, flat = rate_misses(tokens_per_second(catalog)), rate_misses(flat_rate(catalog))
    yield (*_line("all", summed(misses)), *_sizes(summed(flat)))
    for name in (_source, _class_and_method(catalog)):
        for group in _groups(misses, name):
            beside = _sizes(summed(_in(flat, name, group)))
            yield (*_line(group, summed(_in(misses, name, group))), *beside)


def _left_out_lines(catalog: Catalog) -> Iterator[Line]:
    runs = complete_runs(catalog)
    for source in sorted({run.source for run in runs}):
        rates = calibrated([run for run in runs if run.source != source])
        yield _line(source, summed(Miss(run.row, run.error(rates)) for run in runs if run.source == source))


def _speed_lines(catalog: Catalog) -> Iterator[Line]:
    """Processor time: what else the machine does is not counted."""
    throughput, memory = measured_rows("throughput"), measured_rows("memory")
    yield ("1,000 estimates of time", _seconds(lambda row: time_rows.predict(row, catalog), throughput))
    yield ("1,000 estimates of memory", _seconds(memory_rows.predict, memory))


def _seconds(predict: Callable[[Row], object], rows: Sequence[Row]) -> str:
    started = time.process_time()
    for number in range(1000):
        predict(rows[number % len(rows)])
    return f"{time.process_time() - started:.2f}"


def _groups(misses: Sequence[Miss], name: Name) -> list[str]:
    return sorted({name(miss.row) for miss in misses})


def _in(misses: Sequence[Miss], name: Name, group: str) -> list[Miss]:
    return [miss for miss in misses if name(miss.row) == group]


def _measure(row: Row) -> str:
    return f"measured as {row['measure']}"


def _source(row: Row) -> str:
    return f"source {row['group']}"


def _card_and_method(row: Row) -> str:
    return f"{row['gpu_model']}, {row['method']}"


def _class_and_method(catalog: Catalog) -> Name:
    def name(row: Row) -> str:
        gpu = gpu_named(row["gpu_model"], catalog)
        return f"{gpu.kind.value if gpu else '?'}, {row['method']}"

    return name


def _line(name: str, summary: Summary) -> Line:
    return (name, f"{summary.count}", *_sizes(summary), f"{summary.bias:+.1%}")


def _sizes(summary: Summary) -> Line:
    return (f"{summary.median:.1%}", f"{summary.p90:.1%}")


def _show(screen: Screen, title: str, header: Line, lines: Iterator[Line] | Sequence[Line]) -> None:
    screen.line((title, "bold"))
    screen.table(header, tuple(lines), indent=2)
    screen.blank()


if __name__ == "__main__":
    main()
