"""How the training of one version stands, and what its next attempt would be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.domain.desired import DesiredModel
from reconciler.domain.observation import TrainingPhase, TrainingRun, Version
from reconciler.domain.outcome import FaultKind

ARTIFACT_GRACE = timedelta(minutes=5)
"""How long after the end of a training its artifact may still be missing from listings before it counts as deleted.
Lists of AWS are eventually consistent, and believing them too early would pay for a second training."""
_NEVER_RETRIED = frozenset({FaultKind.INPUT, FaultKind.QUOTA})


class Training(StrEnum):
    """Where the training of the wanted version stands."""

    UNTRAINED = "untrained"
    RUNNING = "running"
    STOPPING = "stopping"
    SETTLING = "settling"
    """Completed, but the artifact is not there or not ready yet."""
    TRAINED = "trained"
    REJECTED = "rejected"
    """Trained, but the promotion's bounds are not met."""
    LOST = "lost"
    """Completed, but the artifact was deleted since; once. Lost again, it counts as failed: whatever deletes it would go on."""
    NO_CAPACITY = "no capacity"
    """Failed for capacity, and another instance type is left to try."""
    RETRYABLE = "retryable"
    """Failed otherwise, and retries are left."""
    FAILED = "failed"
    """Failed, and nothing is left to try."""
    STOPPED = "stopped"


@dataclass(frozen=True)
class TrainingStanding:
    """``run`` is the one that the state tells of; ``next_*`` is what another attempt would be."""

    state: Training
    run: TrainingRun | None
    next_attempt: int
    next_instance_type: str | None


def training_standing(want: DesiredModel, version: Version | None, now: datetime) -> TrainingStanding:
    """Of the wanted version; promotion is judged elsewhere, so never ``REJECTED``."""
    runs = live_runs(version)
    run = _telling(runs)
    types = untried_types(want, runs)
    return TrainingStanding(
        state=_state(want, version, run, now),
        run=run,
        next_attempt=(version.last_attempt if version else 0) + 1,
        next_instance_type=types[0] if types else _first_type(want),
    )


def live_runs(version: Version | None) -> tuple[TrainingRun, ...]:
    """Without those whose artifact we deleted: they only count as attempts."""
    return tuple(run for run in version.runs if not run.discarded) if version else ()


def is_trained(version: Version | None) -> bool:
    """Its artifact is ready, and not the remains of a training that was stopped or failed."""
    if version is None or version.artifact is None or not version.artifact.ready:
        return False
    runs = live_runs(version)
    return version.promoted_from is not None or not runs or any(run.phase is TrainingPhase.COMPLETED for run in runs)


def is_active(run: TrainingRun) -> bool:
    return run.phase in (TrainingPhase.IN_PROGRESS, TrainingPhase.STOPPING)


def untried_types(want: DesiredModel, runs: tuple[TrainingRun, ...]) -> tuple[str, ...]:
    """Instance types of the manifest, in its order, without those that had no capacity for this version."""
    resources = want.resolved.resources
    if resources is None:
        return ()
    short = [run.instance_type for run in runs if _failed_for(run, FaultKind.CAPACITY)]
    types = [t for t in (resources.instance_type, *resources.fallback_instance_types) if t not in short]
    return tuple(types[short.count(None) :])


def failures(runs: tuple[TrainingRun, ...], *, counts_capacity: bool) -> int:
    """Failures that use up retries. Capacity moves on to the next type instead, where there are types; the others take a person."""
    spared = _NEVER_RETRIED if counts_capacity else _NEVER_RETRIED | {FaultKind.CAPACITY}
    failed = [run for run in runs if run.phase is TrainingPhase.FAILED]
    return sum(run.failure is None or run.failure.kind not in spared for run in failed)


def _telling(runs: tuple[TrainingRun, ...]) -> TrainingRun | None:
    """The one that still moves, else the last."""
    moving = [run for run in runs if is_active(run)]
    return moving[-1] if moving else (runs[-1] if runs else None)


def _state(want: DesiredModel, version: Version | None, run: TrainingRun | None, now: datetime) -> Training:
    if is_trained(version):
        return Training.TRAINED
    if run is None:
        return Training.SETTLING if version and version.artifact else Training.UNTRAINED
    match run.phase:
        case TrainingPhase.IN_PROGRESS:
            return Training.RUNNING
        case TrainingPhase.STOPPING:
            return Training.STOPPING
        case TrainingPhase.STOPPED:
            return Training.STOPPED
        case TrainingPhase.FAILED:
            return failed_state(want, live_runs(version), run)
        case TrainingPhase.COMPLETED:
            return _completed_state(version, run, now)


def _completed_state(version: Version | None, run: TrainingRun, now: datetime) -> Training:
    """Completed without an artifact that is ready."""
    arriving = version is not None and version.artifact is not None
    recent = run.ended_at is not None and now - run.ended_at < ARTIFACT_GRACE
    if arriving or recent:
        return Training.SETTLING
    completed = [each for each in live_runs(version) if each.phase is TrainingPhase.COMPLETED]
    return Training.FAILED if len(completed) > 1 else Training.LOST


def failed_state(want: DesiredModel, runs: tuple[TrainingRun, ...], run: TrainingRun) -> Training:
    """
    | fault    | instance types  | retries | training    |
    |----------|-----------------|---------|-------------|
    | input    | any             | any     | failed      |
    | quota    | any             | any     | failed      |
    | capacity | one is untried  | any     | no capacity |
    | capacity | all were tried  | any     | failed      |
    | capacity | there are none  | left    | retryable   |
    | capacity | there are none  | used up | failed      |
    | another  | any             | left    | retryable   |
    | another  | any             | used up | failed      |

    Bedrock has no instance types. Where the cloud gives no reason, it is another one.
    """
    kind = run.failure.kind if run.failure else None
    typed = want.resolved.resources is not None
    match kind:
        case _ if kind in _NEVER_RETRIED:
            return Training.FAILED
        case FaultKind.CAPACITY if typed:
            return Training.NO_CAPACITY if untried_types(want, runs) else Training.FAILED
        case _:
            counted = failures(runs, counts_capacity=not typed)
            return Training.RETRYABLE if counted <= want.resolved.training_retries else Training.FAILED


def _failed_for(run: TrainingRun, kind: FaultKind) -> bool:
    return run.phase is TrainingPhase.FAILED and run.failure is not None and run.failure.kind is kind


def _first_type(want: DesiredModel) -> str | None:
    resources = want.resolved.resources
    return resources.instance_type if resources else None
