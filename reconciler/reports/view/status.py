"""What stands in the cloud, one row a model, in the columns of ``kubectl get``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from reconciler.domain.catalog import ProviderName
from reconciler.domain.naming import short
from reconciler.domain.observation import Deployment, ModelObservation, Snapshot
from reconciler.domain.plan import Action, Change, Plan
from reconciler.domain.status import Condition, ConditionStatus, ConditionType, Status
from reconciler.reports.view.plan import embedded_note, view_header


@dataclass(frozen=True)
class ModelRow:
    name: str
    provider: ProviderName
    status: Status
    version: str
    """The one that serves, else the wanted one, else the newest trained one: eight digits; empty where there is none."""
    created_at: datetime | None
    """Of the oldest thing the cloud holds for it."""
    deployment: str
    conditions: tuple[Condition, ...]
    pending: tuple[Change, ...]

    @property
    def address(self) -> str:
        return f"FineTunedModel/{self.name}"

    def condition(self, kind: ConditionType) -> str:
        found = next((each for each in self.conditions if each.type is kind), None)
        return str(found.status) if found else "-"

    @property
    def message(self) -> str:
        """Why it is not ready, or else what is to be done."""
        return _why_not(self.conditions) or "; ".join(f"{change.action} {change.target}" for change in self.pending)


@dataclass(frozen=True)
class StatusView:
    header: str
    observed_at: datetime
    rows: tuple[ModelRow, ...]
    note: str = ""
    """What is simulated."""


def view_status(plan: Plan, snapshot: Snapshot) -> StatusView:
    """Every model of the manifests or of the cloud; one on two providers has two rows."""
    planned = {(change.address.partition("/")[2], change.provider) for change in plan.changes}
    seen = {(model.name, model.provider) for model in snapshot.models if holds_anything(model)}
    rows = (_row(name, provider, plan, snapshot) for name, provider in sorted(planned | seen))
    return StatusView(view_header(plan), snapshot.observed_at, tuple(rows), note=embedded_note(plan))


def _row(name: str, provider: ProviderName, plan: Plan, snapshot: Snapshot) -> ModelRow:
    changes = tuple(c for c in plan.changes if c.address == f"FineTunedModel/{name}" and c.provider is provider)
    observed = next((m for m in snapshot.models if (m.name, m.provider) == (name, provider)), None)
    return ModelRow(
        name=name,
        provider=provider,
        status=changes[0].status_now if changes else Status.ABSENT,
        version=version_of(observed, _wanted(changes)),
        created_at=created_at(observed),
        deployment="; ".join(runs_on(deployment) for deployment in observed.deployments) if observed else "",
        conditions=next((change.conditions for change in changes if change.conditions), ()),
        pending=tuple(change for change in changes if change.is_pending),
    )


def holds_anything(observed: ModelObservation) -> bool:
    """False where only the records of what was deleted are left, which Bedrock keeps for ever."""
    return bool(observed.deployments) or not all(version.is_gone for version in observed.versions)


def version_of(observed: ModelObservation | None, wanted: str | None) -> str:
    if observed is None:
        return ""
    serving = [d.fingerprint for d in observed.deployments if d.fingerprint]
    trained = [version.fingerprint for version in observed.versions if version.artifact]
    chosen = serving or [each for each in trained if each == wanted] or trained
    return short(chosen[-1]) if chosen else ""


def _wanted(changes: Iterable[Change]) -> str | None:
    """The fingerprint that the manifest asks for: changes that stop or delete are about other versions."""
    others = (Action.STOP, Action.DELETE)
    return next((change.fingerprint for change in changes if change.action not in others), None)


def created_at(observed: ModelObservation | None) -> datetime | None:
    return min(_births(observed), default=None) if observed else None


def runs_on(deployment: Deployment) -> str:
    """``ml.g5.2xlarge x1``, ``1 model unit, 1 month``, ``on-demand``."""
    if deployment.instance_type:
        return f"{deployment.instance_type} x{deployment.instance_count or 1}"
    if deployment.model_units:
        commitment = f", {deployment.commitment}" if deployment.commitment and deployment.commitment != "none" else ""
        return f"{deployment.model_units} model unit{'s' if deployment.model_units > 1 else ''}{commitment}"
    return str(deployment.kind)


def _births(observed: ModelObservation) -> Iterable[datetime]:
    runs = (run.created_at for version in observed.versions for run in version.runs if not run.discarded)
    deployments = (deployment.created_at for deployment in observed.deployments)
    return (moment for moment in (*runs, *deployments) if moment)


def _why_not(conditions: Iterable[Condition]) -> str:
    """The message of the first condition that does not hold; ``Ready`` only sums up the others."""
    wrong = [c for c in conditions if c.status is not ConditionStatus.TRUE and c.message]
    first = next((c for c in wrong if c.type is not ConditionType.READY), wrong[0] if wrong else None)
    return f"{first.reason}: {first.message}" if first else ""
