"""The catalog's own base models: each of their hyperparameters has a name that can be sent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from reconciler.catalog import load
from reconciler.domain.catalog import FoundationModel, ProviderName
from reconciler.domain.desired import Hyperparameters
from reconciler.providers.hyperparameters import wire

FIELDS = {
    "epochs": "epochs",
    "learningRate": "learning_rate",
    "batchSize": "batch_size",
    "warmupSteps": "warmup_steps",
    "earlyStopping.patience": "early_stopping_patience",
    "earlyStopping.threshold": "early_stopping_threshold",
}
OFFERS = [(model, provider) for model in load().models for provider in model.providers]


@pytest.mark.parametrize(("base", "provider"), OFFERS, ids=lambda value: getattr(value, "key", str(value)))
def test_every_hyperparameter_can_be_sent(base: FoundationModel, provider: ProviderName) -> None:
    rules = base.hyperparameters[provider]
    given = {FIELDS[rule.name]: _a_value(rule.kind) for rule in rules if rule.name in FIELDS}
    sent = wire(base, provider, Hyperparameters.model_validate(given))
    assert set(sent) == {rule.wire_name for rule in rules if rule.name in FIELDS}
    assert sent


def _a_value(kind: str) -> int | Decimal:
    return 3 if kind == "integer" else Decimal("0.001")
