"""One pass over a source: what is in it, and everything that is wrong with it."""

from __future__ import annotations

from typing import Protocol

from reconciler.datasets.digest import Digest, content
from reconciler.datasets.flaws import Flaws
from reconciler.datasets.records import Record, read
from reconciler.datasets.source import Flaw, Open, Text
from reconciler.datasets.split import Sides, Split
from reconciler.datasets.tokens import NOTE, estimated_tokens
from reconciler.domain.base import Value
from reconciler.domain.desired import DatasetFacts, DatasetSource
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.errors import InvalidInput


class Longest(Value):
    """The largest estimate of tokens, and the row that has it."""

    tokens: int = 0
    row: int = 0

    def or_longer(self, tokens: int, row: int) -> Longest:
        return self if tokens <= self.tokens else Longest(tokens=tokens, row=row)


class Examined(Value):
    """What one pass found in sound data. It depends on the content and the split only, so it can be kept."""

    facts: DatasetFacts
    validation_records: int = 0
    """Held out by the split; 0 without one."""
    first_conversation: int | None = None
    """The first row with a system text or earlier turns."""
    longest_input: Longest = Longest()
    longest_output: Longest = Longest()
    longest_record: Longest = Longest()


class Memory(Protocol):
    """Remembers what was found in sources that have not changed since."""

    def recall(self, source: DatasetSource, split: Split | None) -> Examined | None: ...

    def remember(self, source: DatasetSource, split: Split | None, examined: Examined) -> None: ...


class NoMemory:
    def recall(self, source: DatasetSource, split: Split | None) -> Examined | None:
        return None

    def remember(self, source: DatasetSource, split: Split | None, examined: Examined) -> None:
        pass


def examine(
    open: Open, source: DatasetSource, split: Split | None = None, *, memory: Memory | None = None
) -> tuple[Examined | None, tuple[Diagnostic, ...]]:
    """All of a source. ``None`` where it cannot be read or has flaws, which the diagnostics tell all at once."""
    memory = memory or NoMemory()
    if known := memory.recall(source, split):
        return known.model_copy(update={"facts": known.facts.model_copy(update={"source": source})}), ()
    try:
        examined, problems = _read_through(open, source, split)
    except InvalidInput as trouble:
        return None, trouble.diagnostics
    if examined is not None:
        memory.remember(source, split, examined)
    return examined, problems


def _read_through(
    open: Open, source: DatasetSource, split: Split | None
) -> tuple[Examined | None, tuple[Diagnostic, ...]]:
    tally, flaws = _Tally(split), Flaws()
    with Text(open(source)) as text:
        for found in read(text, source.uri):
            if isinstance(found, Record):
                tally.add(found)
            else:
                flaws.add(found)
    if not tally.records and not flaws:
        flaws.add(Flaw("no-records", 0))
    return (None, flaws.diagnostics(source)) if flaws else (tally.examined(source, text.size), ())


class _Tally:
    """What is counted while the records pass by."""

    def __init__(self, split: Split | None) -> None:
        self.records = self._characters = self._tokens = 0
        self._digest = Digest()
        self._split = split
        self._sides = Sides(split) if split else None
        self._first_conversation: int | None = None
        self._input = self._output = self._both = Longest()

    def add(self, record: Record) -> None:
        encoded = content(record)
        self.records += 1
        self._digest.add(encoded)
        if self._split and self._sides:
            self._sides.add(self._split.key(encoded))
        if record.is_conversation and self._first_conversation is None:
            self._first_conversation = record.row
        self._measure(record)

    def _measure(self, record: Record) -> None:
        given = [record.prompt, record.system, *(text for exchange in record.earlier for text in exchange)]
        input_tokens = estimated_tokens(sum(_utf8_length(text) for text in given))
        output_tokens = estimated_tokens(_utf8_length(record.completion))
        self._characters += sum(map(len, given)) + len(record.completion)
        self._tokens += input_tokens + output_tokens
        self._input = self._input.or_longer(input_tokens, record.row)
        self._output = self._output.or_longer(output_tokens, record.row)
        self._both = self._both.or_longer(input_tokens + output_tokens, record.row)

    def examined(self, source: DatasetSource, size: int) -> Examined:
        facts = DatasetFacts(
            source=source,
            digest=str(self._digest),
            records=self.records,
            size_bytes=size,
            characters=self._characters,
            tokens=self._tokens,
            tokens_note=NOTE,
        )
        return Examined(
            facts=facts,
            validation_records=self._sides.validation if self._sides else 0,
            first_conversation=self._first_conversation,
            longest_input=self._input,
            longest_output=self._output,
            longest_record=self._both,
        )


def _utf8_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
