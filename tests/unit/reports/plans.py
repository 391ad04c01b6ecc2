"""Plans made by hand, one for each thing that a report must be able to say."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from reconciler.domain.catalog import ProviderName
from reconciler.domain.diagnostic import Location, error, warning
from reconciler.domain.plan import (
    Action,
    Change,
    ChangeCost,
    CostSummary,
    Effect,
    FieldChange,
    Fit,
    FollowUp,
    Plan,
    Reason,
    Verdict,
)
from reconciler.domain.quantity import Cost, Range
from reconciler.domain.status import Status

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
FINGERPRINT = "sha256:" + "1a2b3c4d" * 8


def exactly(amount: str, *assumptions: str) -> Cost:
    return Cost.of(Range.exactly(amount), *assumptions)


def between(low: str, likely: str, high: str, *assumptions: str) -> Cost:
    return Cost.of(Range(low=Decimal(low), likely=Decimal(likely), high=Decimal(high)), *assumptions)


def a_change(
    action: Action,
    name: str,
    target: str,
    now: Status,
    after: Status,
    why: str = "because it must be so",
    **more: object,
) -> Change:
    fields = {
        "address": f"FineTunedModel/{name}",
        "action": action,
        "target": target,
        "provider": ProviderName.SAGEMAKER,
        "reasons": (Reason(code="test", message=why),) if why else (),
        "status": {"now": now, "then": after},
    }
    return Change.model_validate(fields | more)


def a_plan(*changes: Change, **more: object) -> Plan:
    fields = {
        "project": "acme-llms",
        "cloud": "local",
        "account": "123456789012",
        "region": "us-east-1",
        "observed_at": NOW,
        "manifests_digest": "sha256:" + "a" * 64,
        "snapshot_digest": "sha256:" + "b" * 64,
        "prices_as_of": "2026-11-23",
        "changes": changes,
    }
    return Plan.model_validate(fields | more).sealed()


TRAIN = a_change(
    Action.TRAIN,
    "support-bot",
    "support-bot-1a2b3c4d",
    Status.DEPLOYED,
    Status.TRAINING,
    "epochs 3 -> 5 changes what is trained",
    fingerprint=FINGERPRINT,
    attempt=1,
    instance_type="ml.g5.12xlarge",
    fields=(FieldChange(path="spec.hyperparameters.epochs", before=3, after=5, effect=Effect.RETRAIN),),
    cost=ChangeCost(
        one_off=between("38", "43.20", "52", "1,024 tokens a record"), hourly=Cost.zero(), monthly=Cost.zero()
    ),
    fit=Fit(verdict=Verdict.FITS, needed_gib=18.21, available_gib=22.06, assumptions=("LoRA, bf16",)),
    then=(FollowUp(action=Action.ROLL, target="support-bot", why="once version 1a2b3c4d is trained"),),
)

DEPLOY = a_change(
    Action.DEPLOY,
    "faq-nova",
    "faq-nova",
    Status.NOT_DEPLOYED,
    Status.DEPLOYING,
    "trained, and wanted deployed; the endpoint is gone and nobody asked for that",
    provider=ProviderName.BEDROCK,
    fingerprint=FINGERPRINT,
    drift=True,
    cost=ChangeCost(
        hourly=Cost.not_known("provisioned throughput of Nova Lite in us-east-1"),
        monthly=Cost.not_known("provisioned throughput of Nova Lite in us-east-1"),
    ),
)

UNDEPLOY = a_change(
    Action.UNDEPLOY,
    "old-bot",
    "old-bot",
    Status.DEPLOYED,
    Status.NOT_DEPLOYED,
    "its manifest is gone",
    cost=ChangeCost(hourly=exactly("-1.515"), monthly=exactly("-1105.95")),
)

DELETE = a_change(
    Action.DELETE,
    "old-bot",
    "old-bot-99887766",
    Status.DEPLOYED,
    Status.ABSENT,
    "its manifest is gone",
    depends_on=(UNDEPLOY.id,),
)

WAIT = a_change(
    Action.WAIT, "sea", "sea-55555555", Status.TRAINING, Status.TRAINING, "the training is on its way (Downloading)"
)

STALLED = a_change(
    Action.NO_OP,
    "qwen",
    "qwen-44444444-r2",
    Status.TRAINING_FAILED,
    Status.TRAINING_FAILED,
    "AlgorithmError: CUDA out of memory. Raise revision, or use `reconciler apply --retrain qwen`",
    stalled=True,
)

SAME = a_change(Action.NO_OP, "same", "same", Status.DEPLOYED, Status.DEPLOYED, "")

EVERYTHING = a_plan(
    TRAIN,
    DEPLOY,
    UNDEPLOY,
    DELETE,
    WAIT,
    STALLED,
    SAME,
    totals=CostSummary(
        one_off=between("38", "43.20", "52"),
        hosting_monthly_now=exactly("2211.90"),
        hosting_monthly_then=exactly("1105.95") + Cost.not_known("provisioned throughput of Nova Lite in us-east-1"),
        hosting_hourly_then=exactly("1.515"),
        storage_monthly_then=exactly("0.0042"),
    ),
    diagnostics=(
        warning("bedrock-delete-final", "A deleted custom model cannot be restored", address="FineTunedModel/old-bot"),
        error(
            "live-traffic",
            "old-bot answered requests in the last hour",
            where=Location(file="models/old.yaml", line=3, column=9, path="spec.deployment"),
            detail="The last request was at 09:58 UTC.",
            hint="Move clients away first.",
            overridable=True,
        ),
    ),
)
