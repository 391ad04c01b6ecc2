"""The machines that a training could run on → the table that people read, and the document that programs read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from reconciler.cost.options import TrainingOption
from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.plan import Fit, Verdict
from reconciler.domain.quantity import Range, format_duration
from reconciler.estimators.intended import DEFAULT_BATCH, method_of
from reconciler.estimators.parameters import sequence_limit
from reconciler.estimators.setup import Method
from reconciler.reports.figures import counted, rate, spread
from reconciler.reports.view.scatter import Scatter, scatter

HEADER = ("", "INSTANCE", "GPU", "FIT (GiB A GPU)", "TIME", "COST", "AN HOUR", "")
BEST = "*"
_METHODS = {Method.FULL: "full fine-tuning", Method.LORA: "LoRA", Method.QLORA: "QLoRA"}


@dataclass(frozen=True)
class Estimated:
    """One training on all machines. ``picked``: by ``instanceType: auto``, and ``why``, or why none is."""

    model: DesiredModel
    region: str
    prices_as_of: date
    options: tuple[TrainingOption, ...]
    picked: str | None = None
    why: str = ""
    noticed: tuple[Diagnostic, ...] = ()
    supposed: bool = False
    """No manifest describes it, and its name says nothing."""


@dataclass(frozen=True)
class OptionsView:
    title: str
    about: str
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    scatter: Scatter | None


def view_options(found: Estimated, *, every: bool = False) -> OptionsView:
    """``every``: what does not fit, too. The manifest's own type is always shown."""
    shown = [option for option in found.options if every or _is_shown(option, _own(found))]
    return OptionsView(
        title=_training(found.model) if found.supposed else f"{found.model.name}: {_training(found.model)}",
        about=_about(found),
        rows=tuple(_row(option, found) for option in shown),
        notes=_notes(found, shown),
        scatter=scatter("Time against cost", found.options),
    )


def estimate_data(found: Estimated) -> dict[str, Any]:
    model = found.model
    return {
        "name": model.name,
        "provider": str(model.resolved.provider),
        "baseModel": model.resolved.root,
        "method": _method(model),
        "epochs": model.resolved.hyperparameters.epochs,
        "records": model.data.training_records,
        "tokens": model.data.training.tokens,
        "region": found.region,
        "pricesAsOf": found.prices_as_of.isoformat(),
        "instanceType": _own(found),
        "picked": found.picked,
        "why": found.why or None,
        "options": [option.model_dump(mode="json", by_alias=True) for option in found.options],
        "diagnostics": [each.model_dump(mode="json", by_alias=True) for each in found.noticed],
    }


def _own(found: Estimated) -> str | None:
    """What the manifest names, or what was picked for it."""
    resources = found.model.resolved.resources
    return found.picked or (resources.instance_type if resources else None)


def _is_shown(option: TrainingOption, own: str | None) -> bool:
    if option.fit is None or option.instance_type == own:
        return True
    return option.fit.verdict is not Verdict.DOES_NOT_FIT and not option.lacks


def _training(model: DesiredModel) -> str:
    method = _method(model)
    return f"{_METHODS[Method(method)]} of {model.resolved.root}" if method else f"{model.resolved.root} on Bedrock"


def _method(model: DesiredModel) -> str | None:
    """Bedrock does not tell."""
    on_bedrock = model.resolved.provider is ProviderName.BEDROCK
    return None if on_bedrock else str(method_of(model.resolved.hyperparameters))


def _about(found: Estimated) -> str:
    model, chosen = found.model, found.model.resolved.hyperparameters
    tokens = "" if model.data.training.tokens is None else f" of {_mean(model):,} tokens on average"
    epochs = counted(chosen.epochs, "epoch") if chosen.epochs else "epochs left to the service"
    batch = ""
    if model.resolved.resources is not None:
        batch = f", {chosen.batch_size or DEFAULT_BATCH} at a time on each GPU, up to {sequence_limit(chosen):,} tokens each"
    return (
        f"{counted(model.data.training_records, 'record')}{tokens}{batch}, {epochs}. "
        f"Prices of {found.region} as of {found.prices_as_of}."
    )


