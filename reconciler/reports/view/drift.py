"""What the cloud changed that no manifest asked for, by resource and field, apart from what the manifests ask anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from reconciler.domain.desired import Configuration
from reconciler.domain.diagnostic import Location
from reconciler.domain.kinds.project import DriftIgnore
from reconciler.domain.plan import Action, Change, Plan
from reconciler.domain.status import ConditionType, Status
from reconciler.domain.trail import Act
from reconciler.planner.status import training_status
from reconciler.reports.figures import moment
from reconciler.reports.view.plan import value_text, view_header


class DriftKind(StrEnum):
    """What happened, in names that stay: programs and suppressions hold on to them."""

    DEPLOYMENT_MISSING = "deployment-missing"
    DEPLOYMENT_CHANGED = "deployment-changed"
    DEPLOYMENT_FAILED = "deployment-failed"
    DEPLOYMENT_UNWANTED = "deployment-unwanted"
    TRAINING_MISSING = "training-missing"
    TRAINING_FAILED = "training-failed"
    TRAINING_STOPPED = "training-stopped"
    TAGS_OR_SCHEDULES_CHANGED = "tags-or-schedules-changed"
    CHANGED_OUTSIDE = "changed-outside"


MEANINGS = {
    DriftKind.DEPLOYMENT_MISSING: "A deployment that was there is gone, and no manifest asked for that.",
    DriftKind.DEPLOYMENT_CHANGED: "A deployment runs otherwise than it was last applied.",
    DriftKind.DEPLOYMENT_FAILED: "A deployment failed or was rolled back.",
    DriftKind.DEPLOYMENT_UNWANTED: "A deployment is there that no manifest asks for.",
    DriftKind.TRAINING_MISSING: "A training or what it made is gone, or has to be repeated.",
    DriftKind.TRAINING_FAILED: "A training failed.",
    DriftKind.TRAINING_STOPPED: "A training was stopped by someone.",
    DriftKind.TAGS_OR_SCHEDULES_CHANGED: "Tags or schedules differ from what was last applied.",
    DriftKind.CHANGED_OUTSIDE: "Something else was changed outside.",
}


@dataclass(frozen=True)
class DriftItem:
    """One field of one thing in the cloud that moved."""

    kind: DriftKind
    address: str
    provider: str
    target: str
    path: str
    """Of the manifest's field; ``spec.training`` or ``spec.deployment`` where the thing as a whole moved."""
    message: str
    was: str
    """What was applied, and what is there now; both empty where the thing as a whole moved."""
    found: str
    remedy: str
    """What an apply does about it."""
    since: datetime | None
    """When the cloud says that it happened; ``None``: it does not say."""
    where: Location | None
    """The manifest that declares the model."""
    act: Act | None = None
    """The last call that touched it; ``None``: the cloud's trail has none, or could not be read."""
    ignored: str = ""
    """The reason given by the project's rule that tolerates it."""


@dataclass(frozen=True)
class DriftView:
    project: str
    environment: str
    header: str
    observed: str
    headline: str
    items: tuple[DriftItem, ...]
    ignored: tuple[DriftItem, ...]
    pending: tuple[str, ...]
    """What the manifests ask anew: no drift."""
    models: tuple[tuple[str, str], ...]
    """Address and provider of everything that was looked at."""


def drift_of(plan: Plan) -> Plan:
    """The plan with nothing but drift; sealed anew, since it is another plan."""
    drifted = tuple(change for change in plan.changes if change.drift)
    kept = {change.id for change in drifted}
    alone = tuple(c.model_copy(update={"depends_on": tuple(d for d in c.depends_on if d in kept)}) for c in drifted)
    return plan.model_copy(update={"changes": alone}).sealed()


def without_ignored(plan: Plan, view: DriftView) -> Plan:
    """The drift of a plan without the changes of which everything is tolerated."""
    told = {(item.address, item.target) for item in view.items}
    drift = drift_of(plan)
    kept = tuple(change for change in drift.changes if (change.address, change.target) in told)
    return drift if kept == drift.changes else drift_of(drift.model_copy(update={"changes": kept}))


def view_drift(plan: Plan, configuration: Configuration, acts: Mapping[str, Act] | None = None) -> DriftView:
    """``plan``: of everything, so that drift can be told from what is pending. ``acts``: who did it, by change id."""
    places = {f"FineTunedModel/{model.name}": model.where for model in configuration.models}
    rules = configuration.project.drift.ignore
    found = [
        _judged(item, rules)
        for change in plan.changes
        if change.drift
        for item in _items(change, places.get(change.address), (acts or {}).get(change.id))
    ]
    items = tuple(item for item in found if not item.ignored)
    ignored = tuple(item for item in found if item.ignored)
    pending = tuple(f"{c.action} {c.target} ({c.address})" for c in plan.pending if not c.drift)
    return DriftView(
        project=plan.project,
        environment=plan.environment,
        header=view_header(plan),
        observed=moment(plan.observed_at),
        headline=_headline(items, ignored, pending),
        items=items,
        ignored=ignored,
        pending=pending,
        models=tuple(dict.fromkeys((change.address, str(change.provider)) for change in plan.changes)),
    )


