"""Policies against plans, and the tests beside the rules."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.domain.diagnostic import Location, Severity
from reconciler.domain.kinds.policy import PolicySpec
from reconciler.domain.plan import Action, Change, Plan
from reconciler.domain.policy import Policy
from reconciler.domain.status import Status
from reconciler.policy.examine import examine
from reconciler.policy.facts import plan_facts
from reconciler.policy.judge import judge
from reconciler.reports.json import plan_document
from tests.builders import a_model, a_snapshot, an_observation
from tests.unit.reports.plans import DELETE, EVERYTHING, SAME, STALLED, TRAIN, WAIT, a_change, a_plan

WHERE = Location(file="policies.yaml", line=3, column=9)
BOT = a_model("support-bot", labels={"env": "prod"})


def a_policy(rule: str, name: str = "rule", **more: Any) -> Policy:
    return Policy(name=name, spec=PolicySpec.model_validate({"rule": rule} | more), where=WHERE)


def judged(policy: Policy, *changes: Change) -> list[tuple[str, str | None, str]]:
    found = judge([policy], a_plan(*changes), [BOT], a_snapshot())
    return [(str(each.severity), each.address, each.detail) for each in found]


def test_a_rule_that_is_kept_says_nothing() -> None:
    assert judged(a_policy("change.action == 'train' && model.metadata.labels.env == 'prod'"), TRAIN) == []


def test_a_rule_that_is_not_kept_is_told_where_the_model_stands() -> None:
    policy = a_policy(
        "change.action != 'train'", message="${model.metadata.name} on ${change.instanceType}", hint="ask"
    )
    (found,) = judge([policy], a_plan(TRAIN), [BOT], a_snapshot())
    assert (found.code, found.severity, found.overridable) == ("policy-rule", Severity.ERROR, True)
    assert (found.detail, found.hint) == ("support-bot on ml.g5.12xlarge", "ask")
    assert (found.where, found.related) == (BOT.resolved.where or WHERE, (WHERE,) if BOT.resolved.where else ())


def test_without_a_message_the_description_or_the_rule_is_told() -> None:
    assert judged(a_policy("false", description="never"), TRAIN)[0][2] == "never"
    assert judged(a_policy("1 == 2"), TRAIN)[0][2] == "`1 == 2` is not true."


def test_severity_and_whether_a_person_may_override_it() -> None:
    (firm,) = judge([a_policy("false", overridable=False)], a_plan(TRAIN), [BOT], a_snapshot())
    (mild,) = judge([a_policy("false", severity="warning")], a_plan(TRAIN), [BOT], a_snapshot())
    assert (firm.severity, firm.overridable) == (Severity.ERROR, False)
    assert (mild.severity, mild.overridable) == (Severity.WARNING, False)


@pytest.mark.parametrize(
    ("rule", "trouble"),
    [
        ("model.metadata.labels.nope == 'x'", "there is no `nope` here"),
        ("change.action", "neither true nor false"),
        ("[plan]" + ".map(a, [a, a, a, a, a, a, a, a])" * 8 + " == []", "more than 200,000 steps"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_evaluated_lets_nothing_pass(rule: str, trouble: str) -> None:
    ((severity, _, detail),) = judged(a_policy(rule), TRAIN)
    assert severity == "error"
    assert trouble in detail


def test_only_what_is_still_to_be_made_is_judged() -> None:
    addresses = [address for _, address, _ in judged(a_policy("false"), TRAIN, SAME, WAIT, STALLED)]
    assert addresses == ["FineTunedModel/support-bot", "FineTunedModel/sea", "FineTunedModel/qwen"]


def test_two_changes_of_one_model_that_fail_alike_are_told_once() -> None:
    stop = a_change(Action.STOP, "support-bot", "support-bot-old", Status.TRAINING, Status.TRAINING)
    assert len(judged(a_policy("false"), stop, TRAIN)) == 1


def test_a_plan_is_judged_once_as_a_whole() -> None:
    policy = a_policy("plan.summary.delete == 0", message="${plan.summary.delete} go", forEach="plan")
    assert judged(policy, TRAIN, DELETE) == [("error", None, "1 go")]


def test_a_model_without_a_manifest_has_the_labels_that_it_was_tagged_with() -> None:
    seen = an_observation(a_model("old-bot", labels={"env": "prod"}))
    policy = a_policy('change.action != "delete" || model.metadata.labels.env != "prod"')
    (found,) = judge([policy], a_plan(DELETE), [], a_snapshot(seen))
    assert found.address == "FineTunedModel/old-bot"


def test_a_rule_sees_the_json_that_programs_read() -> None:
    facts, document = plan_facts(EVERYTHING), plan_document(EVERYTHING)
    assert facts == {key: document[key] for key in document if key not in ("digest", "diagnostics", "applyable")}


def test_what_policies_say_does_not_depend_on_the_digest() -> None:
    plan: Plan = a_plan(TRAIN)
    assert plan_facts(plan) == plan_facts(plan.model_copy(update={"digest": ""}))


@pytest.mark.parametrize(
    ("rule", "test", "problem"),
    [
        ("change.action == 'train'", {"given": {"change": {"action": "train"}}, "expect": "pass"}, ""),
        ("change.action == 'train'", {"given": {"change": {"action": "roll"}}, "expect": "fail"}, ""),
        ("true", {"expect": "fail"}, "expected fail, and the rule passes"),
        ("false", {"expect": "pass"}, "expected pass, and the rule fails"),
        ("false", {"expect": "fail", "message": "no"}, "expected the message 'no', and it is 'is bad'"),
        ("change.action == 'train'", {"expect": "fail"}, "there is no `action` here: ask with `has` first (at `action == 'train'`)"),
        ("has(model.metadata.labels.env)", {"expect": "fail"}, ""),
        ("model.metadata.name == 'example'", {"given": {"model": {"spec": {}}}, "expect": "pass"}, ""),
    ],
)  # fmt: skip
def test_tests_beside_a_rule(rule: str, test: dict[str, Any], problem: str) -> None:
    policy = a_policy(rule, message="is bad", tests=[{"name": "t"} | test])
    assert [(each.policy, each.test, each.problem) for each in examine([policy])] == [("rule", "t", problem)]
