"""Ask every provider for all that the project owns, and put it in one Snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from reconciler.domain.desired import ProjectSettings
from reconciler.domain.naming import short
from reconciler.domain.observation import ModelObservation, Snapshot, Version
from reconciler.domain.ports import Event, EventKind
from reconciler.engine.outside import Outside


def observe(project: ProjectSettings, outside: Outside) -> Snapshot:
    """All providers at once. An error while looking is raised, never taken for absence."""
    outside.progress.report(Event(kind=EventKind.OBSERVING, message=f"Looking at {project.cloud} {project.region}"))
    observed_at = outside.clock.now()
    with ThreadPoolExecutor(max_workers=1 + len(outside.providers)) as pool:
        listing = pool.submit(outside.artifacts.sizes)
        looks = [pool.submit(provider.observe) for provider in outside.providers.values()]
        models = [_with_sizes(model, listing.result()) for look in looks for model in look.result().models]
    return Snapshot(
        project=project.name,
        cloud=project.cloud,
        account=outside.account,
        region=project.region,
        observed_at=observed_at,
        models=tuple(sorted(models, key=_by_name)),
    )


def _with_sizes(model: ModelObservation, sizes: Mapping[tuple[str, str], int]) -> ModelObservation:
    """Artifacts in S3 with their sizes; a custom model on Bedrock has none that could be read."""
    versions = (_with_size(version, sizes.get((model.name, short(version.fingerprint)))) for version in model.versions)
    return model.model_copy(update={"versions": tuple(versions)})


def _with_size(version: Version, size: int | None) -> Version:
    artifact = version.artifact
    if artifact is None or size is None or not artifact.identifier.startswith("s3://"):
        return version
    return version.model_copy(update={"artifact": artifact.model_copy(update={"size_bytes": size})})


def _by_name(model: ModelObservation) -> tuple[str, str]:
    return model.name, str(model.provider)
