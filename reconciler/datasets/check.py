"""Whether sound data is what a base model takes: its format and the limits of its DatasetRules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.datasets.examine import Examined, Longest
from reconciler.datasets.flaws import named
from reconciler.datasets.split import Split
from reconciler.domain.catalog import DatasetRules
from reconciler.domain.desired import TrainingData
from reconciler.domain.diagnostic import Diagnostic, error, warning


@dataclass(frozen=True)
class Material:
    """The data of one training, as it was examined. ``validation`` is a source of its own."""

    training: Examined
    split: Split | None = None
    validation: Examined | None = None

    def as_training_data(self) -> TrainingData:
        held_out = self.training.validation_records
        return TrainingData(
            training=self.training.facts,
            validation=self.validation.facts if self.validation else None,
            training_records=self.training.facts.records - held_out,
            validation_records=self.validation.facts.records if self.validation else held_out,
        )


def limits(material: Material, rules: DatasetRules, model: str) -> tuple[Diagnostic, ...]:
    """Everything that the rules object to. ``model``: how the base model is called."""
    sources = [each for each in (material.training, material.validation) if each]
    return (
        *_split_problems(material),
        *_count_problems(material, rules, model),
        *_size_problems(material, rules, model),
        *(problem for examined in sources for problem in _format_problems(examined, rules, model)),
        *(problem for examined in sources for problem in _length_problems(examined, rules, model)),
    )


def _split_problems(material: Material) -> Iterator[Diagnostic]:
    facts = material.training.facts
    if material.split and not material.training.validation_records:
        yield error(
            "nothing-to-split",
            "No record can be held out for validation",
            detail=f"{named(facts.source)} has {facts.records:,} records, all of them equal.",
            hint="add records, or leave out dataset.validation",
            where=facts.source.where,
        )
    if material.validation and material.validation.facts.digest == facts.digest:
        yield warning(
            "validation-is-training",
            "Validation data is the training data",
            detail=f"{named(material.validation.facts.source)} has the same records as {named(facts.source)}: its loss says nothing.",
            hint="use other records, or `validation: {split: 10%}`",
            where=material.validation.facts.source.where,
        )


def _count_problems(material: Material, rules: DatasetRules, model: str) -> Iterator[Diagnostic]:
    data = material.as_training_data()
    together = rules.records_count_validation
    count = data.training_records + (data.validation_records if together else 0)
    what = "training and validation records together" if together else "training records"
    told = f"{named(data.training.source)} gives {count:,} {what}{_after_split(material)}; {model}"
    where = data.training.source.where
    if rules.min_records is not None and count < rules.min_records:
        detail = f"{told} needs at least {rules.min_records:,}."
        yield error("too-few-records", "Too few records", detail=detail, hint="add records", where=where)
    if rules.max_records is not None and count > rules.max_records:
        detail = f"{told} takes at most {rules.max_records:,}."
        yield error("too-many-records", "Too many records", detail=detail, hint="use fewer records", where=where)
    if rules.max_validation_records is not None and data.validation_records > rules.max_validation_records:
        yield _too_many_for_validation(data, rules.max_validation_records, model)


def _after_split(material: Material) -> str:
    return f" after {material.split.percent}% are held out" if material.split else ""


def _too_many_for_validation(data: TrainingData, most: int, model: str) -> Diagnostic:
    source = data.validation.source if data.validation else data.training.source
    return error(
        "too-many-records",
        "Too many records",
        detail=f"{named(source)} gives {data.validation_records:,} validation records; {model} takes at most {most:,}.",
        hint="use fewer records" if data.validation else "hold out a smaller share",
        where=source.where,
    )


def _size_problems(material: Material, rules: DatasetRules, model: str) -> Iterator[Diagnostic]:
    bounds = ((material.training, rules.max_training_bytes), (material.validation, rules.max_validation_bytes))
    for examined, limit in bounds:
        if examined and limit is not None and examined.facts.size_bytes > limit:
            facts = examined.facts
            told = f"{named(facts.source)} has {facts.size_bytes:,} bytes; {model} takes at most {limit:,}."
            yield error("too-large", "Too much data", detail=told, hint="use fewer records", where=facts.source.where)


def _format_problems(examined: Examined, rules: DatasetRules, model: str) -> Iterator[Diagnostic]:
    if rules.format == "prompt-completion" and examined.first_conversation is not None:
        source = examined.facts.source
        yield error(
            "conversation-not-supported",
            "The base model takes no conversations",
            detail=f"{named(source)}: row {examined.first_conversation:,} has a system text or several turns; {model} takes a prompt "
            "and a completion only.",
            hint="write the whole context into `prompt`, or choose a base model for conversations",
            where=source.where,
        )


def _length_problems(examined: Examined, rules: DatasetRules, model: str) -> Iterator[Diagnostic]:
    bounds: tuple[tuple[str, Longest, int | None], ...] = (
        ("input", examined.longest_input, rules.max_input_tokens),
        ("completion", examined.longest_output, rules.max_output_tokens),
        ("record", examined.longest_record, rules.max_tokens_per_record),
    )
    for what, longest, limit in bounds:
        if limit is not None and longest.tokens > limit:
            source = examined.facts.source
            yield warning(
                "record-may-be-too-long",
                "A record may have too many tokens",
                detail=f"{named(source)}: the {what} of row {longest.row:,} has about {longest.tokens:,} tokens (an estimate); "
                f"{model} takes at most {limit:,}.",
                hint="shorten or remove long rows",
                where=source.where,
            )
