"""Hyperparameters as requests carry them: the service's names, and every value a string."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from reconciler.domain.catalog import FoundationModel, ProviderName
from reconciler.domain.desired import Hyperparameters
from reconciler.domain.fingerprint import canonical_json
from reconciler.domain.outcome import FaultKind
from reconciler.providers.aws.faults import Refused


def wire(base: FoundationModel, provider: ProviderName, chosen: Hyperparameters) -> dict[str, str]:
    """What was chosen, under the names that the catalog gives for this base model; then the optional ones as they are.

    Raises Refused where the catalog has no name for a value: sending it under a guessed one could train something else.
    """
    values = dict(_given(chosen))
    names = {name: base.rule(provider, name) for name in values}
    unnamed = [name for name, rule in names.items() if rule is None]
    if unnamed:
        told = f"{base.key} has no hyperparameter {', '.join(unnamed)} on {provider}"
        raise Refused(FaultKind.TERMINAL, "UnknownHyperparameter", told)
    fundamental = {rule.wire_name: text(values[name]) for name, rule in names.items() if rule is not None}
    return fundamental | {name: text(value) for name, value in chosen.optional.items()}


def text(value: Any) -> str:
    """Numbers in plain decimals (``0.00002``), truth values as JSON has them, structures as canonical JSON."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case float() | Decimal():
            return _plain(Decimal(str(value)))
        case _:
            return canonical_json(value)


def _plain(number: Decimal) -> str:
    digits = format(number, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _given(chosen: Hyperparameters) -> Iterator[tuple[str, Any]]:
    values: Mapping[str, Any] = {
        "epochs": chosen.epochs,
        "learningRate": chosen.learning_rate,
        "batchSize": chosen.batch_size,
        "warmupSteps": chosen.warmup_steps,
        "earlyStopping.patience": chosen.early_stopping_patience,
        "earlyStopping.threshold": chosen.early_stopping_threshold,
    }
    return ((name, value) for name, value in values.items() if value is not None)
