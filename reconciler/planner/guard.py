"""What must not happen by accident, told as diagnostics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic, error, warning
from reconciler.domain.naming import short
from reconciler.domain.observation import DeploymentPhase, ForeignResource, ModelObservation, Snapshot
from reconciler.domain.plan import Action, Change, PlanOptions
from reconciler.domain.spelling import did_you_mean
from reconciler.planner.rest import moment
from reconciler.planner.training import is_trained

MASS_DELETION_SHARE = 0.3
MASS_DELETION_FROM = 10
"""Models below which any share may go: octoDNS' rule."""

RECENT_TRAFFIC = timedelta(hours=1)


@dataclass(frozen=True)
class Case:
    """What is judged. ``doomed`` is what no manifest wants any more, nor anything that replaces it."""

    snapshot: Snapshot
    wanted: Sequence[DesiredModel]
    doomed: Sequence[ModelObservation]
    changes: Sequence[Change]
    options: PlanOptions

    def destroys(self, seen: ModelObservation) -> bool:
        address = f"FineTunedModel/{seen.name}"
        return any(c.address == address and c.provider is seen.provider and c.action.destroys for c in self.changes)


def guard(case: Case) -> tuple[Diagnostic, ...]:
    """Everything at once."""
    rules = (
        _unknown_names,
        _prevent_destroy,
        _mass_deletion,
        _has_children,
        _live_traffic,
        _looks_renamed,
        _deletes_serving,
        _commitments,
        _final_deletions,
    )
    return tuple(diagnostic for rule in rules for diagnostic in rule(case))


def foreign(resource: ForeignResource, want: DesiredModel) -> Diagnostic:
    """Somebody else's thing has a name that this model needs."""
    owner = resource.owner
    whose = (
        f"It belongs to project {owner.project}, model {owner.model}" if owner else "It carries no tags of this project"
    )
    return error(
        "foreign-resource",
        f"The {resource.kind}'s name is taken by somebody else",
        detail=f"{resource.kind} {resource.name} exists: {resource.identifier}. {whose}; it is never touched.",
        hint="Rename the model, delete that resource, or import it if it is yours.",
        where=want.resolved.where,
        address=want.address,
    )


def collision(one: Change, other: Change) -> Diagnostic:
    """Two models whose computed names are one, once shortened to 63 characters."""
    return error(
        "name-collision",
        "Two models come to one name in the cloud",
        detail=f"{one.address} and {other.address} would both be called {one.target}, once shortened to 63 characters.",
        hint="Rename one of them so that the first 50 characters differ.",
        address=other.address,
    )


def _unknown_names(case: Case) -> Iterator[Diagnostic]:
    known = {model.name for model in case.wanted} | {model.name for model in case.snapshot.models}
    asked = {"--target": case.options.targets, "--retrain": case.options.retrain, "--redeploy": case.options.redeploy}
    for flag, names in asked.items():
        for name in sorted({model_name(target) for target in names} - known):
            yield error(
                "unknown-model",
                f"{flag} names a model that does not exist",
                detail=f"{name} is neither in the manifests nor in the cloud.",
                hint=did_you_mean(name, sorted(known)),
            )


def model_name(target: str) -> str:
    """Of ``FineTunedModel/support-bot`` or ``support-bot``."""
    return target.rpartition("/")[2]


def _prevent_destroy(case: Case) -> Iterator[Diagnostic]:
    for seen in case.doomed:
        if seen.prevent_destroy and case.destroys(seen):
            yield error(
                "prevent-destroy",
                "A protected model would be destroyed",
                detail=f"{seen.name} carries `preventDestroy: true`, and its manifest is gone or `destroy` was asked for.",
                hint="Bring its manifest back; to delete it, apply `lifecycle: {preventDestroy: false}` first.",
                address=f"FineTunedModel/{seen.name}",
                overridable=True,
            )


def _mass_deletion(case: Case) -> Iterator[Diagnostic]:
    total = {model.name for model in case.snapshot.models}
    going = {seen.name for seen in case.doomed if case.destroys(seen)}
    if len(total) >= MASS_DELETION_FROM and len(going) > MASS_DELETION_SHARE * len(total):
        yield error(
            "mass-deletion",
            "A large share of the project would be destroyed",
            detail=f"{len(going)} of {len(total)} models would go: {_listed(sorted(going))}.",
            hint="If a folder of manifests went missing, bring it back; else `--allow mass-deletion`.",
            overridable=True,
        )


