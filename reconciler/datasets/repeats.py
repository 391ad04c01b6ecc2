"""Records that come twice, and prompts that stand on both sides of a split: found in memory that does not grow with the data."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import IO, NamedTuple

import numpy
from numpy.typing import NDArray

from reconciler.datasets.flaws import SHOWN
from reconciler.datasets.temporary import place_told

_Numbers = NDArray[numpy.uint64]

IN_MEMORY = 2_000_000
"""Records that are kept in memory: 24 bytes each. What comes beyond goes to temporary files."""

_BUCKETS = 64


class Repeat(NamedTuple):
    row: int
    first: int
    """The row that it repeats."""


@dataclass(slots=True)
class Tally:
    count: int = 0
    rows: list[Repeat] = field(default_factory=list)

    def add(self, repeat: Repeat) -> None:
        self.count += 1
        self.rows.append(repeat)
        if len(self.rows) > 100 * SHOWN:
            self.rows = self.first

    @property
    def first(self) -> list[Repeat]:
        """The first few."""
        return nsmallest(SHOWN, self.rows)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.count + other.count, [*self.rows, *other.rows])


@dataclass(slots=True)
class Repeated:
    trained: Tally = field(default_factory=Tally)
    """Records that come again among those that are trained on."""
    held_out: Tally = field(default_factory=Tally)
    """Among those that are held out."""
    leaks: Tally = field(default_factory=Tally)
    """Records held out whose prompt is trained on too."""


class Repeats:
    """Takes three columns, record by record: the input's hash, the record's hash, and its place (see ``Findings.places``).

    Hashes are 64 bits long: of ten million records, two are taken for equal by mistake with a chance of 1 in 370,000.
    """

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        self._columns = _Columns()
        self._in_memory = in_memory
        self._buckets: list[IO[bytes]] = []

    def __enter__(self) -> Repeats:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._buckets:
            with suppress(OSError):  # what could not be written has been told
                file.close()

    def add(self, inputs: _Numbers, records: _Numbers, places: _Numbers, *, rows: int) -> None:
        """``rows``: how far down the places begin."""
        self._columns.add(inputs, records, places + numpy.uint64(rows * 2))
        if len(self._columns.inputs) > self._in_memory:
            with place_told():
                self._spill()

    def found(self) -> Repeated:
        """May be asked once, when all were added."""
        found = Repeated()
        with place_told():
            if self._buckets:
                self._spill()
            for columns in map(_read, self._buckets) if self._buckets else [self._columns]:
                _compare(columns.repeated(), found)
        return found

    def _spill(self) -> None:
        """A record's bucket follows from its input: equal ones meet."""
        self._buckets = self._buckets or [tempfile.TemporaryFile() for _ in range(_BUCKETS)]  # noqa: SIM115
        inputs, records, places = self._columns.arrays()
        buckets = inputs % _BUCKETS
        for number, file in enumerate(self._buckets):
            mine = buckets == number
            _Columns().add(inputs[mine], records[mine], places[mine]).write(file)
        self._columns = _Columns()


class _Columns:
    def __init__(self) -> None:
        self.inputs, self.records, self.places = array("Q"), array("Q"), array("Q")

    def add(self, inputs: _Numbers, records: _Numbers, places: _Numbers) -> _Columns:
        for column, more in ((self.inputs, inputs), (self.records, records), (self.places, places)):
            column.frombytes(more.tobytes())
        return self

    def arrays(self) -> tuple[_Numbers, _Numbers, _Numbers]:
        """Without a copy: as long as they live, nothing can be added."""
        inputs, records, places = (
            numpy.frombuffer(column, numpy.uint64) for column in (self.inputs, self.records, self.places)
        )
        return inputs, records, places

    def repeated(self) -> Iterator[tuple[int, int, int]]:
        """Those whose input comes more than once, in their order."""
        inputs, records, places = self.arrays()
        ordered = numpy.sort(inputs)
        again = ordered[1:][ordered[1:] == ordered[:-1]]
        if not len(again):
            return iter(())
        mine = numpy.flatnonzero(again[numpy.searchsorted(again[:-1], inputs)] == inputs)
        return zip(*(column[mine].tolist() for column in (inputs, records, places)), strict=True)

    def write(self, file: IO[bytes]) -> None:
        file.write(array("Q", [len(self.inputs)]).tobytes())
        for column in (self.inputs, self.records, self.places):
            file.write(column.tobytes())


def _read(file: IO[bytes]) -> _Columns:
    columns = _Columns()
    file.seek(0)
    while head := file.read(8):
        length = array("Q", head)[0]
        for column in (columns.inputs, columns.records, columns.places):
            column.frombytes(file.read(length * 8))
    return columns


def _compare(records: Iterator[tuple[int, int, int]], found: Repeated) -> None:
    trained: dict[int, int] = {}
    held_out: list[tuple[int, int]] = []
    first: dict[tuple[int, int, int], int] = {}
    for key, record, place in records:
        row, is_held_out = place >> 1, place & 1
        if (seen := first.setdefault((key, record, is_held_out), row)) != row:
            (found.held_out if is_held_out else found.trained).add(Repeat(row, seen))
        if is_held_out:
            held_out.append((key, row))
        else:
            trained.setdefault(key, row)
    for key, row in held_out:
        if key in trained:
            found.leaks.add(Repeat(row, trained[key]))
