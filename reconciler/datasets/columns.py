"""A block → its records in columns, and what is wrong with the others.

Well-formed blocks are read at once: CSV by Arrow where it is installed, else by the csv module, JSON by orjson or the json
module. A block with anything wrong in it is read a second time, row by row, to tell every flaw. Both ways find the same records.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconciler.datasets import arrow
from reconciler.datasets.blocks import Block, is_cut_off
from reconciler.datasets.encodings import likely_encoding
from reconciler.datasets.layout import Layout
from reconciler.datasets.records import Before, Record, checked, json_record, value_record
from reconciler.datasets.source import MAX_LINE, Flaw
from reconciler.datasets.texts import Texts

try:
    from orjson import loads as _loads
except ImportError:

    def _loads(line: bytes | bytearray | memoryview | str, /) -> Any:
        return json.loads(bytes(line).decode() if not isinstance(line, str) else line)


@dataclass(frozen=True)
class Columns:
    """Records side by side. Rows count from 0, the first of the block."""

    rows: Sequence[int]
    prompts: Texts
    completions: Texts
    before: Mapping[int, Before] = field(default_factory=dict)
    """Of conversations, by position."""

    @classmethod
    def of(cls, records: Sequence[Record]) -> Columns:
        before = {
            position: Before(record.system, record.earlier)
            for position, record in enumerate(records)
            if record.is_conversation
        }
        prompts, completions = [record.prompt for record in records], [record.completion for record in records]
        return cls([record.row for record in records], Texts(prompts), Texts(completions), before)

    def __len__(self) -> int:
        return len(self.rows)

    def records(self) -> Iterator[Record]:
        pairs = zip(self.prompts.decoded, self.completions.decoded, self.rows, strict=True)
        for position, (prompt, completion, row) in enumerate(pairs):
            yield Record(prompt, completion, row, *self.before.get(position, ()))


class Read(NamedTuple):
    columns: Columns
    rows: int
    """Of the block, whatever they hold."""
    flaws: tuple[Flaw, ...] = ()
    is_cut_off: bool = False
    """The block ends within a quoted cell."""


def read_block(block: Block, layout: Layout) -> Read:
    """Of a block that is not the last and comes back ``is_cut_off``, nothing may be used: see ``Cutter.take_back``."""
    quick = _quick_csv(block, layout) if layout.is_csv else _quick_json(block.data)
    if quick is not None:
        return quick
    return _careful(_csv_rows(block, layout) if layout.is_csv else _json_rows(block), block)


def _quick_csv(block: Block, layout: Layout) -> Read | None:
    """``None``: something may be wrong."""
    if len(block.data) > MAX_LINE:
        return None
    try:
        pairs = arrow.pairs(block, layout) or _by_reader(block.data, layout)
    except (UnicodeDecodeError, csv.Error):
        return None
    if not pairs or not all(texts.all_say_something for texts in pairs):
        return None
    return Read(Columns(range(len(pairs[0])), *pairs), len(pairs[0]))


def _by_reader(data: bytes, layout: Layout) -> tuple[Texts, Texts] | None:
    rows = list(csv.reader(io.StringIO(data.decode(), newline="\n"), strict=True))
    if {*map(len, rows)} - {layout.width}:
        return None
    return Texts([row[layout.prompt] for row in rows]), Texts([row[layout.completion] for row in rows])


def _quick_json(data: bytes) -> Read | None:
    lines = data.split(b"\n")
    last = lines.pop()
    if last:
        lines.append(last)
    try:
        values: list[Any] = list(map(_loads, lines))
    except (ValueError, RecursionError):
        return None
    if b"\\ud" in data or b"\\uD" in data:
        return None
    return _all_sound([value_record(value, row) for row, value in enumerate(values)])


def _all_sound(found: list[Record | Flaw]) -> Read | None:
    records = [each for each in found if isinstance(each, Record)]
    return Read(Columns.of(records), len(found)) if len(records) == len(found) else None


_Rows = Iterator[Record | Flaw | int]
"""Records and flaws in their order, and at the end how many rows there were."""


def _careful(rows: _Rows, block: Block) -> Read:
    records, flaws, count = list[Record](), list[Flaw](), 0
    for found in rows:
        match found:
            case Record():
                records.append(found)
            case Flaw():
                flaws.append(found)
            case int():
                count = found
    cut_off = any(flaw.detail.endswith(_CUT_OFF) for flaw in flaws)
    return Read(Columns.of(records), count, tuple(flaws), is_cut_off=cut_off and not block.is_last)


_CUT_OFF = "unexpected end of data"


def _csv_rows(block: Block, layout: Layout) -> _Rows:
    lines = _Lines(block)
    reader = csv.reader(lines, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as trouble:
            if is_cut_off(trouble) and not block.is_last:
                yield Flaw("bad-quoting", lines.row, _CUT_OFF)
                return
            yield Flaw("bad-quoting", lines.row, str(trouble))
        else:
            if len(cells) == layout.width:
                yield checked(Record(cells[layout.prompt], cells[layout.completion], lines.row))
            elif cells:
                yield Flaw("wrong-cells", lines.row, f"{len(cells)} cells, the header has {layout.width}")
        lines.row += 1
    yield from lines.flaws
    yield lines.row


def _json_rows(block: Block) -> _Rows:
    lines = _Lines(block)
    for line in lines:
        if line.strip():
            yield json_record(line, lines.row)
        lines.row += 1
    yield from lines.flaws
    yield lines.row


class _Lines:
    """The lines of a block as text. What is not UTF-8 comes as U+FFFD, and is told in ``flaws`` with the ``row`` that reads it."""

    def __init__(self, block: Block) -> None:
        self.row = 0
        self.flaws: list[Flaw] = []
        self._offset = block.offset
        self._lines = iter(io.BytesIO(block.data))

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._offset += len(line)
        try:
            return line.decode()
        except UnicodeDecodeError as wrong:
            self.flaws.append(self._undecodable(line, wrong.start))
            return line.decode(errors="replace")

    def _undecodable(self, line: bytes, start: int) -> Flaw:
        offset = self._offset - len(line) + start
        likely = likely_encoding(line)
        return Flaw("not-utf-8", self.row, f"byte 0x{line[start]:02x} at offset {offset:,}, likely {likely}")
