"""Records that come twice, and prompts that stand on both sides of a split: found in memory that does not grow with the data."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from heapq import nsmallest
from typing import IO, NamedTuple

import numpy
from numpy.typing import NDArray

from reconciler.datasets.flaws import SHOWN
from reconciler.datasets.temporary import place_told

_Numbers = NDArray[numpy.uint64]
_Arrays = tuple[_Numbers, _Numbers, _Numbers]

IN_MEMORY = 2_000_000
"""Records that are kept in memory: 24 bytes each. What comes beyond goes to temporary files."""

_BUCKETS = 64


class Repeat(NamedTuple):
    row: int
    first: int
    """The row that it repeats."""


@dataclass(frozen=True, slots=True)
class Tally:
    count: int = 0
    first: tuple[Repeat, ...] = ()
    """The first few rows."""

    @classmethod
    def of(cls, rows: _Numbers, firsts: _Numbers) -> Tally:
        """``firsts``: the row that each of the rows repeats."""
        shown = numpy.argsort(rows)[:SHOWN]
        return cls(len(rows), tuple(map(Repeat, rows[shown].tolist(), firsts[shown].tolist())))

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.count + other.count, tuple(nsmallest(SHOWN, (*self.first, *other.first))))


@dataclass(frozen=True, slots=True)
class Repeated:
    trained: Tally = Tally()
    """Records that come again among those that are trained on."""
    held_out: Tally = Tally()
    """Among those that are held out."""
    leaks: Tally = Tally()
    """Records held out whose prompt is trained on too."""

    def __add__(self, other: Repeated) -> Repeated:
        return Repeated(self.trained + other.trained, self.held_out + other.held_out, self.leaks + other.leaks)


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
        with place_told():
            if self._buckets:
                self._spill()
            in_files = (_read(file).repeated() for file in self._buckets)
            return sum(map(_compared, in_files if self._buckets else _parted(self._columns.repeated())), Repeated())

    def _spill(self) -> None:
        """A record's bucket follows from its input: equal ones meet."""
        self._buckets = self._buckets or [tempfile.TemporaryFile() for _ in range(_BUCKETS)]  # noqa: SIM115
        for file, part in zip(self._buckets, _parted(self._columns.arrays()), strict=True):
            _Columns().add(*part).write(file)
        self._columns = _Columns()


class _Columns:
    def __init__(self) -> None:
        self.inputs, self.records, self.places = array("Q"), array("Q"), array("Q")

    def add(self, inputs: _Numbers, records: _Numbers, places: _Numbers) -> _Columns:
        for column, more in ((self.inputs, inputs), (self.records, records), (self.places, places)):
            column.frombytes(more.tobytes())
        return self

    def arrays(self) -> _Arrays:
        """Without a copy: as long as they live, nothing can be added."""
        inputs, records, places = (
            numpy.frombuffer(column, numpy.uint64) for column in (self.inputs, self.records, self.places)
        )
        return inputs, records, places

    def repeated(self) -> _Arrays:
        """Those whose input comes more than once."""
        inputs, records, places = self.arrays()
        ordered = numpy.sort(inputs)
        mine = _among(inputs, ordered[1:][ordered[1:] == ordered[:-1]])
        return inputs[mine], records[mine], places[mine]

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


def _parted(columns: _Arrays) -> Iterator[_Arrays]:
    """As many parts as there are buckets. Equal inputs stay together; what is worked on at a time stays small."""
    inputs, records, places = columns
    buckets = inputs % _BUCKETS
    for mine in (buckets == number for number in range(_BUCKETS)):
        yield inputs[mine], records[mine], places[mine]


def _compared(columns: _Arrays) -> Repeated:
    inputs, records, places = columns
    rows, is_held_out = places >> 1, (places & 1).astype(bool)
    trained, held_out = (_again(inputs[mine], records[mine], rows[mine]) for mine in (~is_held_out, is_held_out))
    leaks = _leaks(inputs[~is_held_out], rows[~is_held_out], inputs[is_held_out], rows[is_held_out])
    return Repeated(trained, held_out, leaks)


def _again(inputs: _Numbers, records: _Numbers, rows: _Numbers) -> Tally:
    """Records that are equal to one further up."""
    order = numpy.lexsort((rows, records, inputs))
    inputs, records, rows = inputs[order], records[order], rows[order]
    is_new = numpy.ones(len(rows), bool)
    is_new[1:] = (inputs[1:] != inputs[:-1]) | (records[1:] != records[:-1])
    firsts = rows[is_new][numpy.cumsum(is_new) - 1]
    return Tally.of(rows[~is_new], firsts[~is_new])


def _leaks(trained: _Numbers, trained_rows: _Numbers, held_out: _Numbers, held_out_rows: _Numbers) -> Tally:
    """Inputs held out that are trained on too, with the row where they are first."""
    order = numpy.lexsort((trained_rows, trained))
    trained, trained_rows = trained[order], trained_rows[order]
    mine = _among(held_out, trained)
    return Tally.of(held_out_rows[mine], trained_rows[numpy.searchsorted(trained, held_out[mine])])


def _among(numbers: _Numbers, ordered: _Numbers) -> NDArray[numpy.bool]:
    """Which of the numbers are among the ordered ones."""
    if not len(ordered):
        return numpy.zeros(len(numbers), bool)
    return numpy.equal(ordered[numpy.searchsorted(ordered[:-1], numbers)], numbers)
