"""Repetitions are what a plain search finds, in memory as on disk, and the search takes little memory."""

from __future__ import annotations

import tracemalloc
from typing import NamedTuple

import numpy
from hypothesis import given
from hypothesis import strategies as st

from reconciler.datasets.flaws import SHOWN
from reconciler.datasets.repeats import Repeat, Repeated, Repeats, Tally


class Given(NamedTuple):
    input: int
    record: int
    is_held_out: bool


NUMBERS = st.sampled_from([0, 1, 64, 65, 2**63, 2**64 - 1])
"""Some share a bucket."""


@given(st.lists(st.builds(Given, NUMBERS, NUMBERS, st.booleans()), max_size=60), st.sampled_from([1, 7, 1_000]))
def test_what_is_found_is_what_a_plain_search_finds(records: list[Given], in_memory: int) -> None:
    with Repeats(in_memory=in_memory) as repeats:
        for start in range(0, len(records), 5):
            add(repeats, records[start : start + 5], rows=start)
        assert repeats.found() == plainly(records)


def add(repeats: Repeats, records: list[Given], *, rows: int) -> None:
    inputs, hashes, held_out = (numpy.array(column, numpy.uint64) for column in zip(*records, strict=True))
    places = numpy.arange(len(records), dtype=numpy.uint64) * numpy.uint64(2) + held_out
    repeats.add(inputs, hashes, places, rows=rows)


def plainly(records: list[Given]) -> Repeated:
    again, leaks = [], []
    for row, record in enumerate(records):
        again += [Repeat(row, first) for first in [records.index(record)] if first != row]
        asked = [at for at, other in enumerate(records) if other.input == record.input and not other.is_held_out]
        leaks += [Repeat(row, asked[0])] if record.is_held_out and asked else []
    trained = [repeat for repeat in again if not records[repeat.row].is_held_out]
    return Repeated(tally(trained), tally([repeat for repeat in again if repeat not in trained]), tally(leaks))


def tally(repeats: list[Repeat]) -> Tally:
    return Tally(len(repeats), tuple(repeats[:SHOWN]))


def test_the_search_takes_little_memory_though_all_records_come_twice() -> None:
    once = numpy.random.default_rng(0).integers(0, 2**63, 100_000, numpy.uint64)
    rows = numpy.arange(len(once), dtype=numpy.uint64) * numpy.uint64(2)
    with Repeats() as repeats:
        for start in (0, len(once)):
            repeats.add(once, once, rows, rows=start)
        tracemalloc.start()
        try:
            assert repeats.found().trained.count == len(once)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2 * 24 * 2 * len(once)
