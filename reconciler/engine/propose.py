"""From manifests to a priced, guarded, sealed plan. Looks at the cloud; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.cost.price import price_plan
from reconciler.domain.desired import Configuration, DesiredModel
from reconciler.domain.diagnostic import Diagnostic, allow
from reconciler.domain.measurement import NO_HISTORY, History
from reconciler.domain.observation import ForeignResource, Snapshot
from reconciler.domain.plan import Plan, PlanOptions
from reconciler.domain.ports import Event, EventKind, UnusedWeights
from reconciler.engine.desire import desire
from reconciler.engine.observe import observe
from reconciler.engine.outside import Outside
from reconciler.engine.quotas import quota_warnings
from reconciler.engine.restore import in_trash
from reconciler.engine.unused import told_unused, unused_weights
from reconciler.planner.plan import make_plan
from reconciler.policy.judge import judge

Recorded = Mapping[tuple[str, str], DesiredModel]


@dataclass(frozen=True)
class Proposal:
    """A plan, and what it was made from."""

    plan: Plan
    desired: tuple[DesiredModel, ...]
    snapshot: Snapshot
    history: History = NO_HISTORY
    unused_weights: tuple[UnusedWeights, ...] = ()

    def wanted(self, name: str) -> DesiredModel | None:
        return next((model for model in self.desired if model.name == name), None)


def propose(configuration: Configuration, outside: Outside, options: PlanOptions) -> Proposal:
    """Observe, plan, look closer at what would change, plan again, price, judge, seal.

    Raises InvalidInput for bad data and CloudUnavailable where looking fails.
    """
    desired, warnings = desire(configuration, outside)
    first_look = observe(configuration.project, outside)
    draft = make_plan(configuration, desired, first_look, options.model_copy(update={"refresh_only": False}))
    snapshot = first_look.model_copy(update={"foreign": _strangers(draft, outside)})
    history = outside.artifacts.history()
    plan = make_plan(configuration, desired, snapshot, options, _recorded(draft, first_look, outside))
    priced = price_plan(plan, desired, snapshot, outside.catalog, configuration.project, history)
    judged = judge(configuration.policies, priced, desired, snapshot)
    quotas = quota_warnings(plan, desired, snapshot, outside.quotas)
    unused = unused_weights(desired, snapshot, outside)
    found = (*warnings, *_impediments(plan, desired, outside), *in_trash(plan, outside), *quotas, *judged)
    noticed = (*found, *map(told_unused, unused))
    told = priced.model_copy(update={"executed": _executed(desired, outside)})
    sealed = _with_diagnostics(told, noticed, options.allow).sealed()
    outside.progress.report(Event(kind=EventKind.PLANNED, message=sealed.digest))
    return Proposal(plan=sealed, desired=desired, snapshot=snapshot, history=history, unused_weights=unused)


def _executed(desired: Sequence[DesiredModel], outside: Outside) -> tuple[str, ...]:
    bases = {model.name: outside.catalog.model(model.resolved.base_model) for model in desired if outside.executes}
    return tuple(name for name, base in bases.items() if base is not None and base.local_only)


def _strangers(draft: Plan, outside: Outside) -> tuple[ForeignResource, ...]:
    """Who else holds a name that the draft would create. Describes only those."""
    found: list[ForeignResource] = []
    for name, provider in outside.providers.items():
        changes = [change for change in draft.changes if change.provider is name and change.action.mutates]
        found.extend(provider.foreign(changes) if changes else ())
    return tuple(sorted(found, key=lambda resource: (resource.name, resource.kind)))


def _impediments(plan: Plan, desired: Sequence[DesiredModel], outside: Outside) -> tuple[Diagnostic, ...]:
    every = (provider.impediments(plan.pending, desired) for provider in outside.providers.values())
    return tuple(found for each in every for found in each)


def _recorded(draft: Plan, snapshot: Snapshot, outside: Outside) -> Recorded:
    """What was written beside the versions of every model that would change, so that differences can be told by field."""
    changing = {change.address.partition("/")[2] for change in draft.pending}
    versions = [
        (model.name, version.fingerprint)
        for model in snapshot.models
        if model.name in changing
        for version in model.versions
    ]
    found = {key: outside.artifacts.recorded(*key) for key in versions}
    return {key: recorded for key, recorded in found.items() if recorded is not None}


def _with_diagnostics(plan: Plan, more: Sequence[Diagnostic], allowed: Sequence[str]) -> Plan:
    diagnostics = allow((*plan.diagnostics, *more), allowed)
    overridden = sorted({found.code for found in diagnostics if found.overridable and not found.is_error})
    return plan.model_copy(update={"diagnostics": diagnostics, "overridden": tuple(overridden)})
