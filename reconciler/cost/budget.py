"""The project's budget against the plan.

=====================  ========  =========================================================================
over-budget            error     the likely cost is above the ceiling; ``--allow over-budget`` overrides it
over-budget            warning   the same of hosting that the plan does not raise
may-exceed-budget      warning   only the high estimate is above the ceiling
budget-unknown         warning   a part has no price, so that nobody can tell
=====================  ========  =========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from reconciler.domain.desired import DesiredModel, ProjectSettings
from reconciler.domain.diagnostic import Diagnostic, Severity
from reconciler.domain.plan import Action, Change, CostSummary, Plan
from reconciler.domain.quantity import Cost


def budget_diagnostics(
    plan: Plan, desired: Mapping[str, DesiredModel], project: ProjectSettings
) -> Iterator[Diagnostic]:
    """Of a plan that is priced. Each training by itself; hosting of the whole project."""
    each, monthly = project.budget.per_training, project.budget.monthly_hosting
    if each is not None:
        for change in plan.changes:
            yield from _training(change, desired.get(change.address.partition("/")[2]), each)
    if monthly is not None:
        yield from _hosting(plan.totals, project, monthly)


def _training(change: Change, model: DesiredModel | None, ceiling: Decimal) -> Iterator[Diagnostic]:
    trains = Action.TRAIN in (change.action, *(step.action for step in change.then))
    if change.cost is None or model is None or not trains:
        return
    what = f"The training of {change.address}"
    for found in _against(change.cost.one_off, ceiling, what, "budget.perTraining"):
        yield found.model_copy(update={"where": model.resolved.where, "address": change.address})


def _hosting(totals: CostSummary, project: ProjectSettings, ceiling: Decimal) -> Iterator[Diagnostic]:
    raised = _likely(totals.hosting_monthly_then) > _likely(totals.hosting_monthly_now)
    what = "Hosting of the project by the month"
    for found in _against(totals.hosting_monthly_then, ceiling, what, "budget.monthlyHosting"):
        told = found if raised or not found.is_error else _lowered(found)
        yield told.model_copy(update={"where": project.where})


def _against(cost: Cost, ceiling: Decimal, what: str, field: str) -> Iterator[Diagnostic]:
    amount = cost.amount
    limit = f"`{field}` is {ceiling:,.2f} USD"
    if amount is not None and amount.likely > ceiling:
        yield Diagnostic(
            code="over-budget",
            severity=Severity.ERROR,
            summary="The plan is over budget",
            detail=f"{what} is likely to cost {amount.likely:,.2f} USD; {limit}.",
            hint="lower the cost, raise the budget, or override it by name: --allow over-budget",
            overridable=True,
        )
    elif amount is not None and amount.high > ceiling:
        yield Diagnostic(
            code="may-exceed-budget",
            severity=Severity.WARNING,
            summary="The plan may exceed the budget",
            detail=f"{what} may cost up to {amount.high:,.2f} USD; {limit}.",
        )
    if cost.unknown:
        yield Diagnostic(
            code="budget-unknown",
            severity=Severity.WARNING,
            summary="A price is unknown, so the budget cannot be checked in full",
            detail=f"{what}: unknown is {', '.join(cost.unknown)}; {limit}.",
        )


def _likely(cost: Cost) -> Decimal:
    """Of the known part."""
    return cost.likely if cost.likely is not None else Decimal(0)


def _lowered(found: Diagnostic) -> Diagnostic:
    """What the plan does not raise must not keep it from being applied."""
    return found.model_copy(update={"severity": Severity.WARNING, "overridable": False})
