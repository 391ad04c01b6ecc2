"""A cloud in memory, just big enough to carry plans out. It refuses what a real one would come to grief over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.naming import endpoint_name
from reconciler.domain.observation import (
    Artifact,
    Deployment,
    DeploymentPhase,
    ModelObservation,
    Snapshot,
    TrainingPhase,
    TrainingRun,
    Version,
)
from reconciler.domain.outcome import Fault
from reconciler.domain.plan import Action, Change, Plan, PlanOptions
from reconciler.domain.tags import Owner
from reconciler.planner.plan import make_plan
from tests.builders import BEDROCK, NOW, a_configuration, a_snapshot

Key = tuple[str, ProviderName]


_PLAIN = PlanOptions()


class ToyWorld:
    """Everything takes one tick: trainings, deployments, deletions."""

    def __init__(self) -> None:
        self.models: dict[Key, ModelObservation] = {}
        self.recorded: dict[tuple[str, str], DesiredModel] = {}
        self.now = NOW
        self.paid: Counter[tuple[str, str]] = Counter()
        """Trainings begun, by model and fingerprint."""
        self.failing: dict[str, Fault] = {}
        """Trainings that will fail, by name."""

    def snapshot(self) -> Snapshot:
        models = [self.models[key] for key in sorted(self.models)]
        return a_snapshot(*models, observed_at=self.now)

    def plan(self, wanted: Sequence[DesiredModel], options: PlanOptions) -> Plan:
        return make_plan(a_configuration(*wanted), wanted, self.snapshot(), options, self.recorded)

    def reconcile(self, wanted: Sequence[DesiredModel], options: PlanOptions = _PLAIN, most: int = 40) -> Plan:
        """Plan, do, let time pass, until nothing acts or moves any more."""
        for _ in range(most):
            plan = self.plan(wanted, options)
            if not any(change.action.mutates or change.action is Action.WAIT for change in plan.changes):
                return plan
            self.carry_out(plan, wanted)
            self.tick()
        raise AssertionError(f"still not quiet after {most} rounds: {[change.id for change in plan.pending]}")

    def carry_out(self, plan: Plan, wanted: Sequence[DesiredModel]) -> None:
        """One pass, as the engine makes it: what depends on something just started is left for the next."""
        by_name = {model.name: model for model in wanted}
        acting = {change.id for change in plan.changes if change.action.mutates}
        started: set[str] = set()
        for change in plan.changes:
            if change.id not in acting:
                continue
            if started.intersection(change.depends_on):
                started.add(change.id)
                continue
            self._do(change, by_name.get(change.address.partition("/")[2]))
            if change.action not in (Action.DELETE, Action.UPDATE):
                started.add(change.id)

    def tick(self) -> None:
        self.now += timedelta(minutes=10)
        self.models = {key: self._settled(model) for key, model in self.models.items()}

    def lose_deployment(self, name: str) -> None:
        """Somebody deletes it by hand."""
        for key, model in self.models.items():
            left = tuple(deployment for deployment in model.deployments if deployment.name != name)
            self.models[key] = model.model_copy(update={"deployments": left})

    def _do(self, change: Change, want: DesiredModel | None) -> None:
        key = (change.address.partition("/")[2], change.provider)
        seen = self.models.get(key) or ModelObservation(name=key[0], provider=change.provider)
        verb = _VERBS[change.action]
        self.models[key] = verb(self, change, seen, want)

    def train(self, change: Change, seen: ModelObservation, want: DesiredModel | None) -> ModelObservation:
        assert want is not None
        assert change.fingerprint == want.fingerprint
        runs = [run.name for model in self.models.values() for version in model.versions for run in version.runs]
        assert change.target not in runs, f"{change.target} exists"
        self._require_parent(want)
        self.paid[want.name, want.fingerprint] += 1
        self.recorded[want.name, want.fingerprint] = _undeployed(want)
        run = TrainingRun(
            name=change.target,
            identifier=change.target,
            attempt=change.attempt or 1,
            phase=TrainingPhase.IN_PROGRESS,
            created_at=self.now,
            instance_type=change.instance_type,
        )
        version = seen.version(want.fingerprint) or Version(fingerprint=want.fingerprint)
        grown = version.model_copy(update={"runs": (*version.runs, run)})
        return _tagged(_with_version(seen, grown), want)

    def _require_parent(self, want: DesiredModel) -> None:
        parents = [m for m in self.models.values() if m.name == want.resolved.parent]
        versions = [model.version(want.parent_fingerprint or "") for model in parents]
        trained = any(version is not None and version.artifact is not None for version in versions)
        assert want.resolved.parent is None or trained, f"{want.name} trains before its parent is there"

    def stop(self, change: Change, seen: ModelObservation, _: DesiredModel | None) -> ModelObservation:
        (version,) = (v for v in seen.versions if any(run.name == change.target for run in v.runs))
        runs = tuple(_phased(run, TrainingPhase.STOPPING) if run.name == change.target else run for run in version.runs)
        return _with_version(seen, version.model_copy(update={"runs": runs}))

    def deploy(self, change: Change, seen: ModelObservation, want: DesiredModel | None) -> ModelObservation:
        assert want is not None
        assert change.target not in [d.name for d in seen.deployments], f"{change.target} is there already"
        made = self._served(want, DeploymentPhase.CREATING, None)
        return seen.model_copy(update={"deployments": (*seen.deployments, made)})

    def roll(self, change: Change, seen: ModelObservation, want: DesiredModel | None) -> ModelObservation:
        assert want is not None
        (current,) = (d for d in seen.deployments if d.name == change.target)
        assert current.phase in (DeploymentPhase.IN_SERVICE, DeploymentPhase.UPDATE_FAILED)
        assert current.kind is want.resolved.deployment.kind
        return _with_deployment(seen, self._served(want, DeploymentPhase.UPDATING, current.fingerprint))

    def _served(self, want: DesiredModel, phase: DeploymentPhase, serves: str | None) -> Deployment:
        seen = self.models[want.name, want.resolved.provider]
        version = seen.version(want.fingerprint)
        assert version is not None
        assert version.artifact is not None, f"{want.name} is deployed before it is trained"
        self.recorded[want.name, want.fingerprint] = want
        wanted = want.resolved.deployment
        return Deployment(
            name=endpoint_name(want.name),
            identifier=want.name,
            kind=wanted.kind,
            phase=phase,
            fingerprint=serves,
            target_fingerprint=want.fingerprint,
            instance_type=wanted.instance_type,
            instance_count=wanted.instance_count or 1,
            model_units=wanted.model_units,
            commitment=wanted.commitment,
            created_at=self.now,
            owner=Owner(project="acme-llms", model=want.name, fingerprint=want.fingerprint),
        )

    def undeploy(self, change: Change, seen: ModelObservation, _: DesiredModel | None) -> ModelObservation:
        (current,) = (d for d in seen.deployments if d.name == change.target)
        gone = current.model_copy(update={"phase": DeploymentPhase.DELETING})
        return _with_deployment(seen, gone)

    def delete(self, change: Change, seen: ModelObservation, _: DesiredModel | None) -> ModelObservation:
        version = seen.version(change.fingerprint or "")
        assert version is not None
        for deployment in seen.deployments:
            assert change.fingerprint not in (deployment.fingerprint, deployment.target_fingerprint), "it serves"
        assert not any(run.phase is TrainingPhase.IN_PROGRESS for run in version.runs)
        if seen.provider is BEDROCK:
            runs = tuple(run.model_copy(update={"discarded": True}) for run in version.runs)
            return _with_version(seen, version.model_copy(update={"runs": runs, "artifact": None}))
        left = tuple(v for v in seen.versions if v.fingerprint != change.fingerprint)
        return seen.model_copy(update={"versions": left})

    def update(self, change: Change, seen: ModelObservation, want: DesiredModel | None) -> ModelObservation:
        assert want is not None
        former = self.models.pop((want.resolved.renamed_from or "", want.resolved.provider), None)
        if former is not None:
            versions, deployments = (*former.versions, *seen.versions), (*former.deployments, *seen.deployments)
            seen = seen.model_copy(update={"versions": versions, "deployments": deployments})
        return _tagged(seen, want)

    def _settled(self, model: ModelObservation) -> ModelObservation:
        versions = tuple(self._trained(version) for version in model.versions)
        deployments = tuple(_in_service(d) for d in model.deployments if d.phase is not DeploymentPhase.DELETING)
        return model.model_copy(update={"versions": versions, "deployments": deployments})

    def _trained(self, version: Version) -> Version:
        runs = tuple(self._ended(run) for run in version.runs)
        completed = [run for run in runs if run.phase is TrainingPhase.COMPLETED and not run.discarded]
        artifact = Artifact(identifier=completed[-1].name, name=completed[-1].name) if completed else None
        return version.model_copy(update={"runs": runs, "artifact": artifact})

    def _ended(self, run: TrainingRun) -> TrainingRun:
        if run.phase is TrainingPhase.STOPPING:
            return _phased(run, TrainingPhase.STOPPED)
        if run.phase is not TrainingPhase.IN_PROGRESS:
            return run
        failure = self.failing.get(run.name)
        ended = _phased(run, TrainingPhase.FAILED if failure else TrainingPhase.COMPLETED)
        return ended.model_copy(update={"failure": failure, "ended_at": self.now})


_Verb = Callable[[ToyWorld, Change, ModelObservation, DesiredModel | None], ModelObservation]

_VERBS: dict[Action, _Verb] = {
    Action.TRAIN: ToyWorld.train,
    Action.STOP: ToyWorld.stop,
    Action.DEPLOY: ToyWorld.deploy,
    Action.ROLL: ToyWorld.roll,
    Action.UNDEPLOY: ToyWorld.undeploy,
    Action.DELETE: ToyWorld.delete,
    Action.UPDATE: ToyWorld.update,
}


def _undeployed(want: DesiredModel) -> DesiredModel:
    deployment = want.resolved.deployment.model_copy(update={"deployed": False})
    return want.model_copy(update={"resolved": want.resolved.model_copy(update={"deployment": deployment})})


def _tagged(seen: ModelObservation, want: DesiredModel) -> ModelObservation:
    resolved = want.resolved
    return seen.model_copy(
        update={
            "prevent_destroy": resolved.prevent_destroy,
            "deletion_policy": resolved.deletion_policy,
            "labels": resolved.labels,
            "parent": resolved.parent,
        }
    )


def _phased(run: TrainingRun, phase: TrainingPhase) -> TrainingRun:
    return run.model_copy(update={"phase": phase})


def _in_service(deployment: Deployment) -> Deployment:
    if deployment.phase not in (DeploymentPhase.CREATING, DeploymentPhase.UPDATING):
        return deployment
    serves = {"phase": DeploymentPhase.IN_SERVICE, "fingerprint": deployment.target_fingerprint}
    return deployment.model_copy(update=serves)


def _with_version(seen: ModelObservation, version: Version) -> ModelObservation:
    others = [v for v in seen.versions if v.fingerprint != version.fingerprint]
    known = len(others) < len(seen.versions)
    replaced = tuple(version if v.fingerprint == version.fingerprint else v for v in seen.versions)
    return seen.model_copy(update={"versions": replaced if known else (*seen.versions, version)})


def _with_deployment(seen: ModelObservation, deployment: Deployment) -> ModelObservation:
    others = [d for d in seen.deployments if d.name != deployment.name]
    return seen.model_copy(update={"deployments": (*others, deployment)})
