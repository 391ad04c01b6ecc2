"""One block → what was found in it: a pure function, and what was found in neighbours adds up. So blocks can be worked on anywhere."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import compress
from operator import not_
from pathlib import Path
from uuid import uuid4

from reconciler.datasets import sensitive
from reconciler.datasets.blocks import Block
from reconciler.datasets.columns import Columns, read_block
from reconciler.datasets.convert import fits, lines
from reconciler.datasets.digest import Hashes, hashes, prefixes
from reconciler.datasets.flaws import Flaws
from reconciler.datasets.layout import Layout
from reconciler.datasets.source import Flaw
from reconciler.datasets.split import Sides, Split
from reconciler.datasets.tokens import TokenRule
from reconciler.domain.base import Value


class Longest(Value):
    """The most tokens, and the row that has them."""

    tokens: int = 0
    row: int = 0

    def or_longer(self, other: Longest) -> Longest:
        return self if other.tokens <= self.tokens else other

    def below(self, rows: int) -> Longest:
        return Longest(tokens=self.tokens, row=self.row + rows)


@dataclass(frozen=True, slots=True)
class Conversion:
    """``cutoff``: records with a smaller key are held out; ``None``: where the split's threshold says.

    ``folder``: where the lines of each block are left for whoever puts them together, and which all who work can reach; without it
    they come back with what was found.
    """

    format: str
    system: str = ""
    cutoff: int | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be found, the same for every block of a source."""

    layout: Layout
    tokens: TokenRule
    split: Split | None = None
    conversion: Conversion | None = None
    examines: bool = True
    """Whether tokens are counted, and secrets and repetitions looked for."""


@dataclass
class Lengths:
    """Tokens of the records: how many have how many, and the longest."""

    counts: Counter[int] = field(default_factory=Counter)
    input: Longest = field(default_factory=Longest)
    output: Longest = field(default_factory=Longest)
    record: Longest = field(default_factory=Longest)

    def add(self, other: Lengths, rows: int) -> None:
        """``other``: of what comes ``rows`` rows further down."""
        self.counts.update(other.counts)
        self.input = self.input.or_longer(other.input.below(rows))
        self.output = self.output.or_longer(other.output.below(rows))
        self.record = self.record.or_longer(other.record.below(rows))


@dataclass
class Findings:
    """Rows count from the beginning of the block."""

    rows: int = 0
    flaws: Flaws = field(default_factory=Flaws)
    remarks: Flaws = field(default_factory=Flaws)
    """What is no error."""
    records: int = 0
    digests: bytes = b""
    """Of the records, 32 bytes each."""
    inputs: array[int] = field(default_factory=lambda: array("Q"))
    """Of each record the beginning of the digest of all but its completion."""
    hashes: array[int] = field(default_factory=lambda: array("Q"))
    """Of each record the beginning of its digest."""
    places: array[int] = field(default_factory=lambda: array("Q"))
    """Of each record twice its row, and one more where it is held out."""
    sides: Sides | None = None
    characters: int = 0
    lengths: Lengths = field(default_factory=Lengths)
    first_conversation: int | None = None
    training: bytes = b""
    """The converted lines."""
    validation: bytes = b""
    left: tuple[str, str] | None = None
    """Files with them instead."""
    misfit: bool = False
    """A record does not fit the format asked for; nothing is converted then."""
    is_cut_off: bool = False


def find(block: Block, task: Task) -> Findings:
    read = read_block(block, task.layout)
    found = Findings(rows=read.rows, is_cut_off=read.is_cut_off)
    for flaw in read.flaws:
        found.flaws.add(flaw)
    columns = read.columns
    if read.is_cut_off or not columns.prompts:
        return found
    prompts, completions = [*map(str.encode, columns.prompts)], [*map(str.encode, columns.completions)]
    hashed = hashes(columns, prompts, completions)
    keys = task.split.keys(hashed.records) if task.split else []
    _identify(found, columns, hashed, keys, task)
    if task.examines:
        _examine(found, columns, prompts, completions, task.tokens)
    if task.conversion:
        _convert(found, columns, keys, task.conversion, task.split)
        if task.conversion.folder:
            _leave(found, Path(task.conversion.folder, f"{block.offset}.{uuid4().hex}"))
    return found


def _identify(found: Findings, columns: Columns, hashed: Hashes, keys: list[int], task: Task) -> None:
    found.records = len(columns.prompts)
    found.digests = b"".join(hashed.records)
    found.inputs, found.hashes = prefixes(hashed.inputs), prefixes(hashed.records)
    found.first_conversation = min((columns.rows[each] for each in columns.before), default=None)
    if task.split is None:
        found.places = array("Q", [row * 2 for row in columns.rows])
    else:
        found.sides = Sides(task.split)
        found.sides.add(keys)
        held_out = map(task.split.threshold.__gt__, keys)
        found.places = array("Q", [row * 2 + is_held for row, is_held in zip(columns.rows, held_out, strict=True)])


def _examine(
    found: Findings, columns: Columns, prompts: list[bytes], completions: list[bytes], rule: TokenRule
) -> None:
    given, encoded = columns.prompts, prompts
    if columns.before:
        given, encoded = _with_before(columns)
    found.characters = sum(map(len, given)) + sum(map(len, columns.completions))
    inputs, outputs = rule.count(given, encoded), rule.count(columns.completions, completions)
    both = [more + less for more, less in zip(inputs, outputs, strict=True)]
    found.lengths = Lengths(Counter(both), *(_longest(tokens, columns) for tokens in (inputs, outputs, both)))
    for kind, row in sensitive.found(columns):
        found.remarks.add(Flaw(kind, row))


def _with_before(columns: Columns) -> tuple[list[str], list[bytes]]:
    given = list(columns.prompts)
    for position, before in columns.before.items():
        given[position] = "".join((*before.texts, given[position]))
    return given, [*map(str.encode, given)]


def _longest(tokens: list[int], columns: Columns) -> Longest:
    most = max(tokens)
    return Longest(tokens=most, row=columns.rows[tokens.index(most)])


def _convert(found: Findings, columns: Columns, keys: list[int], how: Conversion, split: Split | None) -> None:
    if not fits(columns, how.format):
        found.misfit = True
        return
    made = lines(columns, how.format, how.system)
    if split is None:
        found.training = b"".join(made)
    else:
        held_out = [*map((split.threshold if how.cutoff is None else how.cutoff).__gt__, keys)]
        found.training = b"".join(compress(made, map(not_, held_out)))
        found.validation = b"".join(compress(made, held_out))


def _leave(found: Findings, stem: Path) -> None:
    """Under names of their own: who works on a block twice, since it was cut wrongly or a worker died, overwrites nothing."""
    files = stem.with_suffix(".training"), stem.with_suffix(".validation")
    files[0].write_bytes(found.training)
    files[1].write_bytes(found.validation)
    found.training = found.validation = b""
    found.left = str(files[0]), str(files[1])
