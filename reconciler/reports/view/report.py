"""The whole project on one page: every model, where it came from, what drifted, and what a plan would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler import __version__
from reconciler.cost.options import TrainingOption
from reconciler.domain.losses import LossCurve
from reconciler.domain.plan import Change, Plan
from reconciler.domain.quantity import Cost
from reconciler.domain.status import Status
from reconciler.reports.figures import cost_text, is_free, moment
from reconciler.reports.view.curve import Chart, draw_curve
from reconciler.reports.view.lineage import Graph, draw_lineage
from reconciler.reports.view.model import Dossier, ModelView, Pairs, view_model
from reconciler.reports.view.plan import ChangeView, PlanView, view_change, view_plan
from reconciler.reports.view.scatter import Scatter, scatter


@dataclass(frozen=True)
class Findings:
    """What was gathered; the input of the view. ``drift``: a plan of nothing but drift."""

    plan: Plan
    drift: Plan
    dossiers: tuple[Dossier, ...]
    curves: tuple[LossCurve, ...]
    options: Mapping[str, tuple[TrainingOption, ...]] = field(default_factory=dict)
    """By model: the machines that its training could run on."""


@dataclass(frozen=True)
class ModelCard:
    """``anchor`` is ours, so that no name can be anything but text. ``tone`` steers the colour, which the status in words repeats."""

    anchor: str
    tone: str
    model: ModelView
    changes: tuple[ChangeView, ...]
    charts: tuple[Chart, ...]
    choices: Scatter | None
    """Time against cost of training it."""
    costs: Pairs


@dataclass(frozen=True)
class ReportView:
    project: str
    facts: Pairs
    statuses: tuple[tuple[str, int, str], ...]
    """(status, how many models, tone), in the order of a model's life."""
    cards: tuple[ModelCard, ...]
    lineage: Graph
    drift: tuple[ChangeView, ...]
    plan: PlanView
    unknown: tuple[str, ...]
    """What has no known price, or does not say whether it fits."""


_TONES = {
    Status.ABSENT: "quiet",
    Status.TRAINING: "moving",
    Status.TRAINING_FAILED: "bad",
    Status.STOPPING_TRAINING: "moving",
    Status.TRAINING_STOPPED: "held",
    Status.NOT_DEPLOYED: "quiet",
    Status.DEPLOYING: "moving",
    Status.DEPLOYED: "good",
}


def view_report(findings: Findings) -> ReportView:
    cards = tuple(_card(number, dossier, findings) for number, dossier in enumerate(findings.dossiers, 1))
    counts = Counter(card.model.status for card in cards)
    return ReportView(
        project=findings.plan.project,
        facts=_facts(findings.plan),
        statuses=tuple((str(status), counts[status], tone) for status, tone in _TONES.items() if counts[status]),
        cards=cards,
        lineage=draw_lineage(findings.dossiers),
        drift=tuple(view_change(change) for change in findings.drift.pending),
        plan=view_plan(findings.plan),
        unknown=_unknown(findings.plan, findings.dossiers),
    )


def _facts(plan: Plan) -> Pairs:
    pairs = (
        ("environment", plan.environment),
        ("cloud", "embedded cloud on this machine" if plan.cloud == "local" else plan.cloud),
        ("account", plan.account),
        ("region", plan.region),
        ("observed", moment(plan.observed_at)),
        ("prices as of", plan.prices_as_of or "unknown"),
        ("made by", f"reconciler {__version__}"),
    )
    return tuple((label, text) for label, text in pairs if text)


def _card(number: int, dossier: Dossier, findings: Findings) -> ModelCard:
    model = view_model(dossier)
    pending = [change for change in dossier.changes if change.is_pending]
    by_id = {change.id: change for change in findings.plan.changes}
    return ModelCard(
        anchor=f"model-{number}",
        tone=_TONES[model.status],
        model=model,
        changes=tuple(view_change(change, by_id) for change in pending),
        charts=tuple(draw_curve(curve) for curve in findings.curves if curve.model == dossier.name),
        choices=scatter(f"Training {dossier.name}: time against cost", findings.options.get(dossier.name, ())),
        costs=_costs(model, dossier, pending),
    )


def _costs(model: ModelView, dossier: Dossier, pending: Sequence[Change]) -> Pairs:
    """What is paid now, and once the plan is applied."""
    told = [change.cost for change in pending if change.cost]
    now = Cost.total(cost for cost in (dossier.hosting, dossier.storage) if cost)
    then = cost_text(now + Cost.total(cost.monthly for cost in told), "/month")
    once = Cost.total(cost.one_off for cost in told)
    after = then if is_free(once) else f"{then}, and {cost_text(once)} once"
    return (*model.costs, ("together", cost_text(now, "/month")), ("after the plan", after if told else "unchanged"))


def _unknown(plan: Plan, dossiers: Iterable[Dossier]) -> tuple[str, ...]:
    totals = plan.totals
    of_plan = (totals.one_off, totals.hosting_monthly_now, totals.hosting_monthly_then, totals.storage_monthly_then)
    of_models = (cost for dossier in dossiers for cost in (dossier.hosting, dossier.storage) if cost)
    prices = (f"price: {name}" for cost in (*of_plan, *of_models) for name in cost.unknown)
    fits = (
        f"fit on the GPU: {change.target}" for change in plan.pending if change.fit and change.fit.verdict == "unknown"
    )
    return tuple(dict.fromkeys((*prices, *fits)))
