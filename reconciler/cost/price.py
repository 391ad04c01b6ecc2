"""Prices a plan: each change, and what is paid before and after it; and judges what it finds.

The plan is walked in its order. A step changes what is paid for: a training is paid once and its version is kept, a deployment
begins or ends, a version goes. What a change costs is the difference that it and what follows it make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from reconciler.catalog.query import base_of
from reconciler.cost.budget import Hosted, HostedOf, budget_diagnostics
from reconciler.cost.fitting import fit_of, training_diagnostics
from reconciler.cost.fresh import stale_prices
from reconciler.cost.hosting import Hosting, hosting_cost, observed_hosting_cost
from reconciler.cost.standing import Deployed, Standing, difference
from reconciler.cost.storage import observed_storage_cost, storage_cost
from reconciler.cost.training import training_cost
from reconciler.cost.volume import volume_diagnostics
from reconciler.domain.catalog import Catalog
from reconciler.domain.desired import DesiredModel, ProjectSettings
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.kinds.project import Budget, LabelBudget
from reconciler.domain.measurement import NO_HISTORY, History
from reconciler.domain.naming import endpoint_name, version_name
from reconciler.domain.observation import Deployment, ModelObservation, Snapshot
from reconciler.domain.plan import Action, Change, CostSummary, Plan
from reconciler.domain.status import Status


def price_plan(
    plan: Plan,
    desired: Sequence[DesiredModel],
    snapshot: Snapshot,
    catalog: Catalog,
    project: ProjectSettings,
    history: History = NO_HISTORY,
) -> Plan:
    """The plan with costs, fits, totals, the date of the prices, and diagnostics on budgets, memory and run time.

    The prices are those of ``plan.region``. What runs is priced as it was seen; of a model without a manifest the base model
    is not known, and so neither are Bedrock's prices. ``history``: what earlier trainings took, which corrects what is predicted.
    """
    pricing = _Pricing({model.name: model for model in desired}, snapshot, catalog, plan.region, history)
    now = pricing.observed()
    then, changes = now, []
    for change in plan.changes:
        after = then if change.stalled else pricing.after(change, then)
        changes.append(pricing.priced(change, then, after))
        then = after.settled()
    priced = plan.model_copy(
        update={
            "changes": tuple(changes),
            "totals": _totals(now, then),
            "prices_as_of": catalog.prices_as_of(plan.region).isoformat(),
        }
    )
    judged = (
        *pricing.diagnostics(priced.changes),
        *budget_diagnostics(priced, pricing.desired, project, pricing.hosted(now, then)),
        *stale_prices(catalog.prices_as_of(plan.region), plan),
    )
    return priced.model_copy(update={"diagnostics": (*priced.diagnostics, *judged)})


def _totals(now: Standing, then: Standing) -> CostSummary:
    return CostSummary(
        one_off=then.one_off,
        hosting_monthly_now=now.hosting_monthly,
        hosting_monthly_then=then.hosting_monthly,
        hosting_hourly_then=then.hosting_hourly,
        storage_monthly_then=then.storage_monthly,
    )


@dataclass(frozen=True)
class _Pricing:
    desired: Mapping[str, DesiredModel]
    snapshot: Snapshot
    catalog: Catalog
    region: str
    history: History

    def observed(self) -> Standing:
        """What is paid for now."""
        hosting, storage = {}, {}
        for seen in self.snapshot.models:
            wanted = self._manifest_of(seen)
            base = base_of(wanted, self.catalog) if wanted else None
            for d in seen.deployments:
                cost = observed_hosting_cost(d, seen, base, self.catalog, self.region, self.snapshot.observed_at)
                hosting[d.kind, d.name] = cost
            if wanted and not seen.deployments and any(schedule.deploys for schedule in seen.schedules):
                hosting[wanted.resolved.deployment.kind, endpoint_name(seen.name)] = self._by_the_clock(wanted)
            for version in seen.versions:
                cost_of = observed_storage_cost(version, seen, base, self.catalog, self.region, wanted=wanted)
                storage[seen.name, version.fingerprint] = cost_of
        return Standing(hosting=hosting, storage=storage)

    def _by_the_clock(self, wanted: DesiredModel) -> Hosting:
        """Outside its hours nothing runs, but its schedule brings it back: the month is paid for all the same."""
        return hosting_cost(wanted, self.catalog, self.region, now=self.snapshot.observed_at)

    def _keeps_hours(self, change: Change) -> bool:
        wanted = self._wanted(change)
        rule = wanted.resolved.deployment.undeploy if wanted else None
        return rule is not None and rule.hours is not None

    def after(self, change: Change, standing: Standing) -> Standing:
        """What is paid for once the change and what follows it are done."""
        steps = [(change.action, change.target), *((step.action, step.target) for step in change.then)]
        return reduce(lambda before, step: self._step(change, step[0], step[1], before), steps, standing)

    def priced(self, change: Change, before: Standing, after: Standing) -> Change:
        """A change that alters nothing of what is paid has no cost."""
        cost = difference(before, after) if after is not before else None
        wanted = self._wanted(change)
        fit = (
            fit_of(wanted, self.catalog, self.region, change.instance_type, self.history)
            if wanted and _trains(change)
            else None
        )
        return change.model_copy(update={"cost": cost, "fit": fit})

    def hosted(self, now: Standing, then: Standing) -> HostedOf:
        """What serves has its model's name. Labels are the manifest's, and what was seen where there is none."""
        labels = {model.name: model.labels for model in self.snapshot.models}
        labels |= {name: model.resolved.labels for name, model in self.desired.items()}

        def of(covered: Budget | LabelBudget) -> Hosted:
            if isinstance(covered, Budget):
                return Hosted(now.hosting_monthly, then.hosting_monthly)
            names = {endpoint_name(name) for name, borne in labels.items() if covered.covers(borne)}
            return Hosted(now.hosting_of(names), then.hosting_of(names))

        return of

    def diagnostics(self, changes: Sequence[Change]) -> list[Diagnostic]:
        training = [(change, wanted) for change in changes if _trains(change) and (wanted := self._wanted(change))]
        fits = (training_diagnostics(change, wanted, self.catalog, self.history) for change, wanted in training)
        disks = (volume_diagnostics(change, wanted, self.catalog) for change, wanted in training)
        return [found for each in (*fits, *disks) for found in each]

    def _step(self, change: Change, action: Action, target: str, standing: Standing) -> Standing:
        match action:
            case Action.TRAIN:
                return self._trained(change, target, standing)
            case Action.WAIT if change.status_now is Status.TRAINING:
                return self._awaited(change, standing)
            case Action.DEPLOY | Action.ROLL:
                return self._deployed(change, target, standing)
            case Action.UPDATE if change.action is not action or _reschedules(change):
                return self._deployed(change, target, standing, only_if_there=not self._keeps_hours(change))
            case Action.UNDEPLOY:
                ending = self._ending(change, target, standing)
                return reduce(Standing.undeployed, ending, standing)
            case Action.DELETE:
                return self._deleted(change, target, standing)
            case _:
                return standing

    def _trained(self, change: Change, target: str, standing: Standing) -> Standing:
        wanted = self._wanted(change)
        if wanted is None:
            return standing
        cost = training_cost(wanted, self.catalog, self.region, change.instance_type, self.history)
        version = (wanted.name, wanted.fingerprint)
        return standing.trained(target, cost, version, storage_cost(wanted, self.catalog, self.region))

    def _awaited(self, change: Change, standing: Standing) -> Standing:
        """A training that runs is paid already; what it will leave behind is not."""
        wanted = self._wanted(change)
        if wanted is None or change.fingerprint != wanted.fingerprint:
            return standing
        return standing.kept((wanted.name, wanted.fingerprint), storage_cost(wanted, self.catalog, self.region))

    def _deployed(self, change: Change, target: str, standing: Standing, *, only_if_there: bool = False) -> Standing:
        wanted = self._wanted(change)
        if wanted is None:
            return standing
        what = (wanted.resolved.deployment.kind, target)
        if only_if_there and what not in standing.hosting:
            return standing
        current = self._current(what)
        now = self.snapshot.observed_at
        return standing.deployed(what, hosting_cost(wanted, self.catalog, self.region, current=current, now=now))

    def _ending(self, change: Change, target: str, standing: Standing) -> list[Deployed]:
        """Of two kinds under one name, the one that is not wanted."""
        named = [what for what in standing.hosting if what[1] == target]
        wanted = self._wanted(change)
        if len(named) > 1 and wanted is not None:
            return [what for what in named if what[0] is not wanted.resolved.deployment.kind]
        return named

    def _deleted(self, change: Change, target: str, standing: Standing) -> Standing:
        """What is retained stays, and is paid for, though it is no longer owned."""
        name = _model_name(change)
        seen = [model for model in self.snapshot.models if model.name == name and model.provider is change.provider]
        versions = [v for model in seen if model.deletion_policy != "retain" for v in model.versions]
        gone = [(name, v.fingerprint) for v in versions if target.startswith(version_name(name, v.fingerprint))]
        return reduce(Standing.deleted, gone, standing)

    def _current(self, what: Deployed) -> Deployment | None:
        deployments = (deployment for model in self.snapshot.models for deployment in model.deployments)
        return next((d for d in deployments if (d.kind, d.name) == what), None)

    def _wanted(self, change: Change) -> DesiredModel | None:
        return self.desired.get(_model_name(change))

    def _manifest_of(self, seen: ModelObservation) -> DesiredModel | None:
        """For the provider that it was seen on. The base model of what runs is taken from it: the cloud does not tell."""
        wanted = self.desired.get(seen.name)
        return wanted if wanted is not None and wanted.resolved.provider is seen.provider else None


def _reschedules(change: Change) -> bool:
    return any("autoUndeploy" in field.path for field in change.fields)


def _trains(change: Change) -> bool:
    return not change.stalled and Action.TRAIN in (change.action, *(step.action for step in change.then))


def _model_name(change: Change) -> str:
    return change.address.partition("/")[2]
