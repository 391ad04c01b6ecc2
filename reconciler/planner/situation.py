"""Everything that decides about one model, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.domain.desired import DesiredModel
from reconciler.domain.naming import endpoint_name, version_name
from reconciler.domain.observation import Deployment, ModelObservation, Version
from reconciler.domain.plan import PlanOptions
from reconciler.domain.status import Status
from reconciler.planner.decide import Decision, Parent, Wish, decide_serving, decide_training
from reconciler.planner.promotion import Miss, misses
from reconciler.planner.rest import Rest, resting
from reconciler.planner.serving import Serving, current_deployment, leads_to, serving, was_deployed_so
from reconciler.planner.status import status_of
from reconciler.planner.training import Training, TrainingStanding, live_runs, training_standing

Recorded = Mapping[tuple[str, str], DesiredModel]


@dataclass(frozen=True)
class ParentStanding:
    """``depends_on``: ids of the changes that bring the parent's version."""

    state: Parent = Parent.READY
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Situation:
    """One wanted model and what its provider holds of it."""

    want: DesiredModel
    seen: ModelObservation
    now: datetime
    recorded: Recorded
    parent: ParentStanding
    training: TrainingStanding
    missed: tuple[Miss, ...]
    current: Deployment | None
    serving: Serving
    rest: Rest | None
    stopped_as_asked: bool
    """An apply stopped the training, because the manifests asked for that or for another version, and they ask for this one again."""
    retrain: bool
    redeploy: bool

    @property
    def wish(self) -> Wish:
        if not self.want.resolved.deployment.deployed:
            return Wish.UNDEPLOYED
        return Wish.RESTING if self.rest else Wish.DEPLOYED

    @property
    def training_decision(self) -> Decision:
        halted = self.want.resolved.training_stopped
        return decide_training(self.training.state, halted=halted, parent=self.parent.state, retrain=self.retrain)

    def serving_decision(self, *, ready: bool) -> Decision:
        committed = self.current is not None and is_committed(self.current, self.now)
        return decide_serving(self.wish, self.serving, ready=ready, redeploy=self.redeploy, committed=committed)

    @property
    def is_ready(self) -> bool:
        return self.training.state is Training.TRAINED

    @property
    def status(self) -> Status:
        return status_of(self.seen, self.want)

    @property
    def attempt_name(self) -> str:
        """The next attempt's."""
        return version_name(self.want.name, self.want.fingerprint, self.training.next_attempt)

    @property
    def endpoint(self) -> str:
        return endpoint_name(self.want.name)

    @property
    def baseline(self) -> str | None:
        """Fingerprint of the version that the wanted one is compared with: what serves, else the newest other one."""
        served = leads_to(self.current) if self.current else None
        others = [v.fingerprint for v in self.seen.versions if not v.is_gone and v.fingerprint != self.want.fingerprint]
        return served if served in others else (others[-1] if others else None)


def situation(
    want: DesiredModel,
    seen: ModelObservation,
    now: datetime,
    recorded: Recorded,
    options: PlanOptions,
    parent: ParentStanding,
) -> Situation:
    version = seen.version(want.fingerprint)
    written = recorded.get((want.name, want.fingerprint))
    current = current_deployment(want, seen)
    missed = misses(want, version)
    redeploy = want.name in options.redeploy
    was_deployed = was_deployed_so(want, written)
    training = _judged(training_standing(want, version, now), missed)
    as_asked = _stopped_as_asked(training, written)
    return Situation(
        want=want,
        seen=seen,
        now=now,
        recorded=recorded,
        parent=parent,
        training=training,
        missed=missed,
        current=current,
        serving=serving(want, current, written),
        rest=resting(want, seen, current, now, was_deployed=was_deployed, redeploy=redeploy),
        stopped_as_asked=as_asked,
        retrain=as_asked or want.name in options.retrain,
        redeploy=redeploy,
    )


def _stopped_as_asked(training: TrainingStanding, written: DesiredModel | None) -> bool:
    halted = training.state in (Training.STOPPED, Training.STOPPING)
    by_limit = training.run is not None and training.run.stopped_by_limit
    return halted and not by_limit and written is not None and written.resolved.training_stopped


def is_committed(deployment: Deployment, now: datetime) -> bool:
    """AWS deletes provisioned throughput with a commitment only once that has ended."""
    return deployment.commitment_ends_at is not None and deployment.commitment_ends_at > now


def active_versions(seen: ModelObservation) -> tuple[Version, ...]:
    return tuple(version for version in seen.versions if not version.is_gone)


def name_in_cloud(model: str, version: Version) -> str:
    """What a version's things are called: as its newest training, which may have its name from before a rename, or an import."""
    runs = live_runs(version)
    return runs[-1].name if runs else version_name(model, version.fingerprint, max(version.last_attempt, 1))


def _judged(standing: TrainingStanding, missed: tuple[Miss, ...]) -> TrainingStanding:
    rejected = standing.state is Training.TRAINED and bool(missed)
    return replace(standing, state=Training.REJECTED) if rejected else standing
