"""Policies × Plan → Diagnostics. What cannot be evaluated is not kept: a broken rule lets nothing pass.

========================  ============================================================================
the rule is true          nothing
the rule is false         ``policy-NAME``, of the policy's severity, with its message
an error, or no boolean   ``policy-NAME``, of the policy's severity, saying what went wrong in the rule
too much work             the same
========================  ============================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic, Location, Severity
from reconciler.domain.kinds.policy import PolicySpec
from reconciler.domain.observation import Snapshot
from reconciler.domain.plan import Change, Plan
from reconciler.domain.policy import Policy
from reconciler.domain.vocabulary import VARIABLES
from reconciler.expressions.evaluate import MAX_STEPS, TooMuchWork, evaluate
from reconciler.expressions.interpolate import parse_template, render
from reconciler.expressions.parse import parse
from reconciler.expressions.tokens import ExpressionError
from reconciler.expressions.tree import Node
from reconciler.policy.facts import Facts, change_facts, plan_facts


@dataclass(frozen=True)
class Verdict:
    """``trouble`` says why the rule could not be evaluated; then it is not kept."""

    kept: bool
    message: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class Rule:
    """A policy, read once."""

    policy: Policy
    node: Node = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "node", parse(self.policy.spec.rule, VARIABLES[self.policy.spec.for_each]))

    def judge(self, facts: Facts) -> Verdict:
        try:
            value = evaluate(self.node, facts)
        except TooMuchWork:
            return Verdict(kept=False, trouble=f"the rule takes more than {MAX_STEPS:,} steps")
        except ExpressionError as wrong:
            return Verdict(
                kept=False, trouble=f"{wrong.message} (at `{_excerpt(self.policy.spec.rule, wrong.offset)}`)"
            )
        if not isinstance(value, bool):
            return Verdict(kept=False, trouble="the rule comes to neither true nor false")
        return Verdict(kept=value, message="" if value else self._message(facts))

    def _message(self, facts: Facts) -> str:
        spec = self.policy.spec
        try:
            return render(parse_template(spec.message, VARIABLES[spec.for_each]), facts)
        except TooMuchWork:
            return spec.message


def judge(
    policies: Iterable[Policy], plan: Plan, desired: Sequence[DesiredModel], snapshot: Snapshot
) -> tuple[Diagnostic, ...]:
    """Of a priced plan. Every failure is told, each once."""
    rules = [Rule(policy) for policy in policies]
    if not rules:
        return ()
    whole = plan_facts(plan)
    wanted = {model.name: model for model in desired}
    changes = [*change_facts(plan, whole, wanted, snapshot)]
    found = [diagnostic for rule in rules for diagnostic in _failures(rule, {"plan": whole}, changes, wanted)]
    return tuple(dict.fromkeys(found))


def _failures(
    rule: Rule, whole: Facts, changes: Sequence[tuple[Change, Facts]], desired: Mapping[str, DesiredModel]
) -> Iterator[Diagnostic]:
    if rule.policy.spec.for_each == "plan":
        yield from _told(rule.policy, rule.judge(whole), rule.policy.where, None)
        return
    for change, facts in changes:
        model = desired.get(change.address.partition("/")[2])
        where = (model.resolved.where if model else None) or rule.policy.where
        yield from _told(rule.policy, rule.judge(facts), where, change.address)


def _told(policy: Policy, verdict: Verdict, where: Location | None, address: str | None) -> Iterator[Diagnostic]:
    if verdict.kept:
        return
    spec = policy.spec
    related = (policy.where,) if policy.where and policy.where != where else ()
    yield Diagnostic(
        code=policy.code,
        severity=Severity(spec.severity),
        summary=f"Policy {policy.name} could not be evaluated"
        if verdict.trouble
        else f"Policy {policy.name} is not kept",
        detail=_sentence(verdict, spec),
        hint=spec.hint,
        where=where,
        related=related,
        address=address,
        overridable=spec.overridable and spec.severity == "error",
    )


def _sentence(verdict: Verdict, spec: PolicySpec) -> str:
    if verdict.trouble:
        return f"It counts as not kept: {verdict.trouble}."
    return verdict.message or spec.description or f"`{_excerpt(spec.rule, 0)}` is not true."


def _excerpt(text: str, offset: int) -> str:
    """The rule from there on, on one line."""
    rest = " ".join(text[offset:].split())
    return rest if len(rest) <= 40 else rest[:39] + "…"
