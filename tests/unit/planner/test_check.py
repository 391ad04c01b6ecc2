"""Plans that contradict themselves are refused; real ones pass."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.domain.plan import Action, Change, Plan, Reason
from reconciler.domain.status import Status
from reconciler.planner.check import BrokenPlan, check
from tests.builders import SAGEMAKER, a_converged, a_model, a_snapshot, a_version, an_attempt, an_observation, fp
from tests.unit.planner.planning import plan_of

MODEL = a_model(fingerprint_of="new", deployment={"deployed": True})
SEEN = a_snapshot(a_converged(MODEL))
EMPTY = plan_of([])


def a_change(action: Action = Action.DEPLOY, target: str = "support-bot", **more: Any) -> Change:
    fields: dict[str, Any] = {
        "address": MODEL.address,
        "provider": SAGEMAKER,
        "fingerprint": MODEL.fingerprint,
        "reasons": (Reason(code="x", message="x"),),
        "status": {"now": Status.ABSENT, "then": Status.DEPLOYED},
    }
    return Change(action=action, target=target, **(fields | more))


def a_plan(*changes: Change) -> Plan:
    return EMPTY.model_copy(update={"changes": changes})


TRAIN = a_change(Action.TRAIN, "support-bot-r9", attempt=9)

BROKEN: dict[str, tuple[Plan, str]] = {
    "one id twice": (a_plan(a_change(), a_change()), "2 changes are called deploy:sagemaker:support-bot"),
    "dependency missing": (a_plan(a_change(depends_on=("x",))), "comes before x"),
    "dependency later": (
        a_plan(a_change(depends_on=(TRAIN.id,)), TRAIN),
        "deploy:sagemaker:support-bot comes before train:sagemaker:support-bot-r9",
    ),
    "acts after a wait": (
        a_plan(a_change(Action.WAIT), a_change(depends_on=("wait:sagemaker:support-bot",))),
        "mutates but depends on wait:sagemaker:support-bot",
    ),
    "no reason": (a_plan(a_change(reasons=())), "has no reason"),
    "stalled but acting": (a_plan(a_change(stalled=True)), "is stalled but acts"),
    "trained twice": (
        a_plan(TRAIN, a_change(Action.TRAIN, "support-bot-r10", attempt=10)),
        "trains one version 2 times",
    ),
    "training without attempt": (a_plan(a_change(Action.TRAIN, "x")), "names no attempt"),
    "deletes what serves": (a_plan(a_change(Action.DELETE, "x")), "deletes what sagemaker:support-bot serves"),
}


@pytest.mark.parametrize(("plan", "breach"), BROKEN.values(), ids=BROKEN)
def test_a_breach_is_named(plan: Plan, breach: str) -> None:
    with pytest.raises(BrokenPlan, match=breach):
        check(plan, SEEN)


def test_an_attempt_that_exists_is_a_breach() -> None:
    run = an_attempt(MODEL)
    seen = a_snapshot(an_observation(MODEL, versions=[a_version(MODEL.fingerprint, runs=[run])]))
    with pytest.raises(BrokenPlan, match="exists already"):
        check(a_plan(a_change(Action.TRAIN, run.name, attempt=1)), seen)


def test_every_breach_is_told_at_once() -> None:
    with pytest.raises(BrokenPlan, match=r"has no reason; .*is stalled but acts"):
        check(a_plan(a_change(reasons=(), stalled=True)), SEEN)


def test_what_is_undeployed_first_may_be_deleted() -> None:
    undeploy = a_change(Action.UNDEPLOY)
    plan = a_plan(undeploy, a_change(Action.DELETE, "x", depends_on=(undeploy.id,)))
    assert check(plan, SEEN) is plan


def test_what_does_not_serve_may_be_deleted() -> None:
    plan = a_plan(a_change(Action.DELETE, "x", fingerprint=fp("other")))
    assert check(plan, SEEN) is plan
