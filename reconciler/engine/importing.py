"""Taking over what was trained elsewhere: the manifest's fingerprint goes into its tags, and from then on it is ours.

The fingerprint says "this is what training that manifest makes". Nobody can prove that of a training that somebody else ran; the
import states it, the manifest is what is reviewed, and every later change of the manifest trains as usual.
"""

from __future__ import annotations

import uuid

from reconciler.domain.desired import Configuration, DesiredModel
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.observation import Snapshot
from reconciler.domain.outcome import Outcome
from reconciler.domain.plan import Action, Change, Reason, Transition
from reconciler.domain.status import Status
from reconciler.domain.survey import Importable
from reconciler.domain.tags import Owner
from reconciler.engine.desire import desire
from reconciler.engine.observe import observe
from reconciler.engine.outside import Outside, RunSettings


def importable(found: Importable, project: str, name: str) -> None:
    """Raises ReconcilerError where somebody has it already; the same model of the same project may be imported again."""
    for owner in found.owners:
        if (owner.project, owner.model) != (project, name):
            raise ReconcilerError(
                f"{found.found.address} belongs to {owner.model} of project {owner.project}",
                hint="Only what carries no owner tags can be imported. To rename a model, use metadata.renamedFrom.",
            )


def wanted(configuration: Configuration, outside: Outside, name: str) -> DesiredModel:
    """The model with its fingerprint. Reads the data: raises InvalidInput where it is not there or not right."""
    desired, _ = desire(configuration, outside)
    return next(model for model in desired if model.name == name)


def adopt(
    configuration: Configuration, outside: Outside, found: Importable, model: DesiredModel, settings: RunSettings
) -> Outcome:
    """Under the project's lock: the manifest beside where artifacts go, then the tags. May be repeated.

    Raises LockHeld, CloudUnavailable, ReconcilerError.
    """
    outside.artifacts.prepare()
    lease = outside.lock.acquire(settings.operation, timeout=settings.lock_timeout)
    try:
        importable(found, configuration.project.name, model.name)
        _require_new(observe(configuration.project, outside), found, model)
        return _adopt(configuration, outside, found, model)
    finally:
        lease.release()


def _adopt(configuration: Configuration, outside: Outside, found: Importable, model: DesiredModel) -> Outcome:
    change, run = _change(found, model), uuid.uuid4().hex[:12]
    outside.journal.intend(run, change)
    outside.artifacts.put_manifest(model)
    surveyor = outside.surveyors[found.provider]
    outcome = surveyor.adopt(found, _owner(configuration, outside, model), model.resolved.labels)
    outside.journal.record(run, change, outcome)
    return outcome


def _require_new(snapshot: Snapshot, found: Importable, model: DesiredModel) -> None:
    """A version that was trained here under this fingerprint is not to be mixed with another of the same one."""
    observed = snapshot.model(model.name, model.resolved.provider)
    version = observed.version(model.fingerprint) if observed else None
    held = {holding.identifier for holding in found.holdings}
    others = [run.name for run in version.runs if run.identifier not in held] if version else []
    if others:
        raise ReconcilerError(
            f"the manifest of {model.name} has been trained already, as {', '.join(others)}",
            hint="Import it under another name (--name), or raise `revision` in the manifest first.",
        )


def _owner(configuration: Configuration, outside: Outside, model: DesiredModel) -> Owner:
    return Owner(
        project=configuration.project.name,
        model=model.name,
        fingerprint=model.fingerprint,
        created_by=outside.creator,
        prevent_destroy=model.resolved.prevent_destroy,
        parent=model.resolved.parent,
        deletion_policy=model.resolved.deletion_policy,
    )


def _change(found: Importable, model: DesiredModel) -> Change:
    """For the journal."""
    then = Status.DEPLOYED if found.serving else Status.NOT_DEPLOYED
    return Change(
        address=model.address,
        action=Action.ADOPT,
        target=found.version,
        provider=found.provider,
        fingerprint=model.fingerprint,
        attempt=1,
        reasons=(Reason(code="imported", message=f"imported from {found.found.address}"),),
        status=Transition(now=Status.ABSENT, then=then),
    )