def _mean(model: DesiredModel) -> int:
    facts = model.data.training
    return round((facts.tokens or 0) / max(1, facts.records))


def _row(option: TrainingOption, found: Estimated) -> tuple[str, ...]:
    return (
        BEST if option.pareto else "",
        _machine(option),
        f"{option.gpus} × {option.gpu}" if option.gpus else "-",
        _fit(option),
        _time(option.hours),
        spread(option.cost.amount) if option.cost.amount else "unknown",
        rate(option.usd_an_hour) if option.usd_an_hour is not None else "unknown" if option.instance_type else "-",
        _remarks(option, found),
    )


def _machine(option: TrainingOption) -> str:
    if option.instance_type is None:
        return "Amazon Bedrock"
    return option.instance_type if option.instance_count == 1 else f"{option.instance_count} × {option.instance_type}"


def _fit(option: TrainingOption) -> str:
    if option.lacks:
        return f"no {' and '.join(option.lacks)}"
    return "-" if option.fit is None else _fit_briefly(option.fit)


def _fit_briefly(fit: Fit) -> str:
    """``fits, 22.9 of 44.0``; ``tight, 18.8–22.9 of 22.0``."""
    if fit.needed_gib is None or fit.available_gib is None:
        return str(fit.verdict)
    most = f"–{fit.most_gib:.1f}" if fit.verdict is Verdict.TIGHT and fit.most_gib is not None else ""
    return f"{fit.verdict}, {fit.needed_gib:.1f}{most} of {fit.available_gib:.1f}"


def _time(hours: Range | None) -> str:
    if hours is None:
        return "unknown"
    scale, unit, digits = (60, "min", 0) if hours.likely < 1 else (1, "h", 1)
    low, likely, high = (f"{value * scale:,.{digits}f}" for value in (hours.low, hours.likely, hours.high))
    return f"{low}–{high} {unit}, likely {likely}"


def _remarks(option: TrainingOption, found: Estimated) -> str:
    resources = found.model.resolved.resources
    limit = format_duration(resources.max_runtime) if resources else ""
    remarks = (
        (
            "auto would take it" if found.supposed else "picked by auto",
            option.instance_type is not None and option.instance_type == found.picked,
        ),
        (
            "the manifest's",
            found.picked is None and option.instance_type is not None and option.instance_type == _own(found),
        ),
        (f"longer than maxRuntime {limit}", option.too_long),
    )
    return ", ".join(text for text, holds in remarks if holds)


def _corrections(shown: Sequence[TrainingOption]) -> dict[str, None]:
    told = (note for o in shown for note in (*o.cost.assumptions, *(o.fit.assumptions if o.fit else ())))
    return dict.fromkeys(note for note in told if ": corrected by" in note)


def _notes(found: Estimated, shown: Sequence[TrainingOption]) -> tuple[str, ...]:
    best, hidden = any(option.pareto for option in shown), len(found.options) - len(shown)
    unknown = dict.fromkeys(name for option in shown for name in option.cost.unknown)
    hours = dict.fromkeys(option.hours_unknown for option in shown if option.hours_unknown)
    return (
        *((f"{BEST} fits, and no other that fits is both faster and cheaper.",) if best else ()),
        *((f"auto: {found.why}.",) if found.why else ()),
        *(f"{each[0].upper()}{each[1:]}." for each in _corrections(shown)),
        *((f"{counted(hidden, 'instance type')} that cannot run it: --all shows them.",) if hidden else ()),
        *((f"Unknown, and not counted: {'; '.join(unknown)}.",) if unknown else ()),
        *(f"Time: {why}." for why in hours if not any(why in name for name in unknown)),
        *(f"{each.summary}: {each.detail}" if each.detail else each.summary for each in found.noticed),
    )