def _has_children(case: Case) -> Iterator[Diagnostic]:
    going = {seen.name for seen in case.doomed if case.destroys(seen)}
    for parent in sorted(going):
        children = sorted(_children(case, parent) - going)
        if children:
            yield error(
                "has-children",
                "A model that others build on would be destroyed",
                detail=f"{_listed(children)} build on {parent}; without it they cannot be trained again.",
                hint="Delete those too, or keep it.",
                address=f"FineTunedModel/{parent}",
                overridable=True,
            )


def _children(case: Case, parent: str) -> set[str]:
    """By manifest where there is one, else by tags."""
    wanted = {model.name: model.resolved.parent for model in case.wanted}
    seen = {model.name: model.parent for model in case.snapshot.models}
    return {name for name, builds_on in (seen | wanted).items() if builds_on == parent}


def _live_traffic(case: Case) -> Iterator[Diagnostic]:
    doomed = {(seen.name, seen.provider) for seen in case.doomed}
    for seen in case.snapshot.models:
        if not _undeploys(case, seen) or not _in_use(seen, case.snapshot):
            continue
        last = moment(seen.last_invoked_at) if seen.last_invoked_at else ""
        told = {
            "detail": f"{seen.name} was last invoked at {last}, less than an hour ago. Clients will get errors.",
            "hint": "Move its clients first.",
            "address": f"FineTunedModel/{seen.name}",
        }
        summary = "A model in use would be undeployed"
        if (seen.name, seen.provider) in doomed:
            yield error("live-traffic", summary, **told, overridable=True)
        else:
            yield warning("live-traffic", summary, **told)


def _undeploys(case: Case, seen: ModelObservation) -> bool:
    names = {deployment.name for deployment in seen.deployments}
    undeploys = [c for c in case.changes if c.action is Action.UNDEPLOY and c.provider is seen.provider]
    return any(change.target in names for change in undeploys)


def _in_use(seen: ModelObservation, snapshot: Snapshot) -> bool:
    return seen.last_invoked_at is not None and snapshot.observed_at - seen.last_invoked_at < RECENT_TRAFFIC


def _looks_renamed(case: Case) -> Iterator[Diagnostic]:
    """A name is no part of the fingerprint: nobody has to train again for one, or to be without what serves meanwhile."""
    leaving = [seen for seen in case.doomed if case.destroys(seen)]
    wanted = {model.address: model for model in case.wanted}
    for change in (change for change in case.changes if change.address in wanted and change.trains):
        model = wanted[change.address]
        same = [
            seen for seen in leaving if seen.provider is change.provider and is_trained(seen.version(model.fingerprint))
        ]
        for former in same[:1]:
            yield warning(
                "looks-renamed",
                "A model looks renamed",
                detail=f"{former.name} was trained to be version {short(model.fingerprint)}, as {model.name} asks for. It would be "
                "destroyed, and the same be trained again.",
                hint=f"To give it another name, without a training, write `renamedFrom: {former.name}` below `metadata`.",
                where=model.resolved.where,
                address=model.address,
            )


def _deletes_serving(case: Case) -> Iterator[Diagnostic]:
    for seen in case.doomed:
        serving = [d.name for d in seen.deployments if d.phase is DeploymentPhase.IN_SERVICE]
        if serving and case.destroys(seen):
            yield warning(
                "deletes-serving",
                "A model that serves would be destroyed",
                detail=f"{seen.name} is deployed as {_listed(serving)}.",
                address=f"FineTunedModel/{seen.name}",
            )


def _commitments(case: Case) -> Iterator[Diagnostic]:
    for change in case.changes:
        for reason in (reason for reason in change.reasons if reason.code == "committed"):
            yield warning(
                "commitment",
                "A commitment has not ended yet",
                detail=f"{reason.message}. It is paid until then, used or not.",
                address=change.address,
            )


def _final_deletions(case: Case) -> Iterator[Diagnostic]:
    """Bedrock has no trash."""
    for change in case.changes:
        if change.action is Action.DELETE and change.provider is ProviderName.BEDROCK and _has_artifact(case, change):
            yield warning(
                "final-deletion",
                "A deletion on Bedrock is final",
                detail=f"Custom model {change.target} cannot be restored once it is deleted, only trained again.",
                address=change.address,
            )


def _has_artifact(case: Case, change: Change) -> bool:
    name = model_name(change.address)
    models = [m for m in case.snapshot.models if m.name == name and m.provider is change.provider]
    versions = [m.version(change.fingerprint or "") for m in models if m.deletion_policy != "retain"]
    return any(version is not None and version.artifact is not None for version in versions)


def _listed(names: Iterable[str], most: int = 10) -> str:
    all_names = list(names)
    more = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + more
