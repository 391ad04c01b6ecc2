"""Ask every provider for all that the project owns, and put it in one Snapshot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from reconciler.domain.desired import ProjectSettings
from reconciler.domain.observation import ModelObservation, Snapshot, Version
from reconciler.domain.ports import Event, EventKind, StoredArtifacts
from reconciler.engine.outside import Outside


def observe(project: ProjectSettings, outside: Outside) -> Snapshot:
    """All providers at once. An error while looking is raised, never taken for absence."""
    outside.progress.report(Event(kind=EventKind.OBSERVING, message=f"Looking at {project.cloud} {project.region}"))
    observed_at = outside.clock.now()
    with ThreadPoolExecutor(max_workers=1 + len(outside.providers)) as pool:
        listing = pool.submit(outside.artifacts.stored)
        looks = [pool.submit(provider.observe) for provider in outside.providers.values()]
        models = [_with_stored(model, listing.result()) for look in looks for model in look.result().models]
    return Snapshot(
        project=project.name,
        cloud=project.cloud,
        account=outside.account,
        region=project.region,
        observed_at=observed_at,
        models=tuple(sorted(models, key=_by_name)),
    )


def _with_stored(model: ModelObservation, stored: StoredArtifacts) -> ModelObservation:
    """Artifacts in S3 as they lie there: with their sizes, and without those that were deleted. Of a custom model on Bedrock
    the provider alone knows."""
    versions = (_as_stored(version, stored) for version in model.versions)
    return model.model_copy(update={"versions": tuple(versions)})


def _as_stored(version: Version, stored: StoredArtifacts) -> Version:
    artifact = version.artifact
    if artifact is None:
        return version
    if stored.lost(artifact.identifier):
        return version.model_copy(update={"artifact": None})
    size = stored.size(artifact.identifier)
    return version.model_copy(update={"artifact": artifact.model_copy(update={"size_bytes": size})})


def _by_name(model: ModelObservation) -> tuple[str, str]:
    return model.name, str(model.provider)
