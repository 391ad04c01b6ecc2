"""Ask every provider for all that the project owns, and put it in one Snapshot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from reconciler.domain.desired import ProjectSettings
from reconciler.domain.observation import ModelObservation, Snapshot
from reconciler.domain.ports import Event, EventKind
from reconciler.engine.outside import Outside


def observe(project: ProjectSettings, outside: Outside) -> Snapshot:
    """All providers at once. An error while looking is raised, never taken for absence."""
    outside.progress.report(Event(kind=EventKind.OBSERVING, message=f"Looking at {project.cloud} {project.region}"))
    observed_at = outside.clock.now()
    with ThreadPoolExecutor(max_workers=max(1, len(outside.providers))) as pool:
        looks = [pool.submit(provider.observe) for provider in outside.providers.values()]
        models = [model for look in looks for model in look.result().models]
    return Snapshot(
        project=project.name,
        cloud=project.cloud,
        account=outside.account,
        region=project.region,
        observed_at=observed_at,
        models=tuple(sorted(models, key=_by_name)),
    )


def _by_name(model: ModelObservation) -> tuple[str, str]:
    return model.name, str(model.provider)