def since_text(item: DriftItem, observed: str) -> str:
    """``since 2026-11-24 10:00:00 UTC``, or when it was noticed; and who touched it last, where that is known."""
    when = f"since {moment(item.since)}" if item.since else f"noticed {observed}"
    return f"{when}; {act_text(item.act)}" if item.act else when


def act_text(act: Act) -> str:
    """``DeleteEndpoint by arn:aws:iam::111122223333:user/alice, 2026-11-24 10:00:00 UTC``."""
    return f"{act.operation} by {act.by}, {moment(act.at)}"


def _headline(items: Sequence[DriftItem], ignored: Sequence[DriftItem], pending: Sequence[str]) -> str:
    models = len({item.address for item in items})
    fields = f"{len(items)} difference{'' if len(items) == 1 else 's'} in {models} model{'' if models == 1 else 's'}"
    parts = (
        fields if items else "no drift",
        f"{len(ignored)} ignored" if ignored else "",
        f"{len(pending)} pending (asked by the manifests)" if pending else "",
    )
    return "; ".join(part for part in parts if part)


def _items(change: Change, where: Location | None, act: Act | None) -> Iterable[DriftItem]:
    kind = _kind(change)
    whole = DriftItem(
        kind=kind,
        address=change.address,
        provider=str(change.provider),
        target=change.target,
        path="spec.training" if kind.startswith("training") else "spec.deployment",
        message="; ".join(reason.message for reason in change.reasons),
        was="",
        found="",
        remedy="needs a person" if change.stalled else f"{change.action} {change.target}",
        since=_since(change, kind),
        where=where,
        act=act,
    )
    fields = [field for field in change.fields if field.before != field.after]
    for field in fields if kind in _BY_FIELD else ():
        yield _of_field(whole, field.path, was=value_text(field.after), found=value_text(field.before))
    if not fields or kind not in _BY_FIELD:
        yield whole


_BY_FIELD = (DriftKind.DEPLOYMENT_CHANGED, DriftKind.TAGS_OR_SCHEDULES_CHANGED, DriftKind.CHANGED_OUTSIDE)
"""Where the thing is still there, its fields say what moved; a thing that is gone has none."""


def _of_field(whole: DriftItem, path: str, *, was: str, found: str) -> DriftItem:
    """An apply brings the field from what was found to what was applied."""
    return replace(whole, path=path, was=was, found=found)


def _kind(change: Change) -> DriftKind:
    match change.action:
        case Action.DEPLOY:
            return DriftKind.DEPLOYMENT_MISSING
        case Action.ROLL:
            return DriftKind.DEPLOYMENT_CHANGED
        case Action.UNDEPLOY | Action.DELETE:
            return DriftKind.DEPLOYMENT_UNWANTED
        case Action.TRAIN:
            return DriftKind.TRAINING_MISSING
        case Action.UPDATE:
            return DriftKind.TAGS_OR_SCHEDULES_CHANGED
        case Action.NO_OP | Action.WAIT | Action.STOP | Action.ADOPT:
            return _kind_by_status(change)


def _kind_by_status(change: Change) -> DriftKind:
    match training_status(change) or change.status_now:
        case Status.TRAINING_FAILED:
            return DriftKind.TRAINING_FAILED
        case Status.TRAINING_STOPPED | Status.STOPPING_TRAINING:
            return DriftKind.TRAINING_STOPPED
        case Status.ABSENT:
            return DriftKind.TRAINING_MISSING
        case _ if change.stalled:
            return DriftKind.DEPLOYMENT_FAILED
        case _ if change.action is Action.WAIT:
            return DriftKind.DEPLOYMENT_MISSING
        case _:
            return DriftKind.CHANGED_OUTSIDE


def _since(change: Change, kind: DriftKind) -> datetime | None:
    wanted = ConditionType.TRAINED if kind.startswith("training") else ConditionType.DEPLOYED
    return next((found.last_transition_time for found in change.conditions if found.type is wanted), None)


def _judged(item: DriftItem, rules: Sequence[DriftIgnore]) -> DriftItem:
    """With the reason of the first rule that tolerates it."""
    rule = next((rule for rule in rules if _tolerates(rule, item)), None)
    return replace(item, ignored=rule.reason) if rule else item


def _tolerates(rule: DriftIgnore, item: DriftItem) -> bool:
    name = item.address.partition("/")[2]
    return fnmatchcase(name.lower(), rule.model.lower()) and fnmatchcase(item.path, rule.path)
