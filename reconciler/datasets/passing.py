"""One pass over a source: its blocks are worked on by an engine, and what was found adds up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import BinaryIO

import numpy

from reconciler.datasets.blocks import BLOCK, Block, Cutter
from reconciler.datasets.digest import Digest, prefixes
from reconciler.datasets.engines import Engine, usual
from reconciler.datasets.findings import Conversion, Findings, Lengths, Task, find
from reconciler.datasets.flaws import Flaws
from reconciler.datasets.layout import Layout, below_header, looks_like_csv
from reconciler.datasets.repeats import Repeats
from reconciler.datasets.source import Flaw, Stream, Unreadable
from reconciler.datasets.split import Sides, Split
from reconciler.datasets.tokens import ROUGHLY, TokenRule

Watch = Callable[[int], None]
"""Told how many bytes of the source have been read."""


@dataclass(frozen=True)
class Wanted:
    """What one pass is for."""

    split: Split | None = None
    tokens: TokenRule = ROUGHLY
    conversion: Conversion | None = None
    examines: bool = True


@dataclass
class Totals:
    """Of all blocks. Rows count as a spreadsheet does, the header of a CSV being row 1; in JSON Lines they are the lines."""

    digest: Digest = field(default_factory=Digest)
    records: int = 0
    size: int = 0
    """Bytes, uncompressed."""
    characters: int = 0
    lengths: Lengths = field(default_factory=Lengths)
    flaws: Flaws = field(default_factory=Flaws)
    remarks: Flaws = field(default_factory=Flaws)
    first_conversation: int | None = None
    sides: Sides | None = None
    misfit: bool = False
    rows: int = 0

    def add(self, found: Findings) -> None:
        down = self.rows + 1
        self.flaws.add_all(found.flaws, down)
        self.remarks.add_all(found.remarks, down)
        self.digest.add(found.digests)
        self.lengths.add(found.lengths, down)
        if self.first_conversation is None and found.first_conversation is not None:
            self.first_conversation = found.first_conversation + down
        if self.sides and found.sides:
            self.sides.merge(found.sides)
        self.misfit = self.misfit or found.misfit
        self.records += found.records
        self.characters += found.characters
        self.rows += found.rows


@dataclass(frozen=True)
class Sinks:
    """Where converted lines go."""

    training: BinaryIO | None
    validation: BinaryIO | None = None

    def write(self, found: Findings) -> None:
        if self.training:
            self.training.write(found.training)
        if self.validation:
            self.validation.write(found.validation)

    def begin_anew(self) -> None:
        for file in (self.training, self.validation):
            if file:
                file.seek(0)
                file.truncate()


def pass_over(
    stream: Stream,
    name: str,
    wanted: Wanted,
    *,
    repeats: Repeats | None = None,
    held_out: bool = False,
    sinks: Sinks | None = None,
    engine: Engine = usual,
    watch: Watch | None = None,
    block: int = BLOCK,
) -> Totals:
    """All of a stream. ``name`` (a path or address) tells the format; where it does not, a ``{`` does.

    ``repeats`` remembers the records, as validation data where they are ``held_out``.
    """
    totals = Totals(sides=Sides(wanted.split) if wanted.split else None)
    try:
        cutter = Cutter(stream, is_csv=looks_like_csv(name, stream.begin()), size=block)
        passing = _Pass(cutter, totals, engine)
        for found in passing.findings(wanted):
            if repeats is not None:
                places = found.places | numpy.uint64(held_out)
                repeats.add(found.inputs, prefixes(found.digests), places, rows=totals.rows + 1)
            totals.add(found)
            if sinks:
                sinks.write(found)
            if watch:
                watch(stream.position)
    except Unreadable as trouble:
        totals.flaws.add(trouble.flaw)
    totals.size = stream.size
    if not totals.records and not totals.flaws:
        totals.flaws.add(Flaw("no-records", 0))
    return totals


class _Pass:
    """Drives an engine over what a cutter cuts, and begins anew where a block was cut wrongly."""

    def __init__(self, cutter: Cutter, totals: Totals, engine: Engine) -> None:
        self._cutter = cutter
        self._totals = totals
        self._engine = engine
        self._under_way: deque[Block] = deque()
        self._trouble: Unreadable | None = None

    def findings(self, wanted: Wanted) -> Iterator[Findings]:
        first, layout = self._below_header() if self._cutter.is_csv else (None, Layout())
        if layout is None:
            return
        task = Task(layout, wanted.tokens, wanted.split, wanted.conversion, examines=wanted.examines)
        blocks = chain((first,), self._cutter) if first else iter(self._cutter)
        while (yield from self._well_cut(task, blocks)):
            self._cutter.take_back(self._under_way)
            self._under_way.clear()
            blocks = iter(self._cutter)
        if self._trouble:
            raise self._trouble

    def _well_cut(self, task: Task, blocks: Iterator[Block]) -> Generator[Findings, None, bool]:
        """Ends with whether it came to a block that ends within a cell."""
        with closing(self._engine(partial(find, task=task), self._remembered(blocks))) as results:
            for _, found in results:
                if found.is_cut_off:
                    return True
                self._under_way.popleft()
                yield found
        return False

    def _remembered(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """What can be read is worked on to its end before it is told that more cannot."""
        try:
            for block in blocks:
                self._under_way.append(block)
                yield block
        except Unreadable as trouble:
            self._trouble = trouble

    def _below_header(self) -> tuple[Block | None, Layout | None]:
        for block in self._cutter:
            layout, rows, rest = below_header(block)
            self._totals.rows += rows
            if isinstance(layout, Flaw):
                self._totals.flaws.add(layout)
                return None, None
            if layout is not None:
                return rest, layout
        return None, None
