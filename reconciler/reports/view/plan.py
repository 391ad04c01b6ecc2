"""A Plan → what a reviewer reads, in the order in which it matters: destruction first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.domain.desired import Origin
from reconciler.domain.diagnostic import Diagnostic, Severity
from reconciler.domain.plan import Action, Change, ChangeCost, CostSummary, Effect, FieldChange, Fit, Plan, Verdict
from reconciler.domain.quantity import Cost
from reconciler.reports.figures import cost_text, counted, hourly, is_free, moment, money


class Tone(StrEnum):
    """What a change means to the reader; renderers give it a colour, and the symbol says it without one."""

    CREATE = "create"
    CHANGE = "change"
    DESTROY = "destroy"
    WAIT = "wait"
    STALLED = "stalled"


SYMBOLS = {Tone.CREATE: "+", Tone.CHANGE: "~", Tone.DESTROY: "-", Tone.WAIT: "…", Tone.STALLED: "!"}

LEGEND = {
    Tone.DESTROY: "stop, undeploy, delete",
    Tone.STALLED: "stalled: needs a person",
    Tone.CREATE: "train, deploy",
    Tone.CHANGE: "roll, update",
    Tone.WAIT: "wait",
}
"""In the order in which changes are shown."""


@dataclass(frozen=True)
class FieldView:
    path: str
    before: str
    after: str
    note: str


@dataclass(frozen=True)
class ChangeView:
    tone: Tone
    symbol: str
    address: str
    what: str
    """``train support-bot-1a2b3c4d on sagemaker (ml.g5.12xlarge)``."""
    drift: bool
    reasons: tuple[str, ...]
    fields: tuple[FieldView, ...]
    made_with: tuple[str, ...]
    """Of what is made for the first time: what its author wrote, a line for each part of the manifest."""
    from_project: tuple[str, ...]
    """The same, of what the Project says for all models."""
    by_default: tuple[str, ...]
    """The same, of what nobody wrote."""
    status: str
    """``Absent -> Training``."""
    costs: tuple[str, ...]
    fit: str
    then: tuple[str, ...]
    waits_for: tuple[str, ...]


@dataclass(frozen=True)
class PlanView:
    header: str
    notices: tuple[str, ...]
    legend: tuple[tuple[str, str, Tone], ...]
    changes: tuple[ChangeView, ...]
    left_alone: tuple[tuple[str, str], ...]
    """Address and why, of what is left as it is although it is not simply as desired."""
    unchanged: str
    summary: str
    standing: tuple[str, ...]
    """What else is to be said beside the summary: waiting, stalled, following, left out."""
    totals: tuple[tuple[str, str], ...]
    assumptions: tuple[str, ...]
    """All that the figures rest on."""
    caveats: tuple[str, ...]
    """Those of them that a reader has to know: the prices' date, figures that nobody verified, what is billed beside."""
    diagnostics: tuple[Diagnostic, ...]
    verdict: str
    """Why it cannot be applied; empty where it can."""
    digest: str
    """Empty where there is nothing to approve."""
    headline: str
    """``2 to train, 1 to delete; about $43.00 once, +$1,106/month; fits; 1 warning``."""
    unknowns: tuple[str, ...]
    """What has no price."""


def view_plan(plan: Plan) -> PlanView:
    pending = sorted(plan.pending, key=lambda change: list(LEGEND).index(_tone(change)))
    by_id = {change.id: change for change in plan.changes}
    tones = {_tone(change) for change in pending}
    return PlanView(
        header=view_header(plan),
        notices=_notices(plan),
        legend=tuple((SYMBOLS[tone], meaning, tone) for tone, meaning in LEGEND.items() if tone in tones),
        changes=tuple(view_change(change, by_id) for change in pending),
        left_alone=tuple(_left_alone(plan)),
        unchanged=_unchanged(plan),
        summary=summary_sentence(plan),
        standing=_standing(plan),
        totals=_totals(plan.totals) if plan.changes else (),
        assumptions=_assumptions(plan),
        caveats=_caveats(plan),
        diagnostics=plan.diagnostics,
        verdict="" if plan.can_apply else "This plan cannot be applied: see the errors above.",
        digest=plan.digest if plan.pending else "",
        headline=headline(plan),
        unknowns=_unknowns(plan),
    )


def view_header(plan: Plan) -> str:
    cloud = "embedded cloud" if plan.cloud == "local" else f"{plan.cloud}, account {plan.account}"
    environment = f"environment {plan.environment} · " if plan.environment else ""
    return f"{plan.project} · {environment}{cloud} · {plan.region} · observed {moment(plan.observed_at)}"


