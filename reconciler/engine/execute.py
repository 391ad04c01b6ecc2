"""One pass over a plan: intent written first, then the call, then the outcome. Nobody sleeps here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import Configuration, DesiredModel
from reconciler.domain.errors import CloudUnavailable, InvalidInput, PlanChanged
from reconciler.domain.naming import endpoint_name
from reconciler.domain.observation import Artifact, ModelObservation
from reconciler.domain.outcome import Fault, FaultKind, Outcome, OutcomeState
from reconciler.domain.plan import Action, Change
from reconciler.domain.ports import (
    DeleteOrder,
    DeployOrder,
    Event,
    EventKind,
    Lease,
    Provider,
    TrainOrder,
    UndeployOrder,
    UpdateOrder,
)
from reconciler.domain.tags import Owner
from reconciler.engine.desire import dataset_rules
from reconciler.engine.outside import Outside, RunSettings, StopSignal
from reconciler.engine.propose import Proposal
from reconciler.engine.record import recorded_model
from reconciler.planner.promotion import misses
from reconciler.planner.serving import current_deployment
from reconciler.planner.training import is_trained


@dataclass(frozen=True)
class Performed:
    change: Change
    outcome: Outcome


@dataclass(frozen=True)
class Pass:
    """What one pass over a plan works with."""

    run: str
    configuration: Configuration
    proposal: Proposal
    outside: Outside
    settings: RunSettings
    stop: StopSignal
    lease: Lease


def execute(work: Pass, changes: Iterable[Change]) -> tuple[Performed, ...]:
    """Carry out ``changes`` in the order of their dependencies, up to ``parallelism`` at once.

    What depends on a change that failed, or that is only started, is left for a later pass. When asked to stop, or when
    the lock is no longer ours, the calls in flight are finished and no new one begins: what was not begun is not in the answer.
    """
    chosen = {change.id: change for change in changes}
    sorter = TopologicalSorter({c.id: [d for d in c.depends_on if d in chosen] for c in chosen.values()})
    sorter.prepare()
    performed: list[Performed] = []
    with ThreadPoolExecutor(max_workers=work.settings.parallelism) as pool:
        running: dict[Future[Outcome | None], Change] = {}
        blocked: set[str] = set()
        while sorter.is_active():
            for change in _ready(sorter, chosen):
                if blocked.intersection(change.depends_on):
                    blocked.add(change.id)
                    sorter.done(change.id)
                else:
                    running[pool.submit(_carry_out, work, change)] = change
            for change, outcome in _finished(running):
                if outcome is not None:
                    performed.append(Performed(change, outcome))
                if outcome is None or outcome.state is not OutcomeState.DONE:
                    blocked.add(change.id)
                sorter.done(change.id)
    return tuple(performed)


def _ready(sorter: TopologicalSorter[str], chosen: dict[str, Change]) -> Iterator[Change]:
    return (chosen[ready] for ready in sorter.get_ready())


def _finished(running: dict[Future[Outcome | None], Change]) -> list[tuple[Change, Outcome | None]]:
    if not running:
        return []
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    return [(running.pop(future), future.result()) for future in done]


def _carry_out(work: Pass, change: Change) -> Outcome | None:
    """``None``: not begun. Asked when a thread is free for it: there may be more changes than threads."""
    outside = work.outside
    if not _may_begin(work):
        return None
    outside.journal.intend(work.run, change)
    outside.progress.report(Event(kind=EventKind.STARTED, change=change))
    outcome = _attempt(work, change)
    if outcome is None:
        return None
    outside.journal.record(work.run, change, outcome)
    outside.progress.report(Event(kind=EventKind.FINISHED, change=change, outcome=outcome))
    return outcome


def _may_begin(work: Pass) -> bool:
    return work.lease.still_held() and not work.stop.is_set()


def _attempt(work: Pass, change: Change) -> Outcome | None:
    """Providers answer with Outcomes. Reaching the project's bucket may fail, which the next round tries again; and data that
    changed under our hands is no longer what was approved."""
    try:
        return _PERFORM[change.action](work, change)
    except CloudUnavailable as trouble:
        return Outcome.failed(Fault(kind=FaultKind.TRANSIENT, code="CloudUnavailable", message=str(trouble)))
    except (InvalidInput, PlanChanged) as trouble:
        return Outcome.failed(Fault(kind=FaultKind.TERMINAL, code=type(trouble).__name__, message=str(trouble)))


def _train(work: Pass, change: Change) -> Outcome | None:
    model = _wanted(work, change)
    return _written_first(work, recorded_model(model, deployed=False), lambda: _order_training(work, change, model))


def _order_training(work: Pass, change: Change, model: DesiredModel) -> Outcome | None:
    """``None``: somebody asked to stop, or took the lock, while data was uploaded. It lies there for the next run; nothing was
    ordered that costs money."""
    artifacts = work.outside.artifacts
    artifacts.put_weights(model)
    order = TrainOrder(
        name=change.target,
        owner=_owner(work, model, attempt=change.attempt or 1),
        model=model,
        attempt=change.attempt or 1,
        data=artifacts.put_training_data(model, dataset_rules(model.resolved, work.outside.catalog)),
        output_uri=artifacts.output_uri(model.name, model.fingerprint),
        program_uri=artifacts.put_program() if change.provider is ProviderName.SAGEMAKER else None,
        instance_type=change.instance_type,
        parent=_parent_artifact(work, model),
    )
    return _provider(work, change).train(order) if _may_begin(work) else None


def _stop(work: Pass, change: Change) -> Outcome:
    """That it was asked for is written beside the version: asked for again, it is trained again, as nobody else stopped it."""
    observed = _observed(work, change)
    runs = [run for version in observed.versions for run in version.runs if run.name == change.target]
    if not runs:
        return Outcome.done("already gone")
    outcome = _provider(work, change).stop(runs[0])
    then = work.outside.artifacts.recorded(observed.name, change.fingerprint or "")
    if outcome.state is not OutcomeState.FAILED and then is not None:
        stopped = then.resolved.model_copy(update={"training_stopped": True})
        work.outside.artifacts.put_manifest(then.model_copy(update={"resolved": stopped}))
    return outcome


def _deploy(work: Pass, change: Change) -> Outcome | None:
    provider = _provider(work, change)
    return _written_first(work, _wanted(work, change), lambda: provider.deploy(_deploy_order(work, change)))


def _roll(work: Pass, change: Change) -> Outcome | None:
    provider = _provider(work, change)
    return _written_first(work, _wanted(work, change), lambda: provider.roll(_deploy_order(work, change)))


def _written_first(work: Pass, said: DesiredModel, ask: Callable[[], Outcome | None]) -> Outcome | None:
    """What is asked for is written beside the version first, and taken back where nothing comes of it: what was refused is not
    missed later, as if somebody had taken it away, and that an apply stopped the last training holds on."""
    artifacts, begun = work.outside.artifacts, False
    before = artifacts.recorded(said.name, said.fingerprint) or recorded_model(said, deployed=False)
    artifacts.put_manifest(said)
    try:
        outcome = ask()
        begun = outcome is not None and outcome.state is not OutcomeState.FAILED
        return outcome
    finally:
        if not begun:
            artifacts.put_manifest(before)


def _undeploy(work: Pass, change: Change) -> Outcome:
    observed = _observed(work, change)
    deployment = next((d for d in observed.deployments if d.identifier == change.deployment), None)
    wanted = work.proposal.wanted(observed.name)
    keeps_schedules = wanted is not None and wanted.resolved.deployment.deployed
    if not keeps_schedules:
        _no_longer_asked(work, observed, wanted)
    order = UndeployOrder(
        model=observed.name, deployment=deployment, schedules=observed.schedules, keep_schedules=keeps_schedules
    )
    return _provider(work, change).undeploy(order)


def _no_longer_asked(work: Pass, observed: ModelObservation, wanted: DesiredModel | None) -> None:
    """Also of older versions: one that is rolled back to, or restored, is not missed as if somebody had taken it away."""
    artifacts = work.outside.artifacts
    if wanted is not None:
        artifacts.put_manifest(wanted)
    for version in observed.versions:
        then = artifacts.recorded(observed.name, version.fingerprint)
        if then is not None and then.resolved.deployment.deployed:
            artifacts.put_manifest(recorded_model(then, deployed=False))


def _delete(work: Pass, change: Change) -> Outcome:
    observed = _observed(work, change)
    version = observed.version(change.fingerprint or "")
    if version is None:
        return Outcome.done("already gone")
    retain = observed.deletion_policy == "retain"
    order = DeleteOrder(model=observed.name, version=version, retain=retain)
    provider = _provider(work, change)
    if not retain:
        unused = provider.require_unused(order)
        if unused.state is OutcomeState.FAILED:
            return unused
        work.outside.artifacts.discard(observed.name, version)
    return provider.delete(order)


def _update(work: Pass, change: Change) -> Outcome:
    """After a rename that was interrupted some things carry the former name still: those come first."""
    model = _wanted(work, change)
    left = _under_former_name(work, change, model)
    observed = left or _observed(work, change)
    work.outside.artifacts.put_manifest(recorded_model(model, deployed=bool(observed.deployments)))
    owner = _owner(work, model).model_copy(update={"fingerprint": None})
    version = observed.version(model.fingerprint)
    order = UpdateOrder(
        owner=owner,
        model=model,
        observed=observed,
        deployable=is_trained(version) and not misses(model, version),
        former_name=left.name if left else None,
    )
    return _provider(work, change).update(order)


def _under_former_name(work: Pass, change: Change, model: DesiredModel) -> ModelObservation | None:
    former = model.resolved.renamed_from
    if former is None or work.proposal.wanted(former) is not None:
        return None
    found = [m for m in work.proposal.snapshot.models if m.name == former and m.provider is change.provider]
    return found[0] if found else None


_PERFORM: dict[Action, Callable[[Pass, Change], Outcome | None]] = {
    Action.TRAIN: _train,
    Action.STOP: _stop,
    Action.DEPLOY: _deploy,
    Action.ROLL: _roll,
    Action.UNDEPLOY: _undeploy,
    Action.DELETE: _delete,
    Action.UPDATE: _update,
}
"""``adopt`` is not here: nothing plans it before resources can be imported."""


def _provider(work: Pass, change: Change) -> Provider:
    return work.outside.providers[change.provider]


def _wanted(work: Pass, change: Change) -> DesiredModel:
    model = work.proposal.wanted(change.address.partition("/")[2])
    assert model is not None, f"{change.id} needs the manifest of {change.address}"
    return model


def _observed(work: Pass, change: Change) -> ModelObservation:
    name = change.address.partition("/")[2]
    found = [m for m in work.proposal.snapshot.models if m.name == name and m.provider is change.provider]
    return found[0] if found else ModelObservation(name=name, provider=change.provider)


def _deploy_order(work: Pass, change: Change) -> DeployOrder:
    model = _wanted(work, change)
    observed = _observed(work, change)
    version = observed.version(model.fingerprint)
    assert version is not None, f"{change.id} was planned without a trained version"
    current = current_deployment(model, observed)
    asked = model.resolved.deployment.instance_count
    kept = current.instance_count if current is not None and asked is None else asked
    return DeployOrder(
        name=endpoint_name(model.name),
        owner=_owner(work, model, attempt=version.last_attempt or 1),
        model=model,
        version=version,
        current=current,
        instance_count=kept or 1,
    )


def _owner(work: Pass, model: DesiredModel, attempt: int = 1) -> Owner:
    return Owner(
        project=work.configuration.project.name,
        model=model.name,
        fingerprint=model.fingerprint,
        attempt=attempt,
        created_by=work.outside.creator,
        prevent_destroy=model.resolved.prevent_destroy,
        parent=model.resolved.parent,
        deletion_policy=model.resolved.deletion_policy,
    )


def _parent_artifact(work: Pass, model: DesiredModel) -> Artifact | None:
    if model.resolved.parent is None or model.parent_fingerprint is None:
        return None
    parent = work.proposal.snapshot.model(model.resolved.parent, model.resolved.provider)
    version = parent.version(model.parent_fingerprint) if parent else None
    return version.artifact if version else None
