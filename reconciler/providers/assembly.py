"""From the things that were found in the cloud, each with its owner tags, to what the project owns of each model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from reconciler.domain.catalog import ProviderName
from reconciler.domain.observation import (
    Artifact,
    Deployment,
    ModelObservation,
    ScheduleObservation,
    TrainingRun,
    Version,
)
from reconciler.domain.tags import Owner

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One thing in the cloud. A training run, an artifact and a leftover belong to the owner's fingerprint."""

    owner: Owner
    labels: Mapping[str, str]
    run: TrainingRun | None = None
    artifact: Artifact | None = None
    leftover: str | None = None
    deployment: Deployment | None = None
    promoted_from: str | None = None
    metrics: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Not just the record of a discarded run, which nobody updates any more."""
        return self.run is None or not self.run.discarded


def assemble(
    provider: ProviderName, pieces: Iterable[Piece], schedules: Mapping[str, tuple[ScheduleObservation, ...]]
) -> tuple[ModelObservation, ...]:
    """One observation a model, by name. A model of which only schedules are left is one, too."""
    by_model: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_model[piece.owner.model].append(piece)
    names = sorted({*by_model, *schedules})
    return tuple(_model(provider, name, by_model[name], schedules.get(name, ())) for name in names)


def _model(
    provider: ProviderName, name: str, pieces: Sequence[Piece], schedules: tuple[ScheduleObservation, ...]
) -> ModelObservation:
    live = [piece for piece in pieces if piece.is_live]
    versions = _versions(pieces)
    return ModelObservation(
        name=name,
        provider=provider,
        versions=versions,
        deployments=tuple(piece.deployment for piece in pieces if piece.deployment is not None),
        schedules=schedules,
        prevent_destroy=any(piece.owner.prevent_destroy for piece in live),
        deletion_policy="retain" if any(piece.owner.deletion_policy == "retain" for piece in live) else "delete",
        parent=_parent(versions, live),
        labels=_common_labels(live),
    )


def _versions(pieces: Sequence[Piece]) -> tuple[Version, ...]:
    """Oldest first."""
    by_fingerprint: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.owner.fingerprint is not None and piece.deployment is None:
            by_fingerprint[piece.owner.fingerprint].append(piece)
    versions = [_version(fingerprint, found) for fingerprint, found in by_fingerprint.items()]
    return tuple(sorted(versions, key=_age))


def _version(fingerprint: str, pieces: Sequence[Piece]) -> Version:
    """Of several attempts' artifacts the last one counts."""
    artifacts = sorted((p for p in pieces if p.artifact is not None), key=lambda piece: piece.owner.attempt)
    return Version(
        fingerprint=fingerprint,
        runs=tuple(sorted((p.run for p in pieces if p.run is not None), key=lambda run: run.attempt)),
        artifact=artifacts[-1].artifact if artifacts else None,
        leftovers=tuple(sorted(piece.leftover for piece in pieces if piece.leftover is not None)),
        promoted_from=next((piece.promoted_from for piece in pieces if piece.promoted_from), None),
        metrics=next((dict(piece.metrics) for piece in pieces if piece.promoted_from), {}),
    )


def _age(version: Version) -> tuple[datetime, str]:
    first = version.runs[0].created_at if version.runs else version.artifact and version.artifact.created_at
    return first or _NEVER, version.fingerprint


def _parent(versions: Sequence[Version], pieces: Sequence[Piece]) -> str | None:
    """As the newest version says."""
    newest = versions[-1].fingerprint if versions else None
    return next((piece.owner.parent for piece in pieces if piece.owner.fingerprint == newest), None)


def _common_labels(pieces: Sequence[Piece]) -> dict[str, str]:
    """What every piece carries: a label that is missing on one of them is still to be written."""
    if not pieces:
        return {}
    first, *others = pieces
    return {key: value for key, value in first.labels.items() if all(p.labels.get(key) == value for p in others)}
