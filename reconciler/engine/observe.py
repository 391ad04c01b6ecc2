"""Ask every provider for all that the project owns, and put it in one Snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from reconciler.domain.desired import ProjectSettings
from reconciler.domain.observation import ModelObservation, Snapshot, Version
from reconciler.domain.ports import Event, EventKind, StoredArtifacts
from reconciler.domain.usage import UsageMeter, Use
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
        models=tuple(sorted(_with_use(models, outside.usage, observed_at), key=_by_name)),
    )


def _with_use(models: Sequence[ModelObservation], meter: UsageMeter | None, now: datetime) -> list[ModelObservation]:
    """When what serves was invoked last, in one look at the metrics; nothing is asked where nothing serves."""
    serving = [deployment for model in models for deployment in model.deployments]
    uses = meter.uses(serving, now) if meter and serving else {}
    return [
        _used(model, [uses[each.identifier] for each in model.deployments if each.identifier in uses])
        for model in models
    ]


def _used(model: ModelObservation, uses: Sequence[Use]) -> ModelObservation:
    """A model with two deployments is used where one of them is, and silent only where all are known to be."""
    if not uses or (len(uses) < len(model.deployments) and not any(use.last_invoked_at for use in uses)):
        return model
    last = max((use.last_invoked_at for use in uses if use.last_invoked_at), default=None)
    since = max(use.counted_since for use in uses)
    return model.model_copy(update={"last_invoked_at": last, "counted_since": since})


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
