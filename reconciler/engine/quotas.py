"""What a plan needs at a time, against what the account may run: told before apply finds out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic, warning
from reconciler.domain.observation import Deployment, DeploymentPhase, Snapshot, TrainingPhase
from reconciler.domain.plan import Action, Change, Plan
from reconciler.domain.quotas import QuotaKind, Quotas

Use = tuple[QuotaKind, str]
"""A kind of use, and an instance type."""

RUNNING = (TrainingPhase.IN_PROGRESS, TrainingPhase.STOPPING)
GONE = (DeploymentPhase.DELETING, DeploymentPhase.FAILED)


def quota_warnings(
    plan: Plan, desired: Sequence[DesiredModel], snapshot: Snapshot, quotas: Quotas | None
) -> Iterator[Diagnostic]:
    """A warning for each use that the plan adds to and that is then above the account's quota.

    Counted is what this project runs: what others run in the account comes on top. A roll keeps the old instances until the new
    ones serve.
    """
    wanted = {model.name: model for model in desired}
    added: Counter[Use] = Counter()
    for change in plan.changes:
        model = wanted.get(change.address.partition("/")[2])
        if model is not None and not change.stalled:
            added.update(dict(_needs(change, model)))
    running = _running(plan, snapshot) if added else Counter()
    for use, more in sorted(added.items()):
        most = quotas.instances(*use) if quotas else None
        if most is not None and running[use] + more > most:
            yield _exceeded(use, more, running[use], f"{most:f}".removesuffix(".0"))


def _needs(change: Change, model: DesiredModel) -> Iterator[tuple[Use, int]]:
    """Of the change itself: what follows it comes when its instances are free again."""
    resources, deployment = model.resolved.resources, model.resolved.deployment
    match change.action:
        case Action.TRAIN if resources is not None:
            kind = QuotaKind.SPOT_TRAINING if resources.spot else QuotaKind.TRAINING
            yield (kind, change.instance_type or resources.instance_type), resources.instance_count
        case Action.DEPLOY | Action.ROLL if deployment.instance_type is not None:
            yield (QuotaKind.ENDPOINT, deployment.instance_type), deployment.instance_count or 1


def _running(plan: Plan, snapshot: Snapshot) -> Counter[Use]:
    """Whether a training runs on spot instances is not seen: it counts among the others. What the plan undeploys counts no more."""
    ending = {change.target for change in plan.changes if change.action is Action.UNDEPLOY}
    found: Counter[Use] = Counter()
    for model in snapshot.models:
        for run in (run for version in model.versions for run in version.runs if run.phase in RUNNING):
            found[QuotaKind.TRAINING, run.instance_type or ""] += run.instance_count or 1
        for deployment in (each for each in model.deployments if _counts(each, ending)):
            found[QuotaKind.ENDPOINT, deployment.instance_type or ""] += deployment.instance_count or 1
    return found


def _counts(deployment: Deployment, ending: Collection[str]) -> bool:
    return deployment.phase not in GONE and deployment.name not in ending


def _exceeded(use: Use, more: int, running: int, most: str) -> Diagnostic:
    kind, instance_type = use
    besides = f", beside {running} that run already" if running else ""
    return warning(
        "exceeds-quota",
        "The plan needs more instances than the account may run",
        detail=f"{more} x {instance_type} {kind}{besides}; the account's quota is {most}.",
        hint="ask for more in the Service Quotas console, take another type, or apply in parts with --target",
    )