def summary_sentence(plan: Plan) -> str:
    """``Plan: 1 to train, 1 to deploy, 0 to roll, 0 to undeploy, 0 to delete.``; rarer actions are named when there are any."""
    if not plan.pending:
        return _nothing_to_do(plan)
    counts = plan.summary
    usual = (Action.TRAIN, Action.DEPLOY, Action.ROLL, Action.UNDEPLOY, Action.DELETE)
    rare = tuple(action for action in (Action.STOP, Action.UPDATE, Action.ADOPT) if counts[action])
    return f"Plan: {', '.join(f'{counts[action]} to {action}' for action in (*usual, *rare))}."


def headline(plan: Plan) -> str:
    """The plan in one line: what will be done, for how much, whether it fits the GPU, and what was noticed."""
    if not plan.pending:
        return "; ".join(part for part in (_nothing_to_do(plan).rstrip("."), _noticed(plan)) if part)
    counts = plan.summary
    doing = ", ".join(f"{counts[action]} to {action}" for action in Action if action.mutates and counts[action])
    return "; ".join(
        part for part in (doing, *_standing_briefly(plan), _price(plan), _fits(plan), _noticed(plan)) if part
    )


def _standing_briefly(plan: Plan) -> tuple[str, ...]:
    stalled = sum(change.stalled for change in plan.pending)
    waiting = sum(change.action is Action.WAIT and not change.stalled for change in plan.pending)
    return (f"{stalled} stalled" if stalled else "", f"{waiting} on its way" if waiting else "")


def _price(plan: Plan) -> str:
    """``about $43.20 once, +$1,106/month plus unknown``."""
    totals = plan.totals
    once = "" if is_free(totals.one_off) else f"{_about(totals.one_off)} once"
    return ", ".join(part for part in (once, _monthly(totals)) if part)


def _about(cost: Cost) -> str:
    if cost.amount is None:
        return "an unknown price"
    exact = cost.amount.low == cost.amount.high
    return f"{'' if exact else 'about '}{money(cost.amount.likely)}{'' if cost.is_complete else ' plus unknown'}"


def _monthly(totals: CostSummary) -> str:
    now, then = totals.hosting_monthly_now, totals.hosting_monthly_then
    unknown = set(then.unknown) != set(now.unknown)
    if now.amount is None or then.amount is None:
        return "an unknown price a month" if unknown else ""
    more = then.amount.likely - now.amount.likely
    told = f"{'+' if more > 0 else ''}{money(more)} a month" if more else ""
    return f"{told} plus unknown" if told and unknown else told or ("an unknown price a month" if unknown else "")


_WORST_FIRST = (Verdict.DOES_NOT_FIT, Verdict.UNKNOWN, Verdict.TIGHT, Verdict.FITS)


def _fits(plan: Plan) -> str:
    """The worst verdict of all trainings."""
    verdicts = {change.fit.verdict for change in plan.pending if change.fit}
    worst = next((verdict for verdict in _WORST_FIRST if verdict in verdicts), None)
    return "not known whether it fits" if worst is Verdict.UNKNOWN else str(worst or "")


def _noticed(plan: Plan) -> str:
    counts = Counter(diagnostic.severity for diagnostic in plan.diagnostics)
    return ", ".join(counted(counts[each], str(each)) for each in (Severity.ERROR, Severity.WARNING) if counts[each])


def _unknowns(plan: Plan) -> tuple[str, ...]:
    """Of the changes and of the totals, each once."""
    costs = [part for change in plan.pending if (cost := change.cost) for part in (cost.one_off, cost.monthly)]
    totals = (plan.totals.one_off, plan.totals.hosting_monthly_then, plan.totals.storage_monthly_then)
    return _unique(name for cost in (*costs, *(totals if plan.pending else ())) for name in cost.unknown)


def view_change(change: Change, by_id: Mapping[str, Change] | None = None) -> ChangeView:
    tone = _tone(change)
    is_new = all(field.before is None for field in change.fields)
    fresh = change.fields if is_new else ()
    return ChangeView(
        tone=tone,
        symbol=SYMBOLS[tone],
        address=change.address,
        what=_what(change),
        drift=change.drift,
        reasons=tuple(reason.message for reason in change.reasons),
        fields=() if is_new or change.action.destroys else tuple(_field(field) for field in change.fields),
        made_with=_made_with(fresh, Origin.MANIFEST, None),
        from_project=_made_with(fresh, Origin.PROJECT),
        by_default=("; ".join(defaults),) if (defaults := _made_with(fresh, Origin.DEFAULT)) else (),
        status=_status(change),
        costs=_costs(change.cost),
        fit=_fit(change.fit),
        then=tuple(f"{step.action} {step.target}: {step.why}" for step in change.then),
        waits_for=tuple(_named(each, by_id or {}) for each in change.depends_on),
    )


