"""Sources looked through: what is in them, and everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from reconciler.datasets.engines import Engine, usual
from reconciler.datasets.errors import errors
from reconciler.datasets.findings import Longest
from reconciler.datasets.passing import Sinks, Totals, Wanted, Watch, pass_over
from reconciler.datasets.remarks import Remark, remarks
from reconciler.datasets.repeats import Repeated, Repeats, Tally
from reconciler.datasets.source import Stream
from reconciler.datasets.split import Split
from reconciler.datasets.statistics import Spread
from reconciler.datasets.tokens import ROUGHLY, TokenRule
from reconciler.domain.base import Value
from reconciler.domain.desired import DatasetFacts, DatasetSource
from reconciler.domain.diagnostic import Diagnostic, has_errors
from reconciler.domain.errors import InvalidInput

Open = Callable[[DatasetSource], BinaryIO]
"""Opens a source from its beginning, as often as asked. Raises InvalidInput where there is nothing to read."""

Watching = Callable[[DatasetSource], Watch]
"""Who watches a source while it is read."""


class Examined(Value):
    """What was found in a source. It depends on its content and on what was asked only, so it can be kept."""

    facts: DatasetFacts
    validation_records: int = 0
    """Held out by the split; 0 without one."""
    first_conversation: int | None = None
    """The first row with a system text or earlier turns."""
    longest_input: Longest = Longest()
    longest_output: Longest = Longest()
    longest_record: Longest = Longest()
    spread: Spread = Spread()
    """Tokens of the records."""
    exact_tokens: bool = False
    remarks: tuple[Remark, ...] = ()
    """What is no error."""


@dataclass(frozen=True)
class Question:
    """What is asked about a source: what was found once answers it as long as the sources are the same."""

    source: DatasetSource
    split: Split | None = None
    tokens: TokenRule = ROUGHLY
    against: DatasetSource | None = None
    """Validation data that must not have the same prompts."""

    def __str__(self) -> str:
        against = self.against.uri if self.against else ""
        parts = (self.source.uri, self.split or "whole", self.tokens.key, against)
        return " ".join(str(part) for part in parts if part)


class Memory(Protocol):
    """Remembers what was found in sources that have not changed since."""

    def recall(self, question: Question) -> Examined | None: ...

    def remember(self, question: Question, examined: Examined) -> None: ...


class NoMemory:
    def recall(self, question: Question) -> Examined | None:
        return None

    def remember(self, question: Question, examined: Examined) -> None:
        pass


@dataclass(frozen=True)
class Reading:
    """How sources are read."""

    open: Open
    engine: Engine = usual
    watching: Watching | None = None

    def passed(
        self,
        source: DatasetSource,
        wanted: Wanted,
        *,
        repeats: Repeats | None = None,
        held_out: bool = False,
        sinks: Sinks | None = None,
    ) -> Totals:
        """As :func:`pass_over`. Raises InvalidInput where there is nothing to read."""
        with Stream(self.open(source)) as stream:
            watch = self.watching(source) if self.watching else None
            return pass_over(
                stream,
                source.uri,
                wanted,
                repeats=repeats,
                held_out=held_out,
                sinks=sinks,
                engine=self.engine,
                watch=watch,
            )


@dataclass(frozen=True)
class Looking(Reading):
    """How sources are looked through."""

    tokens: TokenRule = ROUGHLY
    memory: Memory = field(default_factory=NoMemory)


@dataclass(frozen=True)
class Seen:
    """``examined``: ``None`` where nothing could be read. With flaws it tells of what is sound. ``problems``: errors alone."""

    examined: Examined | None
    problems: tuple[Diagnostic, ...] = ()

    @property
    def sound(self) -> Examined | None:
        return None if has_errors(self.problems) else self.examined


def look(
    how: Looking, training: DatasetSource, split: Split | None = None, validation: DatasetSource | None = None
) -> tuple[Seen, Seen | None]:
    """Training data, and validation data where it is a source of its own. What is remembered of both is not read again."""
    questions = [Question(training, split, how.tokens, validation)]
    questions += [Question(validation, tokens=how.tokens)] if validation else []
    known = [how.memory.recall(question) for question in questions]
    if all(known):
        seen = [Seen(_of(each, question.source)) for each, question in zip(known, questions, strict=True) if each]
    else:
        seen = _look_through(how, questions)
    return seen[0], seen[1] if validation else None


def examine(
    open: Open, source: DatasetSource, split: Split | None = None, *, memory: Memory | None = None
) -> tuple[Examined | None, tuple[Diagnostic, ...]]:
    """All of one source. ``None`` where it cannot be read or has flaws, which the diagnostics tell all at once."""
    seen, _ = look(Looking(open, memory=memory or NoMemory()), source, split)
    return seen.sound, seen.problems


def _look_through(how: Looking, questions: Sequence[Question]) -> list[Seen]:
    with Repeats() as repeats:
        passed = [_passed(how, question, repeats, held_out=number > 0) for number, question in enumerate(questions)]
        repeated = repeats.found()
    seen = [_seen(*each) for each in zip(questions, passed, _by_source(repeated, len(questions)), strict=True)]
    for question, each in zip(questions, seen, strict=True):
        if each.sound:
            how.memory.remember(question, each.sound)
    return seen


def _by_source(repeated: Repeated, sources: int) -> list[tuple[Tally, Tally]]:
    """Duplicates and leaks: what a split holds out is of the training data's source; a leak is told there too."""
    if sources == 1:
        return [(repeated.trained + repeated.held_out, repeated.leaks)]
    return [(repeated.trained, repeated.leaks), (repeated.held_out, Tally())]


def _passed(how: Looking, question: Question, repeats: Repeats, *, held_out: bool) -> Totals | tuple[Diagnostic, ...]:
    """The diagnostics where nothing is there to read."""
    try:
        wanted = Wanted(question.split, question.tokens)
        return how.passed(question.source, wanted, repeats=repeats, held_out=held_out)
    except InvalidInput as trouble:
        return trouble.diagnostics


def _seen(question: Question, passed: Totals | tuple[Diagnostic, ...], repeated: tuple[Tally, Tally]) -> Seen:
    if isinstance(passed, tuple):
        return Seen(None, passed)
    return Seen(_examined(passed, question, remarks(passed.remarks, *repeated)), errors(passed.flaws, question.source))


def _examined(totals: Totals, question: Question, noticed: tuple[Remark, ...]) -> Examined:
    spread = Spread.of(totals.lengths.counts)
    facts = DatasetFacts(
        source=question.source,
        digest=str(totals.digest),
        records=totals.records,
        size_bytes=totals.size,
        characters=totals.characters,
        tokens=spread.total,
        tokens_note=question.tokens.note,
    )
    return Examined(
        facts=facts,
        validation_records=totals.sides.validation if totals.sides else 0,
        first_conversation=totals.first_conversation,
        longest_input=totals.lengths.input,
        longest_output=totals.lengths.output,
        longest_record=totals.lengths.record,
        spread=spread,
        exact_tokens=question.tokens.is_exact,
        remarks=noticed,
    )


def _of(known: Examined, source: DatasetSource) -> Examined:
    """As it was found, told of the source that was asked about: the same data may be named in several places."""
    return known.model_copy(update={"facts": known.facts.model_copy(update={"source": source})})
