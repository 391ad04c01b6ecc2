"""A stream, cut into blocks of whole records that can be worked on apart from each other."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy

from reconciler.datasets.source import MAX_LINE, Flaw, Stream, Unreadable

BLOCK = 1024 * 1024
"""Bytes, about. Large enough that what is done once a block does not count, small enough that several fit into little memory."""

csv.field_size_limit(MAX_LINE)  # of the whole process: the module has no other way; its default is 131,072 characters


class Block(NamedTuple):
    """Whole records, from ``offset`` on. The last one ends where the data ends, in the middle of a record or not."""

    offset: int
    data: bytes
    is_last: bool = False
    path: str | None = None
    """A file that holds the same bytes at the same offset."""


class Place(NamedTuple):
    """Of a block that whoever works on it reads for himself: sent instead of what it holds."""

    block: Block
    length: int

    @classmethod
    def of(cls, block: Block) -> Block | Place:
        """The block itself where no file holds it."""
        return cls(block._replace(data=b""), len(block.data)) if block.path else block

    def read(self) -> Block:
        assert self.block.path is not None
        with open(self.block.path, "rb") as file:
            file.seek(self.block.offset)
            return self.block._replace(data=file.read(self.length))


class Cutter:
    """Cuts JSON Lines at any line feed, CSV at one that lies outside of quotes.

    In CSV that is where the quotes before it are even in number: quick to see, and right in all well-formed data where quotes stand
    only around cells and doubled within them. Where a block turns out to end within a cell after all, :meth:`take_back` has it
    cut anew by the csv module itself, and so all that follows.
    """

    def __init__(self, stream: Stream, *, is_csv: bool, size: int = BLOCK) -> None:
        self._stream = stream
        self.is_csv = is_csv
        self._size = size
        self._rest = b""
        self._offset = stream.size
        self._by_reader = False

    def __iter__(self) -> Iterator[Block]:
        """May be begun again after :meth:`take_back`."""
        wanted = self._size
        while True:
            more = self._stream.read(max(0, wanted - len(self._rest)))
            is_last = len(self._rest) + len(more) < wanted
            data = self._rest + more
            end = len(data) if is_last else self._end_of_records(data)
            if end or is_last:
                self._rest = data[end:]
                block = Block(self._offset, data[:end], is_last, self._stream.path)
                self._offset += end
                wanted = self._size
                yield block
                if is_last:
                    return
            else:
                self._rest = data
                wanted = len(data) * 2

    def take_back(self, blocks: Collection[Block]) -> None:
        """Blocks that came one after the other, the last of them last."""
        self._rest = b"".join(block.data for block in blocks) + self._rest
        self._offset = next(iter(blocks)).offset
        self._by_reader = True

    def _end_of_records(self, data: bytes) -> int:
        """0: not one is whole."""
        newline = data.rfind(b"\n")
        if len(data) - newline > MAX_LINE:
            told = f"a line beyond byte {self._offset + newline + 1:,} has more than {MAX_LINE:,}"
            raise Unreadable(Flaw("line-too-long", 0, told))
        if not self.is_csv:
            return newline + 1
        if self._by_reader:
            return _end_by_reader(data[: newline + 1])
        end = _end_outside_quotes(data)
        if not end and len(data) > MAX_LINE:
            self._by_reader = True
            return _end_by_reader(data[: newline + 1])
        return end


def _end_outside_quotes(data: bytes) -> int:
    before, end = int(numpy.count_nonzero(numpy.frombuffer(data, numpy.uint8) == ord('"'))), len(data)
    while newline := data.rfind(b"\n", 0, end) + 1:
        before -= data.count(b'"', newline, end)
        if before % 2 == 0:
            return newline
        end = newline - 1
    return 0


def _end_by_reader(data: bytes) -> int:
    """As the csv module reads: after what it cannot read it goes on at the next line."""
    lines = data.decode("latin-1").split("\n")[
        :-1
    ]  # every byte a character: quotes, commas and line feeds are themselves
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    whole = 0
    while True:
        try:
            next(reader)
        except StopIteration:
            return sum(len(line) + 1 for line in lines[:whole])
        except csv.Error as trouble:
            if is_cut_off(trouble):
                continue
        whole = reader.line_num


def is_cut_off(trouble: csv.Error) -> bool:
    """The data ended within a quoted cell."""
    return str(trouble) == "unexpected end of data"
