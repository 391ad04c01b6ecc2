"""Whether sound data is what a base model takes: its format and the limits of its DatasetRules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reconciler.datasets.errors import named
from reconciler.datasets.examine import Examined
from reconciler.datasets.findings import Longest
from reconciler.datasets.remarks import reserved
from reconciler.datasets.split import Split
from reconciler.domain.catalog import DatasetRules, FoundationModel, ProviderName
from reconciler.domain.desired import ResolvedModel, TrainingData
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


@dataclass(frozen=True)
class Demands:
    """What a training asks of its data. ``model``: how the base model is called."""

    rules: DatasetRules
    model: str
    context: int | None = None
    """Tokens that the base model can attend to; what is beyond in a record is cut off."""
    batch: int | None = None
    """Records of one step over all instances."""


def usual_demands(base: FoundationModel, provider: ProviderName) -> Demands:
    """What every training of a base model asks."""
    context = base.architecture.max_position_embeddings if base.architecture else None
    return Demands(rules=base.dataset[provider], model=base.key, context=context)


def demands(model: ResolvedModel, base: FoundationModel) -> Demands:
    """What a model's base model and resources ask of its data. Batches of Bedrock are the service's own affair."""
    resources, batch = model.resources, model.hyperparameters.batch_size
    usual = usual_demands(base, model.provider)
    return replace(
        usual,
        model=model.root,
        rules=usual.rules.model_copy(update={"max_tokens_per_record": _token_limit(usual.rules, batch)}),
        batch=batch * resources.instance_count if resources and batch else None,
    )


def _token_limit(rules: DatasetRules, batch: int | None) -> int | None:
    by_batch = (
        each.tokens
        for each in rules.max_tokens_by_batch_size
        if batch is not None and each.batch_size_from <= batch <= each.batch_size_to
    )
    return next(by_batch, rules.max_tokens_per_record)


def limits(material: Material, demands: Demands, *, is_sound: bool = True) -> tuple[Diagnostic, ...]:
    """Everything that is demanded and not so. Of data that is not sound: without what its missing records would change."""
    rules, model = demands.rules, demands.model
    sources = [each for each in (material.training, material.validation) if each]
    missing = (
        *_split_problems(material),
        *_too_few(material, rules, model),
        *_batch_problems(material, demands),
    )
    return (
        *(missing if is_sound else ()),
        *_too_many(material, rules, model),
        *_size_problems(material, rules, model),
        *(problem for examined in sources for problem in _format_problems(examined, rules, model)),
        *(problem for examined in sources for problem in _length_problems(examined, demands)),
        *(problem for examined in sources for problem in _reserved_problems(examined, rules)),
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


def _too_few(material: Material, rules: DatasetRules, model: str) -> Iterator[Diagnostic]:
    count, told = _counted(material, rules, model)
    if rules.min_records is not None and count < rules.min_records:
        detail = f"{told} needs at least {rules.min_records:,}."
        where = material.training.facts.source.where
        yield error("too-few-records", "Too few records", detail=detail, hint="add records", where=where)


def _too_many(material: Material, rules: DatasetRules, model: str) -> Iterator[Diagnostic]:
    count, told = _counted(material, rules, model)
    if rules.max_records is not None and count > rules.max_records:
        detail = f"{told} takes at most {rules.max_records:,}."
        where = material.training.facts.source.where
        yield error("too-many-records", "Too many records", detail=detail, hint="use fewer records", where=where)
    data = material.as_training_data()
    if rules.max_validation_records is not None and data.validation_records > rules.max_validation_records:
        yield _too_many_for_validation(data, rules.max_validation_records, model)


def _counted(material: Material, rules: DatasetRules, model: str) -> tuple[int, str]:
    """The records that the base model's limits are about, and how to tell of them."""
    data, together = material.as_training_data(), rules.records_count_validation
    count = data.training_records + (data.validation_records if together else 0)
    what = "training and validation records together" if together else "training records"
    return count, f"{named(data.training.source)} gives {count:,} {what}{_after_split(material)}; {model}"


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


def _reserved_problems(examined: Examined, rules: DatasetRules) -> tuple[Diagnostic, ...]:
    return reserved(examined.remarks, examined.facts.source) if rules.refuses_reserved_texts else ()


def _batch_problems(material: Material, demands: Demands) -> Iterator[Diagnostic]:
    data = material.as_training_data()
    if demands.batch and 0 < data.training_records < demands.batch:
        yield warning(
            "fewer-records-than-a-step",
            "A training step takes more records than there are",
            detail=f"{named(data.training.source)} gives {data.training_records:,} training records{_after_split(material)}; "
            f"batch size × instances is {demands.batch:,}.",
            hint="add records, or lower the batch size or the number of instances",
            where=data.training.source.where,
        )


def _length_problems(examined: Examined, demands: Demands) -> Iterator[Diagnostic]:
    """
    =======================  ============================  =================================
    tokens                   over the base model's limit   over its context
    =======================  ============================  =================================
    counted                  record-too-long, an error     record-over-context, a warning
    estimated                record-may-be-too-long        record-may-be-over-context
    =======================  ============================  =================================
    """
    rules = demands.rules
    bounds = (
        ("input", examined.longest_input, rules.max_input_tokens),
        ("completion", examined.longest_output, rules.max_output_tokens),
        ("record", examined.longest_record, rules.max_tokens_per_record),
    )
    over = [(what, longest, limit) for what, longest, limit in bounds if limit is not None and longest.tokens > limit]
    for what, longest, limit in over:
        yield _too_long(examined, what, longest, f"{demands.model} takes at most {limit:,}")
    if not over and demands.context is not None and examined.longest_record.tokens > demands.context:
        yield _over_context(examined, demands.context, demands.model)


def _too_long(examined: Examined, what: str, longest: Longest, limit: str) -> Diagnostic:
    source = examined.facts.source
    detail = f"{named(source)}: the {what} of row {longest.row:,} has {_tokens(examined, longest)}; {limit}."
    hint = "shorten or remove long rows"
    if examined.exact_tokens:
        return error("record-too-long", "A record has too many tokens", detail=detail, hint=hint, where=source.where)
    summary = "A record may have too many tokens"
    return warning("record-may-be-too-long", summary, detail=detail, hint=hint, where=source.where)


def _over_context(examined: Examined, context: int, model: str) -> Diagnostic:
    source, longest = examined.facts.source, examined.longest_record
    sure = examined.exact_tokens
    return warning(
        "record-over-context" if sure else "record-may-be-over-context",
        f"A record {'is' if sure else 'may be'} longer than the base model's context",
        detail=f"{named(source)}: row {longest.row:,} has {_tokens(examined, longest)}; {model} sees at most {context:,}, "
        "and what is beyond is cut off.",
        hint="shorten or remove long rows",
        where=source.where,
    )


def _tokens(examined: Examined, longest: Longest) -> str:
    return f"{longest.tokens:,} tokens" if examined.exact_tokens else f"about {longest.tokens:,} tokens (an estimate)"
