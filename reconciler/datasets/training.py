"""The data of one model: looked through, checked, and converted to what its base model takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import BinaryIO

from reconciler.datasets.check import Demands, Material, limits
from reconciler.datasets.convert import PROMPT_COMPLETION
from reconciler.datasets.errors import named
from reconciler.datasets.examine import Looking, Reading, Seen, look
from reconciler.datasets.findings import Conversion
from reconciler.datasets.passing import Sinks, Wanted
from reconciler.datasets.remarks import warnings
from reconciler.datasets.split import Split
from reconciler.domain.desired import DatasetFacts, DatasetSource, DesiredModel, TrainingData, ValidationPlan
from reconciler.domain.diagnostic import Diagnostic, has_errors
from reconciler.domain.errors import PlanChanged


class Part(StrEnum):
    TRAINING = "training"
    VALIDATION = "validation"


@dataclass(frozen=True)
class Checked:
    """``data``: ``None`` where an error was found."""

    data: TrainingData | None
    problems: tuple[Diagnostic, ...]
    training: Seen
    validation: Seen | None = None


def check(source: DatasetSource, validated: ValidationPlan, how: Looking, demands: Demands | None = None) -> Checked:
    """Everything about what is trained on: every problem of every source, and of what a base model demands."""
    split = Split.of(validated)
    training, validation = look(how, source, split, validated.source)
    seen = [each for each in (training, validation) if each]
    problems = [problem for each in seen for problem in each.problems]
    problems += [problem for each in seen if each.examined for problem in _noticed(each)]
    if training.examined is None or (validation and validation.examined is None):
        return Checked(None, tuple(problems), training, validation)
    material = Material(training.examined, split, validation.examined if validation else None)
    if demands:
        problems += limits(material, demands, is_sound=not has_errors(problems))
    data = None if has_errors(problems) else material.as_training_data()
    return Checked(data, tuple(problems), training, validation)


def _noticed(seen: Seen) -> tuple[Diagnostic, ...]:
    return warnings(seen.examined.remarks, seen.examined.facts.source) if seen.examined else ()


def has_part(model: DesiredModel, part: Part) -> bool:
    return part is Part.TRAINING or model.data.validation_records > 0


def convert(model: DesiredModel, format: str, reading: Reading, sinks: Mapping[Part, BinaryIO]) -> None:
    """Write the lines of the parts that are asked for, as the base model takes them, each source being read once.

    Raises PlanChanged where a source no longer holds what was planned on: keep nothing of what was written then.
    """
    data = model.data
    system = model.resolved.system_prompt if format != PROMPT_COMPLETION else ""
    how = Conversion(format, system)
    if data.validation is not None:
        for facts, part in ((data.training, Part.TRAINING), (data.validation, Part.VALIDATION)):
            if part in sinks:
                _converted(facts, Wanted(conversion=how, examines=False), Sinks(sinks[part]), reading)
        return
    wanted = Wanted(Split.of(model.resolved.validation), conversion=how, examines=False)
    _converted(data.training, wanted, Sinks(sinks.get(Part.TRAINING), sinks.get(Part.VALIDATION)), reading)


def _converted(facts: DatasetFacts, wanted: Wanted, sinks: Sinks, reading: Reading) -> None:
    totals = reading.passed(facts.source, wanted, sinks=sinks)
    if wanted.split and totals.sides and not totals.sides.is_usual and wanted.conversion:
        sinks.begin_anew()
        exactly = replace(wanted.conversion, cutoff=totals.sides.cutoff)
        totals = reading.passed(facts.source, replace(wanted, conversion=exactly), sinks=sinks)
    if totals.flaws or totals.misfit or str(totals.digest) != facts.digest:
        raise PlanChanged(f"{named(facts.source)} changed while it was read", hint="Run the command again.")