def _tone(change: Change) -> Tone:
    if change.stalled:
        return Tone.STALLED
    match change.action:
        case Action.TRAIN | Action.DEPLOY:
            return Tone.CREATE
        case Action.STOP | Action.UNDEPLOY | Action.DELETE:
            return Tone.DESTROY
        case Action.WAIT:
            return Tone.WAIT
        case Action.ROLL | Action.UPDATE | Action.ADOPT | Action.NO_OP:
            return Tone.CHANGE


def _what(change: Change) -> str:
    action = "stalled" if change.stalled and not change.action.mutates else _verb(change.action)
    attempt = f"attempt {change.attempt}" if (change.attempt or 1) > 1 else ""
    notes = ", ".join(note for note in (change.instance_type, attempt) if note)
    return f"{action} {change.target} on {change.provider}" + (f" ({notes})" if notes else "")


def _verb(action: Action) -> str:
    """Destruction is in capitals: colour alone is no signal."""
    if action is Action.WAIT:
        return "wait for"
    return action.upper() if action.destroys else str(action)


def _status(change: Change) -> str:
    if change.status_now == change.status_then:
        return str(change.status_now)
    return f"{change.status_now} -> {change.status_then}"


_EFFECTS = {
    Effect.RETRAIN: "forces retrain",
    Effect.ROLL: "rolls the deployment",
    Effect.IN_PLACE: "in place",
    Effect.NONE: "",
}


def _field(field: FieldChange) -> FieldView:
    notes = (_EFFECTS[field.effect], _ORIGINS.get(field.origin, "") if field.origin else "")
    return FieldView(field.path, value_text(field.before), value_text(field.after), ", ".join(filter(None, notes)))


_ORIGINS = {Origin.PROJECT: "from the Project's defaults", Origin.DEFAULT: "the default"}

_PARTS = ("", "baseModel", "dataset", "hyperparameters", "resources", "deployment")
"""Of a spec, in the order in which a reviewer asks for them; the rest follows."""


def _made_with(fields: Iterable[FieldChange], *origins: Origin | None) -> tuple[str, ...]:
    """``dataset: training.source=support, ...``; what stands alone in the spec comes first."""
    groups: dict[str, list[str]] = {part: [] for part in _PARTS}
    for field in (each for each in fields if each.origin in origins):
        group, _, name = field.path.removeprefix("spec.").rpartition(".")
        group, _, inner = group.partition(".")
        text = field.after if isinstance(field.after, str) else value_text(field.after)
        groups.setdefault(group, []).append(f"{f'{inner}.' if inner else ''}{name}={text}")
    return tuple(f"{group}: {', '.join(said)}" if group else ", ".join(said) for group, said in groups.items() if said)


def value_text(value: Any, limit: int = 120) -> str:
    """JSON, shortened in the middle where it is long; ``(absent)`` for what is not there."""
    if value is None:
        return "(absent)"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 3 :]}"


def _costs(cost: ChangeCost | None) -> tuple[str, ...]:
    if cost is None:
        return ()
    once = "" if is_free(cost.one_off) else f"{cost_text(cost.one_off)}, once"
    monthly = "" if is_free(cost.monthly) else cost_text(cost.monthly, f"/month{hourly(cost.hourly)}")
    return tuple(line for line in (once, monthly) if line)


def _fit(fit: Fit | None) -> str:
    if fit is None:
        return ""
    if fit.verdict is Verdict.UNKNOWN:
        return "unknown whether it fits the GPU"
    if fit.needed_gib is None or fit.available_gib is None:
        return str(fit.verdict)
    between = fit.verdict is Verdict.TIGHT and fit.most_gib is not None
    needed = f"{fit.needed_gib:.1f} to {fit.most_gib:.1f}" if between else f"about {fit.needed_gib:.1f}"
    needs = f"{fit.verdict}: needs {needed} of {fit.available_gib:.1f} GiB per GPU"
    return needs if fit.verdict is Verdict.FITS else f"{needs}{_why_and_what_helps(fit)}"


def _why_and_what_helps(fit: Fit) -> str:
    """The largest parts, and the smallest change that helps; an error tells of the others."""
    parts = ", ".join(f"{term.name} {term.gib:.1f}" for term in fit.terms)
    helps = f"; would fit with {fit.remedies[0].told}" if fit.remedies else ""
    return f" ({parts}){helps}" if parts else helps


def _named(change_id: str, by_id: Mapping[str, Change]) -> str:
    change = by_id.get(change_id)
    return f"{_verb(change.action)} {change.target}" if change else change_id


