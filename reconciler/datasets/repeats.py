"""Records that come twice, and prompts that stand on both sides of a split: found in memory that does not grow with the data."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import IO, NamedTuple

from reconciler.datasets.flaws import SHOWN

IN_MEMORY = 2_000_000
"""Records that are kept in memory: 24 bytes each. What comes beyond goes to temporary files."""

_BUCKETS = 64
_AT_ONCE = 800_000
"""Records that are compared at once, at about 100 bytes each."""


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
            file.close()

    def add(self, inputs: array[int], records: array[int], places: array[int], *, rows: int) -> None:
        """``rows``: how far down the places begin."""
        self._columns.inputs.extend(inputs)
        self._columns.records.extend(records)
        self._columns.places.extend(array("Q", [place + rows * 2 for place in places]))
        if len(self._columns.inputs) > self._in_memory:
            self._spill()

    def found(self) -> Repeated:
        """May be asked once, when all were added."""
        if not self._buckets:
            return _repeated([self._columns])
        self._spill()
        return _repeated(map(_read, self._buckets))

    def _spill(self) -> None:
        self._buckets = self._buckets or [tempfile.TemporaryFile() for _ in range(_BUCKETS)]  # noqa: SIM115
        positions: list[list[int]] = [[] for _ in self._buckets]
        for position, key in enumerate(self._columns.inputs):
            positions[key % _BUCKETS].append(position)
        for file, chosen in zip(self._buckets, positions, strict=True):
            self._columns.at(chosen).write(file)
        self._columns = _Columns()


class _Columns:
    def __init__(self) -> None:
        self.inputs, self.records, self.places = array("Q"), array("Q"), array("Q")

    def at(self, positions: list[int]) -> _Columns:
        some = _Columns()
        some.inputs.extend(map(self.inputs.__getitem__, positions))
        some.records.extend(map(self.records.__getitem__, positions))
        some.places.extend(map(self.places.__getitem__, positions))
        return some

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


def _repeated(parts: Iterable[_Columns]) -> Repeated:
    found = Repeated()
    for columns in parts:
        pieces = -(-len(columns.inputs) // _AT_ONCE)
        for piece in range(pieces):
            _compare(columns, _keys_that_repeat(columns.inputs, pieces, piece), found)
    return found


def _keys_that_repeat(inputs: array[int], pieces: int, piece: int) -> set[int]:
    """Of the keys that belong to one piece. Most data has none, which is quick to see."""
    mine = inputs if pieces == 1 else [key for key in inputs if key // _BUCKETS % pieces == piece]
    if len(mine) == len({*mine}):
        return set()
    once: set[int] = set()
    return {key for key in mine if key in once or once.add(key)}  # type: ignore[func-returns-value]


def _compare(columns: _Columns, keys: set[int], found: Repeated) -> None:
    if not keys:
        return
    trained: dict[int, int] = {}
    held_out: list[tuple[int, int]] = []
    first: dict[tuple[int, int, int], int] = {}
    for position in [position for position, key in enumerate(columns.inputs) if key in keys]:
        key, record, place = columns.inputs[position], columns.records[position], columns.places[position]
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
