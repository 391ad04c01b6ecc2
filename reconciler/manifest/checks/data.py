"""Training and validation data, and what measures a training by them."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.domain.catalog import Requirement
from reconciler.domain.diagnostic import Diagnostic
from reconciler.manifest.merge import takes_system_prompt
from reconciler.manifest.view import ModelView


def check_data(view: ModelView) -> Iterator[Diagnostic]:
    dataset = view.spec.dataset
    if (dataset is None or dataset.training is None) and view.intact("dataset", "training"):
        yield view.error(
            "missing-field",
            "A required field is missing",
            "dataset",
            "training",
            detail="`spec.dataset.training` is required.",
            hint="name a Dataset, a path, or s3://bucket/key",
        )
    yield from _validation(view)
    yield from _same(view)
    yield from _system_prompt(view)
    yield from _promotion(view)


def has_validation(view: ModelView) -> bool:
    return view.spec.dataset is not None and view.spec.dataset.validation not in (None, "none")


def _validation(view: ModelView) -> Iterator[Diagnostic]:
    """
    ============  =================  ==========================
    base model    validation given   left out or ``none``
    ============  =================  ==========================
    required      fine               validation-required
    optional      fine               fine
    unsupported   unsupported        fine
    ============  =================  ==========================
    """
    if view.base is None or view.provider is None or not view.intact("dataset", "validation"):
        return
    match view.base.validation.get(view.provider, Requirement.OPTIONAL), has_validation(view):
        case Requirement.REQUIRED, False:
            yield view.error(
                "validation-required",
                "The base model requires validation data",
                "dataset",
                "validation",
                detail=f"`{view.base_name}` is not tuned on {view.provider} without validation data.",
                hint="write `validation: {split: 10%}` or `validation: {dataset: NAME}`",
            )
        case Requirement.UNSUPPORTED, True:
            yield view.error(
                "validation-unsupported",
                "The base model takes no validation data",
                "dataset",
                "validation",
                detail=f"`{view.base_name}` is tuned on {view.provider} with training data alone.",
                hint="remove `validation`",
            )


def _same(view: ModelView) -> Iterator[Diagnostic]:
    if view.training is not None and view.validation is not None and view.training.uri == view.validation.uri:
        yield view.error(
            "validation-is-training-data",
            "Validation data and training data are the same",
            "dataset",
            "validation",
            detail=f"Both are read from `{view.training.uri}`: the result would say nothing about new data.",
            hint="write `validation: {split: 10%}` to hold a share out",
        )


def _system_prompt(view: ModelView) -> Iterator[Diagnostic]:
    if view.base is None or view.provider is None or takes_system_prompt(view.base, view.provider):
        return
    if view.spec.dataset is not None and view.spec.dataset.system_prompt is not None:
        yield view.error(
            "system-prompt-unsupported",
            "The base model takes no system prompt",
            "dataset",
            "systemPrompt",
            detail=f"`{view.base_name}` is tuned on {view.provider} with prompts and completions alone.",
            hint="remove `systemPrompt`, or write it into each prompt",
        )


def _promotion(view: ModelView) -> Iterator[Diagnostic]:
    for number, gate in enumerate(view.spec.promotion or ()):
        if problem := _gate_problem(gate.min, gate.max):
            yield view.error(
                "invalid-promotion",
                "A promotion gate cannot be decided",
                "promotion",
                number,
                detail=f"`spec.promotion[{number}]` ({gate.metric}): {problem}.",
                hint=f"write `{{metric: {gate.metric}, max: 1.4}}`",
            )
        if _needs_validation(gate.metric) and not has_validation(view) and view.intact("dataset", "validation"):
            yield view.error(
                "promotion-needs-validation",
                "A promotion gate measures validation data, and there is none",
                "promotion",
                number,
                "metric",
                detail=f"`{gate.metric}` is only measured where validation data is given.",
                hint="write `validation: {split: 10%}`, or use a training metric such as train_loss",
            )


def _gate_problem(minimum: float | None, maximum: float | None) -> str | None:
    if minimum is None and maximum is None:
        return "neither max nor min is given"
    if minimum is not None and maximum is not None and minimum > maximum:
        return f"min {minimum:g} is above max {maximum:g}"
    return None


def _needs_validation(metric: str) -> bool:
    return metric.lower().startswith(("eval", "valid"))
