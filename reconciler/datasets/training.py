"""The data of one model: examined, checked, and converted to what its base model takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from reconciler.datasets.check import Material, limits
from reconciler.datasets.convert import fits, line
from reconciler.datasets.digest import Digest, content
from reconciler.datasets.examine import Examined, Memory, examine
from reconciler.datasets.flaws import named
from reconciler.datasets.records import Record, read
from reconciler.datasets.source import Open, Text
from reconciler.datasets.split import Sides, Split
from reconciler.domain.catalog import DatasetRules
from reconciler.domain.desired import DatasetFacts, DesiredModel, ResolvedModel, TrainingData
from reconciler.domain.diagnostic import Diagnostic, has_errors
from reconciler.domain.errors import PlanChanged


class Part(StrEnum):
    TRAINING = "training"
    VALIDATION = "validation"


def training_data(
    model: ResolvedModel, rules: DatasetRules, open: Open, *, memory: Memory | None = None
) -> tuple[TrainingData | None, tuple[Diagnostic, ...]]:
    """What the model trains on; ``None`` where an error was found. Every problem of every source is told."""
    split = Split.of(model.validation)
    training, problems = examine(open, model.training_data, split, memory=memory)
    validation: Examined | None = None
    more: tuple[Diagnostic, ...] = ()
    if model.validation.source is not None:
        validation, more = examine(open, model.validation.source, memory=memory)
    problems = (*problems, *more)
    if training is None or has_errors(problems):
        return None, problems
    material = Material(training, split, validation)
    problems = (*problems, *limits(material, rules, model.base_model))
    return (None if has_errors(problems) else material.as_training_data()), problems


def converted(model: DesiredModel, rules: DatasetRules, open: Open, part: Part) -> Iterator[bytes]:
    """The lines of one part, as the base model takes them; nothing where the model has no such part.

    Raises PlanChanged after the last line where the source no longer holds what was planned on: keep nothing of it then.
    """
    facts = _facts_of(model.data, part)
    split = Split.of(model.resolved.validation)
    if facts is None and split is None:
        return
    source = facts or model.data.training
    wanted = _side(split, part, source, open) if split and source is model.data.training else _everything
    for record, encoded in _verified(source, open):
        if not fits(record, rules.format):
            raise _changed(source)
        if wanted(encoded):
            yield line(record, rules.format)


def has_part(model: DesiredModel, part: Part) -> bool:
    return part is Part.TRAINING or model.data.validation_records > 0


def _facts_of(data: TrainingData, part: Part) -> DatasetFacts | None:
    return data.training if part is Part.TRAINING else data.validation


def _everything(encoded: bytes) -> bool:
    return True


def _side(split: Split, part: Part, facts: DatasetFacts, open: Open) -> Callable[[bytes], bool]:
    """Whether a record belongs to the part. Reads the source once: where few records are, the cutoff depends on all."""
    sides = Sides(split)
    for _, encoded in _records(facts, open):
        sides.add(split.key(encoded))
    cutoff = sides.cutoff
    return lambda encoded: (split.key(encoded) < cutoff) is (part is Part.VALIDATION)


def _verified(facts: DatasetFacts, open: Open) -> Iterator[tuple[Record, bytes]]:
    digest = Digest()
    for record, encoded in _records(facts, open):
        digest.add(encoded)
        yield record, encoded
    if str(digest) != facts.digest:
        raise _changed(facts)


def _records(facts: DatasetFacts, open: Open) -> Iterator[tuple[Record, bytes]]:
    with Text(open(facts.source)) as text:
        for found in read(text, facts.source.uri):
            if not isinstance(found, Record):
                raise _changed(facts)
            yield found, content(found)


def _changed(facts: DatasetFacts) -> PlanChanged:
    return PlanChanged(f"{named(facts.source)} changed while it was read", hint="Run the command again.")
