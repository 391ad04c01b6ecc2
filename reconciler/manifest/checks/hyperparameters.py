"""Hyperparameters: which the base model has, within which bounds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reconciler.domain.catalog import HyperparameterRule
from reconciler.domain.diagnostic import Diagnostic
from reconciler.manifest.checks.data import has_validation
from reconciler.manifest.document import Path
from reconciler.manifest.merge import HYPERPARAMETER_PATHS
from reconciler.manifest.view import ModelView


def given(view: ModelView) -> dict[str, Decimal]:
    """By the catalog's names (``earlyStopping.patience``), what the merged spec says."""
    values = {name: _value(view, path) for name, path in HYPERPARAMETER_PATHS.items()}
    return {name: value for name, value in values.items() if value is not None}


def check_hyperparameters(view: ModelView) -> Iterator[Diagnostic]:
    if view.base is not None and view.provider is not None:
        for name, value in given(view).items():
            rule = view.base.rule(view.provider, name)
            yield from _unknown(view, name) if rule is None else _bounds(view, rule, value)
    if (
        view.given("hyperparameters", "earlyStopping")
        and _can_stop_early(view)
        and not has_validation(view)
        and view.intact("dataset", "validation")
    ):
        yield view.error(
            "early-stopping-needs-validation",
            "Early stopping needs validation data",
            "hyperparameters",
            "earlyStopping",
            detail="Early stopping watches the loss on validation data, and there is none.",
            hint="write `validation: {split: 10%}`, or remove `earlyStopping`",
        )


def _can_stop_early(view: ModelView) -> bool:
    """Also where it is not known what the model can do."""
    if view.base is None or view.provider is None:
        return True
    return view.base.rule(view.provider, "earlyStopping.patience") is not None


def _value(view: ModelView, path: Path) -> Decimal | None:
    data = view.data.get("hyperparameters", {})
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    return None if data is None else Decimal(repr(data))


def _unknown(view: ModelView, name: str) -> Iterator[Diagnostic]:
    assert view.base is not None
    assert view.provider is not None
    known = ", ".join(rule.name for rule in view.base.hyperparameters.get(view.provider, ()))
    yield view.error(
        "unsupported-hyperparameter",
        "The base model does not have the hyperparameter",
        *("hyperparameters", *name.split(".")),
        detail=f"`{view.base_name}` on {view.provider} has no `{name}`.",
        hint=f"remove it; it has {known}" if known else "remove it",
    )


def _bounds(view: ModelView, rule: HyperparameterRule, value: Decimal) -> Iterator[Diagnostic]:
    if problem := _bound_problem(rule, value):
        source = f" (source: {rule.source.address})" if rule.source else ""
        yield view.error(
            "hyperparameter-out-of-range",
            "A hyperparameter is out of the base model's range",
            *("hyperparameters", *rule.name.split(".")),
            detail=f"`{rule.name}` is {value:f}; for `{view.base_name}` on {view.provider} it must be {problem}{source}.",
            hint=f"the default is {rule.default:f}" if rule.default is not None else "",
        )


def _bound_problem(rule: HyperparameterRule, value: Decimal) -> str | None:
    """What the value must be, where it is not."""
    too_low = rule.minimum is not None and (value <= rule.minimum if rule.exclusive_minimum else value < rule.minimum)
    too_high = rule.maximum is not None and value > rule.maximum
    if rule.choices and value not in rule.choices:
        return "one of " + ", ".join(f"{choice:f}" for choice in rule.choices)
    if rule.kind == "integer" and value != value.to_integral_value():
        return "an integer"
    return _range(rule) if too_low or too_high else None


def _range(rule: HyperparameterRule) -> str:
    if rule.minimum is not None and rule.minimum == rule.maximum:
        return f"{rule.minimum:f}"
    lower = "" if rule.minimum is None else f"{'more than' if rule.exclusive_minimum else 'at least'} {rule.minimum:f}"
    upper = "" if rule.maximum is None else f"at most {rule.maximum:f}"
    return " and ".join(filter(None, (lower, upper)))
