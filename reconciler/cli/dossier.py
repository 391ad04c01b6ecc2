"""All that is known about one model, gathered from the manifests, the cloud, the plan and the catalog."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reconciler.cli.project import Proposed
from reconciler.domain.quantity import Cost

if TYPE_CHECKING:
    from reconciler.cost.hosting import Hosting
    from reconciler.domain.catalog import FoundationModel
    from reconciler.domain.desired import Configuration, DesiredModel
    from reconciler.domain.observation import ModelObservation
    from reconciler.reports.view.model import Dossier


def dossier_of(made: Proposed, name: str) -> Dossier:
    """Raises ReconcilerError where neither the manifests nor the cloud know the name."""
    from reconciler.engine.choosing import unknown
    from reconciler.reports.view.model import Dossier

    proposal = made.proposal
    desired = proposal.wanted(name)
    observed = tuple(model for model in proposal.snapshot.models if model.name == name)
    if desired is None and not observed:
        raise unknown(name, proposal.snapshot, made.configuration)
    recorded = None if desired else _recorded(observed, made)
    described = desired or recorded
    base = made.outside.catalog.model(described.resolved.base_model) if described else None
    hosting = _hosting(observed, base, made)
    return Dossier(
        name=name,
        desired=desired,
        observed=observed,
        changes=tuple(change for change in proposal.plan.changes if change.address == f"FineTunedModel/{name}"),
        base=base,
        lineage=tuple(_lineage(made.configuration, name)),
        now=proposal.snapshot.observed_at,
        storage=_storage(observed, base, made),
        hosting=hosting.monthly,
        hosting_hourly=hosting.hourly,
        recorded=recorded,
        environment=made.plan.environment,
    )


def _recorded(observed: tuple[ModelObservation, ...], made: Proposed) -> DesiredModel | None:
    """What was written down beside the newest version, where it still is."""
    runs = [
        (run.created_at, v.fingerprint)
        for model in observed
        for v in model.versions
        for run in v.runs
        if run.created_at
    ]
    return made.outside.artifacts.recorded(observed[0].name, max(runs)[1]) if runs else None


def _storage(observed: tuple[ModelObservation, ...], base: FoundationModel | None, made: Proposed) -> Cost:
    from reconciler.cost.storage import observed_storage_cost

    catalog, region = made.outside.catalog, made.plan.region
    return Cost.total(
        observed_storage_cost(v, model, base, catalog, region) for model in observed for v in model.versions
    )


def _hosting(observed: tuple[ModelObservation, ...], base: FoundationModel | None, made: Proposed) -> Hosting:
    from reconciler.cost.hosting import Hosting, observed_hosting_cost

    catalog, region, now = made.outside.catalog, made.plan.region, made.plan.observed_at
    each = [
        observed_hosting_cost(deployment, model, base, catalog, region, now)
        for model in observed
        for deployment in model.deployments
    ]
    return Hosting(hourly=Cost.total(h.hourly for h in each), monthly=Cost.total(h.monthly for h in each))


def _lineage(configuration: Configuration, name: str) -> Iterable[str]:
    """From the base model down to ``name``; the manifests' references have no cycles."""
    model = configuration.by_name().get(name)
    if model is None:
        return
    if model.parent is None:
        yield model.root
    else:
        yield from _lineage(configuration, model.parent)
    yield name
