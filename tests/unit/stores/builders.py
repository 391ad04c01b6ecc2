"""A plan and a change for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from reconciler.domain.catalog import ProviderName
from reconciler.domain.plan import Action, Change, Effect, FieldChange, Plan, Reason, Transition
from reconciler.domain.status import Status

FINGERPRINT = "sha256:1a2b3c4d" + "0" * 56


def a_change(action: Action = Action.TRAIN, target: str = "support-bot-1a2b3c4d") -> Change:
    return Change(
        address="FineTunedModel/support-bot",
        action=action,
        target=target,
        provider=ProviderName.SAGEMAKER,
        fingerprint=FINGERPRINT,
        reasons=(Reason(code="new", message="no training of this fingerprint: “neu”"),),
        fields=(
            FieldChange(
                path="spec.hyperparameters.learningRate", before=Decimal("2e-5"), after=3e-5, effect=Effect.RETRAIN
            ),
        ),
        status=Transition(now=Status.ABSENT, then=Status.TRAINING),
    )


def a_plan(*changes: Change) -> Plan:
    return Plan(
        project="acme",
        cloud="local",
        account="123456789012",
        region="us-east-1",
        observed_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
        manifests_digest="sha256:m",
        snapshot_digest="sha256:s",
        changes=changes or (a_change(),),
    ).sealed()
