"""The project's budget against the plan.

=====================  ========  =========================================================================
over-budget            error     the likely cost is above the ceiling; ``--allow over-budget`` overrides it
over-budget            warning   the same of hosting that the plan does not raise
may-exceed-budget      warning   only the high estimate is above the ceiling
budget-unknown         warning   a part has no price, so that nobody can tell
=====================  ========  =========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from reconciler.domain.desired import DesiredModel, ProjectSettings
from reconciler.domain.diagnostic import Diagnostic, Severity
from reconciler.domain.kinds.project import Budget, LabelBudget
from reconciler.domain.plan import Action, Change, Plan
from reconciler.domain.quantity import Cost


@dataclass(frozen=True)
class Hosted:
    """What hosting costs a month, before the plan and after it."""

    now: Cost
    then: Cost


HostedOf = Callable[[Budget | LabelBudget], Hosted]
"""Of the models that a budget covers."""


def budget_diagnostics(
    plan: Plan, desired: Mapping[str, DesiredModel], project: ProjectSettings, hosted_of: HostedOf
) -> Iterator[Diagnostic]:
    """Of a plan that is priced. Each training by itself; hosting of all the models that a budget covers."""
    budget = project.budget
    for change in plan.changes:
        model = desired.get(change.address.partition("/")[2])
        if model is not None and change.cost is not None and _trains(change):
            yield from _training(change, change.cost.one_off, model, budget)
    every: tuple[Budget | LabelBudget, ...] = (budget, *budget.per_label)
    for covered in every:
        if covered.monthly_hosting is not None:
            yield from _hosting(hosted_of(covered), covered, covered.monthly_hosting, project)


def _training(change: Change, cost: Cost, model: DesiredModel, budget: Budget) -> Iterator[Diagnostic]:
    what = f"The training of {change.address}"
    labelled = (each for each in budget.per_label if each.covers(model.resolved.labels))
    every: tuple[Budget | LabelBudget, ...] = (budget, *labelled)
    for covered in every:
        if covered.per_training is not None:
            for found in _against(cost, covered.per_training, what, _field(covered, "perTraining")):
                yield found.model_copy(update={"where": model.resolved.where, "address": change.address})


def _hosting(
    hosted: Hosted, covered: Budget | LabelBudget, ceiling: Decimal, project: ProjectSettings
) -> Iterator[Diagnostic]:
    raised = _likely(hosted.then) > _likely(hosted.now)
    whose = "the project" if isinstance(covered, Budget) else f"models with {covered.told}"
    for found in _against(hosted.then, ceiling, f"Hosting of {whose} by the month", _field(covered, "monthlyHosting")):
        told = found if raised or not found.is_error else _lowered(found)
        yield told.model_copy(update={"where": project.where})


def _trains(change: Change) -> bool:
    return Action.TRAIN in (change.action, *(step.action for step in change.then))


def _field(covered: Budget | LabelBudget, name: str) -> str:
    return f"budget.{name}" if isinstance(covered, Budget) else f"budget.perLabel[{covered.told}].{name}"


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
    hint = "lower the cost, or raise the budget; it keeps nothing from being applied"
    return found.model_copy(update={"severity": Severity.WARNING, "overridable": False, "hint": hint})
