"""Bringing a deleted version back from the trash: its files return to where they lay, and it is registered under its tags again.

SageMaker's record of the training is gone for good; what it measured was written down before. Nothing is trained and nothing
deployed: the next plan finds the version there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import Configuration, DesiredModel
from reconciler.domain.diagnostic import Diagnostic, warning
from reconciler.domain.errors import LockHeld, ReconcilerError
from reconciler.domain.naming import is_meant, short, version_name
from reconciler.domain.outcome import Outcome
from reconciler.domain.plan import Plan
from reconciler.domain.ports import Discarded, RegisterOrder
from reconciler.domain.tags import Owner
from reconciler.engine.outside import Outside, RunSettings
from reconciler.engine.record import recorded_model
from reconciler.planner.promotion import final_metrics


@dataclass(frozen=True)
class Restored:
    """``wanted``: the manifest asks for this very version."""

    entry: Discarded
    outcome: Outcome
    wanted: bool


def in_trash(plan: Plan, outside: Outside) -> Iterator[Diagnostic]:
    """A warning for each training that would make again what lies in the trash. Looks only where something would be trained."""
    trainings = [c for c in plan.changes if c.trains and c.provider is ProviderName.SAGEMAKER]
    found = (
        {(entry.model, entry.version.fingerprint): entry for entry in outside.artifacts.discarded()}
        if trainings
        else {}
    )
    for change in trainings:
        name = change.address.partition("/")[2]
        entry = found.get((name, change.fingerprint or ""))
        if entry is not None:
            yield warning(
                "in-trash",
                "What would be trained lies in the trash",
                detail=f"Version {short(entry.version.fingerprint)} of {name} was deleted on {entry.deleted_on} and is kept until "
                f"{entry.expires_on}.",
                hint=f"`reconciler restore {name}` brings it back without training",
                address=change.address,
            )


def chosen(entries: Sequence[Discarded], name: str, asked: str | None, wanted: str) -> Discarded:
    """By the beginning of its fingerprint; else the one that the manifest asks for, else the one that was deleted last.

    Raises ReconcilerError where there is none, or more than one.
    """
    own = {entry.version.fingerprint: entry for entry in entries if entry.model == name}
    if not own:
        raise ReconcilerError(
            f"the trash holds no version of {name}", hint="`reconciler restore --list` shows what it holds."
        )
    if asked is None:
        return own.get(wanted) or list(own.values())[-1]
    found = [entry for fingerprint, entry in own.items() if is_meant(fingerprint, asked)]
    if len(found) != 1:
        told = "no version" if not found else "more than one version"
        raise ReconcilerError(
            f"the trash holds {told} {asked!r} of {name}", hint=f"There are: {', '.join(short(each) for each in own)}."
        )
    return found[0]


def restore(
    configuration: Configuration, outside: Outside, model: DesiredModel, entry: Discarded, settings: RunSettings
) -> Restored:
    """Under the project's lock. May be repeated after an interruption. Raises LockHeld, CloudUnavailable, ReconcilerError."""
    lease = outside.lock.acquire(settings.operation, timeout=settings.lock_timeout)
    try:
        outside.artifacts.give_back(entry)
        if not lease.still_held():
            raise LockHeld(
                f"the lock of {configuration.project.name} was taken over: the files are back, and not registered"
            )
        order = _order(configuration, outside, model, entry)
        outside.artifacts.put_manifest(recorded_model(order.model, deployed=False))
        outcome = outside.providers[model.resolved.provider].register(order)
        if outcome.fault is None:
            outside.artifacts.forget(entry)
    finally:
        lease.release()
    return Restored(entry, outcome, wanted=model.fingerprint == entry.version.fingerprint)


def _order(configuration: Configuration, outside: Outside, model: DesiredModel, entry: Discarded) -> RegisterOrder:
    """As whoever trained it: this project, unless it was promoted from another."""
    version, project = entry.version, configuration.project.name
    if version.artifact is None or not outside.artifacts.holds(version.artifact):
        raise ReconcilerError(f"the artifact of version {short(version.fingerprint)} of {model.name} is gone")
    then = outside.artifacts.recorded(model.name, version.fingerprint)
    if then is None:  # deleted by hand, or of another release
        raise ReconcilerError(
            f"what version {short(version.fingerprint)} of {model.name} was made from is not recorded"
        )
    return RegisterOrder(
        name=version_name(model.name, version.fingerprint),
        owner=Owner(
            project=project,
            model=model.name,
            fingerprint=version.fingerprint,
            created_by=outside.creator,
            prevent_destroy=model.resolved.prevent_destroy,
            parent=then.resolved.parent,
            deletion_policy=model.resolved.deletion_policy,
        ),
        model=then,
        artifact=version.artifact,
        promoted_from=version.promoted_from or project,
        metrics=dict(final_metrics(version)),
    )
