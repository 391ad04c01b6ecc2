"""One block → what was found in it: a pure function, and what was found in neighbours adds up. So blocks can be worked on anywhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import compress

import numpy
from numpy.typing import NDArray

from reconciler.datasets import sensitive
from reconciler.datasets.blocks import Block
from reconciler.datasets.columns import Columns, read_block
from reconciler.datasets.convert import fits, lines
from reconciler.datasets.digest import Hashes, hashes, prefixes
from reconciler.datasets.flaws import Flaws
from reconciler.datasets.layout import Layout
from reconciler.datasets.source import Flaw
from reconciler.datasets.split import Keys, Sides, Split
from reconciler.datasets.texts import Counts, Texts
from reconciler.datasets.tokens import TokenRule


@dataclass(frozen=True, slots=True)
class Longest:
    """The most tokens, and the row that has them."""

    tokens: int = 0
    row: int = 0

    def or_longer(self, other: Longest) -> Longest:
        return self if other.tokens <= self.tokens else other

    def below(self, rows: int) -> Longest:
        return Longest(tokens=self.tokens, row=self.row + rows)


@dataclass(frozen=True, slots=True)
class Conversion:
    """``cutoff``: records with a smaller key are held out; ``None``: where the split's threshold says."""

    format: str
    system: str = ""
    cutoff: int | None = None


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


_NONE = numpy.empty(0, numpy.uint64)


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
    inputs: NDArray[numpy.uint64] = field(default_factory=_NONE.copy)
    """Of each record the beginning of the digest of all but its completion."""
    places: NDArray[numpy.uint64] = field(default_factory=_NONE.copy)
    """Of each record twice its row, and one more where it is held out."""
    sides: Sides | None = None
    characters: int = 0
    lengths: Lengths = field(default_factory=Lengths)
    first_conversation: int | None = None
    training: bytes = b""
    """The converted lines."""
    validation: bytes = b""
    misfit: bool = False
    """A record does not fit the format asked for; nothing is converted then."""
    is_cut_off: bool = False


def find(block: Block, task: Task) -> Findings:
    read = read_block(block, task.layout)
    found = Findings(rows=read.rows, is_cut_off=read.is_cut_off)
    for flaw in read.flaws:
        found.flaws.add(flaw)
    columns = read.columns
    if read.is_cut_off or not len(columns):
        return found
    hashed = hashes(columns)
    keys = task.split.keys(hashed.records) if task.split else numpy.zeros(len(columns), numpy.uint64)
    _identify(found, columns, hashed, keys, task.split)
    if task.examines:
        _examine(found, columns, task.tokens)
    if task.conversion:
        _convert(found, columns, keys < _cutoff(task), task.conversion)
    return found


def _cutoff(task: Task) -> int:
    if task.split is None:
        return 0
    told = task.conversion.cutoff if task.conversion else None
    return task.split.threshold if told is None else told


def _identify(found: Findings, columns: Columns, hashed: Hashes, keys: Keys, split: Split | None) -> None:
    found.records = len(columns)
    found.digests, found.inputs = hashed.records, prefixes(hashed.inputs)
    found.first_conversation = min((columns.rows[each] for each in columns.before), default=None)
    found.places = numpy.fromiter(columns.rows, numpy.uint64, len(columns)) * 2
    if split:
        found.sides = Sides(split)
        found.sides.add(keys)
        found.places += keys < split.threshold


def _examine(found: Findings, columns: Columns, rule: TokenRule) -> None:
    given = _with_before(columns) if columns.before else columns.prompts
    found.characters = given.characters + columns.completions.characters
    inputs, outputs = rule.count(given), rule.count(columns.completions)
    both = inputs + outputs
    found.lengths = Lengths(_counted(both), *(_longest(tokens, columns) for tokens in (inputs, outputs, both)))
    for kind, row in sensitive.found(columns):
        found.remarks.add(Flaw(kind, row))


def _with_before(columns: Columns) -> Texts:
    given = list(columns.prompts.decoded)
    for position, before in columns.before.items():
        given[position] = "".join((*before.texts, given[position]))
    return Texts(given)


def _counted(tokens: Counts) -> Counter[int]:
    figures, records = numpy.unique(tokens, return_counts=True)
    return Counter(dict(zip(figures.tolist(), records.tolist(), strict=True)))


def _longest(tokens: Counts, columns: Columns) -> Longest:
    position = int(tokens.argmax())
    return Longest(tokens=int(tokens[position]), row=columns.rows[position])


def _convert(found: Findings, columns: Columns, held_out: NDArray[numpy.bool], how: Conversion) -> None:
    if not fits(columns, how.format):
        found.misfit = True
        return
    made = lines(columns, how.format, how.system)
    found.training = b"".join(compress(made, (~held_out).tolist()))
    found.validation = b"".join(compress(made, held_out.tolist()))
