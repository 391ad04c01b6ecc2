"""Which model, and which of its versions and trainings, is meant on a command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.domain.desired import Configuration
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.naming import is_meant, short
from reconciler.domain.observation import (
    Deployment,
    ModelObservation,
    Snapshot,
    TrainingPhase,
    TrainingRun,
    Version,
)
from reconciler.domain.spelling import did_you_mean

ENDED = frozenset({TrainingPhase.COMPLETED, TrainingPhase.FAILED, TrainingPhase.STOPPED})


@dataclass(frozen=True)
class Held:
    """A version of a model; ``run``: one training of it."""

    model: ModelObservation
    version: Version
    run: TrainingRun | None = None


def models_named(name: str, snapshot: Snapshot, configuration: Configuration) -> tuple[ModelObservation, ...]:
    """All that the cloud holds under one name: of a model that moves, on two providers. Empty where it holds nothing yet.

    Raises ReconcilerError where neither the manifests nor the cloud know the name.
    """
    observed = tuple(model for model in snapshot.models if model.name == name)
    if not observed and name not in configuration.by_name():
        raise unknown(name, snapshot, configuration)
    return observed


def unknown(name: str, snapshot: Snapshot, configuration: Configuration) -> ReconcilerError:
    known = {*configuration.by_name(), *(model.name for model in snapshot.models)}
    hint = did_you_mean(name, sorted(known)) or "`reconciler status` lists what there is"
    return ReconcilerError(f"neither the manifests nor the cloud know a model {name!r}", hint=hint)


def versions_of(name: str, models: Sequence[ModelObservation], asked: str | None) -> tuple[Held, ...]:
    """All that anything is left of; the one whose fingerprint begins with ``asked``, where it is given.

    Raises ReconcilerError where that is none, or more than one.
    """
    left = [Held(model, version) for model in models for version in model.versions if not version.is_gone]
    if asked is None:
        return tuple(left)
    found = [held for held in left if is_meant(held.version.fingerprint, asked)]
    if len(found) != 1:
        told = "no version" if not found else "more than one version"
        there = ", ".join(short(held.version.fingerprint) for held in left) or "none"
        raise ReconcilerError(f"the cloud holds {told} {asked!r} of {name}", hint=f"There are: {there}.")
    return tuple(found)


def training_of(name: str, models: Sequence[ModelObservation], asked: str | None, attempt: int | None) -> Held:
    """The training under way, else the one begun last; of that version and attempt, where they are given. Raises ReconcilerError."""
    versions = versions_of(name, models, asked)
    runs = [Held(held.model, held.version, run) for held in versions for run in held.version.runs]
    meant = [held for held in runs if held.run and attempt in (None, held.run.attempt)]
    if not meant:
        which = f" {attempt}" if runs else ""
        hint = "; ".join(_instead(versions)) or "`reconciler apply` trains what the manifests ask for"
        raise ReconcilerError(f"{name} has no attempt{which} at a training here", hint=hint)
    return max(meant, key=_lateness)


def deployment_of(name: str, models: Sequence[ModelObservation]) -> tuple[ModelObservation, Deployment]:
    """Raises ReconcilerError where nothing is deployed."""
    found = [(model, deployment) for model in models for deployment in model.deployments]
    if not found:
        raise ReconcilerError(f"{name} is not deployed", hint="`reconciler status` tells where it stands")
    return found[0]


def _lateness(held: Held) -> tuple[bool, float]:
    assert held.run is not None
    began = held.run.created_at
    return held.run.phase not in ENDED, began.timestamp() if began else 0.0


def _instead(versions: Sequence[Held]) -> Iterator[str]:
    for version in (held.version for held in versions):
        if version.runs:
            yield f"version {short(version.fingerprint)} has the attempts {', '.join(str(r.attempt) for r in version.runs)}"
        elif version.promoted_from:
            yield f"version {short(version.fingerprint)} was trained in project {version.promoted_from}"