def _notices(plan: Plan) -> tuple[str, ...]:
    removal = ("Everything that the project owns will be removed.",) if plan.destroy and plan.pending else ()
    partial = (f"Only {', '.join(plan.targets)}: the rest of the project is not looked at.",) if plan.targets else ()
    return (*_embedded(plan), *removal, *partial)


def _embedded(plan: Plan) -> tuple[str, ...]:
    if plan.cloud != "local":
        return ()
    if plan.executed:
        return (
            "The cloud is the embedded one on this machine: nothing is billed, its clock is its own. "
            f"{_really(plan)} Costs are what AWS would charge.",
        )
    return (
        "The cloud is the embedded one on this machine: nothing is billed, durations are simulated, its clock is its own. "
        "Costs are what AWS would charge.",
    )


def embedded_note(plan: Plan) -> str:
    """What of the models is real on the embedded cloud; empty on AWS, where all is."""
    if plan.cloud != "local":
        return ""
    return (
        f"Embedded cloud. {_really(plan)}"
        if plan.executed
        else "Embedded cloud: trainings and endpoints are simulated."
    )


def _really(plan: Plan) -> str:
    """``plan.executed`` names models of the manifests; what is there beside them is not known to be real."""
    real = {f"FineTunedModel/{name}" for name in plan.executed}
    rest = "" if {change.address for change in plan.changes} <= real else "; the rest is simulated"
    verb = "is" if len(plan.executed) == 1 else "are"
    return f"{', '.join(plan.executed)} {verb} really trained and served on this machine{rest}."


def _nothing_to_do(plan: Plan) -> str:
    if not plan.can_apply:
        return "No changes are planned: see the errors below."
    if plan.destroy:
        return "No changes. The project owns nothing in the cloud."
    return "No changes. The cloud matches the manifests."


def _left_alone(plan: Plan) -> Iterable[tuple[str, str]]:
    """``undeployed by its own rule``: without a word, "no changes" would look as if it had been forgotten."""
    for change in plan.changes:
        told = [reason.message for reason in change.reasons if reason.code != "as-desired"]
        if told and not change.is_pending:
            yield change.address, "; ".join(told)


def _unchanged(plan: Plan) -> str:
    pending = {change.address for change in plan.pending}
    rest = {change.address for change in plan.changes} - pending
    return f"{counted(len(rest), 'model')} unchanged." if rest and pending else ""


def _standing(plan: Plan) -> tuple[str, ...]:
    following = Counter(step.action for change in plan.pending for step in change.then)
    steps = ", ".join(f"{count} to {action}" for action, count in following.items())
    waiting = sum(change.action is Action.WAIT and not change.stalled for change in plan.pending)
    stalled = sum(change.stalled for change in plan.pending)
    lines = (
        f"Then: {steps}." if steps else "",
        f"On its way: {waiting}." if waiting else "",
        f"Stalled, needs a person: {stalled}." if stalled else "",
    )
    return tuple(line for line in lines if line)


def _totals(totals: CostSummary) -> tuple[tuple[str, str], ...]:
    now, then = totals.hosting_monthly_now, totals.hosting_monthly_then
    after = cost_text(then, f"/month{hourly(totals.hosting_hourly_then)}")
    changes = cost_text(now, "/month") != cost_text(then, "/month")
    hosting = f"{cost_text(now, '/month')} -> {after}" if changes else after
    return (
        ("training", cost_text(totals.one_off) + ("" if is_free(totals.one_off) else ", once")),
        ("hosting", hosting),
        ("storage", cost_text(totals.storage_monthly_then, "/month")),
    )


def _assumptions(plan: Plan) -> tuple[str, ...]:
    """Each assumption once, in the order in which the changes bring them."""
    of_costs = (note for cost in _pending_costs(plan) for note in cost.assumptions)
    of_fits = (note for change in plan.pending if change.fit for note in change.fit.assumptions)
    return _unique((*_prices_date(plan), *of_costs, *of_fits))


def _caveats(plan: Plan) -> tuple[str, ...]:
    totals = plan.totals
    standing = (totals.hosting_monthly_then, totals.storage_monthly_then) if plan.changes else ()
    return _unique(
        (*_prices_date(plan), *(note for cost in (*_pending_costs(plan), *standing) for note in cost.caveats))
    )


def _pending_costs(plan: Plan) -> Iterable[Cost]:
    return (part for change in plan.pending if (cost := change.cost) for part in (cost.one_off, cost.monthly))


def _prices_date(plan: Plan) -> tuple[str, ...]:
    return (f"prices as of {plan.prices_as_of}, {plan.region}",) if plan.prices_as_of and plan.changes else ()


def _unique(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))
