"""Runs the tests that stand beside the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.domain.base import Value
from reconciler.domain.kinds.policy import PolicyTest
from reconciler.domain.policy import Policy
from reconciler.policy.facts import model_facts
from reconciler.policy.judge import Rule, Verdict


class Examined(Value):
    policy: str
    test: str
    problem: str = ""
    """What came out otherwise than expected; empty: it passed."""

    @property
    def passed(self) -> bool:
        return not self.problem


def examine(policies: Iterable[Policy]) -> Iterator[Examined]:
    """One result a test, in the order of the manifests. An error in a rule fails the test, whatever it expects."""
    for policy in policies:
        rule = Rule(policy)
        for test in policy.spec.tests:
            problem = _problem(test, rule.judge(_given(test.given)))
            yield Examined(policy=policy.name, test=test.name, problem=problem)


def _problem(test: PolicyTest, verdict: Verdict) -> str:
    """
    =========================  =====================================
    error                      always a problem
    kept as expected           none, unless the message is another
    kept, expected to fail     a problem, and the reverse
    =========================  =====================================
    """
    if verdict.trouble:
        return verdict.trouble
    if verdict.kept is not (test.expect == "pass"):
        return f"expected {test.expect}, and the rule {'passes' if verdict.kept else 'fails'}"
    if test.message is not None and test.message != verdict.message:
        return f"expected the message {test.message!r}, and it is {verdict.message!r}"
    return ""


def _given(given: Mapping[str, Any]) -> dict[str, Any]:
    """A change of a model without labels and spec, and the test's own values over it."""
    model = given.get("model")
    view = model if isinstance(model, dict) else {}
    metadata = view.get("metadata") if isinstance(view.get("metadata"), dict) else {}
    name = str((metadata or {}).get("name", "example"))
    return {"plan": {}, "change": {}} | dict(given) | {"model": model_facts(name, view)}
