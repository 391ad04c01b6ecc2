"""apply and destroy: who approves what, how a run ends, what is told. The engine is played by a function."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.cli.project import Proposed
from reconciler.cli.signals import StopRequest
from reconciler.domain.errors import LockHeld
from reconciler.domain.outcome import Fault, FaultKind, Outcome
from reconciler.domain.plan import Plan, PlanOptions
from reconciler.engine.approve import Approval
from reconciler.engine.execute import Performed
from reconciler.engine.outside import Outside, RunSettings
from reconciler.engine.propose import Proposal
from reconciler.engine.reconverge import RunResult, RunState
from reconciler.stores.plans import save
from tests import builders as make
from tests.unit.cli.calling import Ended, call
from tests.unit.reports.plans import DELETE, EVERYTHING, SAME, STALLED, TRAIN, UNDEPLOY, WAIT, a_plan

PLAN = a_plan(TRAIN)
DENIED = Outcome.failed(Fault(kind=FaultKind.DENIED, code="AccessDenied", message="not allowed"))


@dataclass
class Stage:
    """What is planned, how the run ends, and what the engine was called with."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    plan: Plan = PLAN
    ends: RunState = RunState.CONVERGED
    more: dict[str, Any] = field(default_factory=dict)
    during: Callable[[StopRequest], None] = lambda stop: None
    runs: list[tuple[PlanOptions, Approval, RunSettings]] = field(default_factory=list)
    asked: list[PlanOptions] = field(default_factory=list)

    def proposed(self, _invocation: object, options: PlanOptions, **_: object) -> Proposed:
        self.asked.append(options)
        proposal = Proposal(plan=self.plan, desired=(), snapshot=make.a_snapshot())
        return Proposed(make.a_configuration(), cast(Outside, None), proposal)

    def reconverge(
        self,
        _configuration: object,
        _outside: object,
        options: PlanOptions,
        approval: Approval,
        settings: RunSettings,
        stop: StopRequest,
    ) -> RunResult:
        self.runs.append((options, approval, settings))
        self.during(stop)
        fields: dict[str, Any] = {
            "run": "r1",
            "state": self.ends,
            "passes": 3,
            "performed": (Performed(TRAIN, Outcome.started()),),
        }
        return RunResult(plan=self.plan, **(fields | self.more))

    def call(self, *arguments: object, answer: str | None = None) -> Ended:
        class Keyboard(io.StringIO):
            def isatty(self) -> bool:
                return answer is not None

        self.monkeypatch.setattr("sys.stdin", Keyboard(answer or ""))
        return call(self.capsys, *arguments)


@pytest.fixture
def stage(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(capsys, monkeypatch)
    monkeypatch.setattr("reconciler.cli.running.proposed", made.proposed)
    monkeypatch.setattr("reconciler.engine.reconverge.reconverge", made.reconverge)
    return made


def test_yes_approves_exactly_the_plan_that_was_shown(stage: Stage) -> None:
    ended = stage.call("apply", answer="yes\n")
    assert ended.code == 0
    assert f"It is exactly the plan above: {PLAN.digest}" in ended.err
    assert stage.runs[0][1] == Approval.of(PLAN)


@pytest.mark.parametrize("answer", ["y\n", "YES\n", "\n", "", "yes please\n", "no\n"])
def test_anything_but_yes_is_no(answer: str, stage: Stage) -> None:
    ended = stage.call("apply", answer=answer)
    assert ended.code == 1
    assert "Cancelled. Nothing was changed." in ended.out
    assert stage.runs == []


def test_where_nobody_can_be_asked_nothing_is_done(stage: Stage) -> None:
    ended = stage.call("apply")
    assert (ended.code, stage.runs) == (1, [])
    assert "nobody can approve this plan" in ended.err
    assert "--auto-approve" in ended.err


@pytest.mark.parametrize(("command", "takes_a_digest"), [("apply", True), ("destroy", False)])
def test_the_hint_names_what_the_command_takes(command: str, takes_a_digest: bool, stage: Stage) -> None:
    ended = stage.call(command)
    assert ended.code == 1
    assert ("--digest" in ended.err) == takes_a_digest
    assert ("plan --destroy --out FILE" in " ".join(ended.err.split())) != takes_a_digest


def test_auto_approve_asks_nobody(stage: Stage) -> None:
    assert stage.call("apply", "-auto-approve").code == 0
    assert stage.runs[0][1] == Approval.of_whatever_is_planned_first()


def test_waiting_alone_needs_nobodys_leave(stage: Stage) -> None:
    stage.plan = a_plan(WAIT)
    assert stage.call("apply").code == 0
    assert len(stage.runs) == 1


def test_nothing_to_do_runs_nothing(stage: Stage) -> None:
    stage.plan = a_plan(SAME)
    ended = stage.call("apply")
    assert (ended.code, stage.runs) == (0, [])
    assert "No changes. The cloud matches the manifests." in ended.out


def test_a_plan_with_errors_is_shown_and_not_applied(stage: Stage) -> None:
    stage.plan = EVERYTHING
    ended = stage.call("apply", "--auto-approve")
    assert (ended.code, stage.runs) == (1, [])
    assert "This plan cannot be applied" in ended.out


def test_an_approved_digest_is_handed_on(stage: Stage) -> None:
    assert stage.call("apply", "--digest", PLAN.digest).code == 0
    assert stage.runs[0][1] == Approval.by_digest(PLAN.digest)


def test_a_saved_plan_is_applied_as_it_was_asked_for(stage: Stage, tmp_path: Path) -> None:
    options = PlanOptions(targets=("support-bot",), allow=("over-budget",))
    save(PLAN, tmp_path / "x.plan", options)
    assert stage.call("-C", tmp_path, "apply", "x.plan").code == 0
    assert stage.asked == [options]
    assert stage.runs[0][1] == Approval.of(PLAN)


def test_a_saved_plan_that_no_longer_holds_is_refused_with_what_changed(stage: Stage, tmp_path: Path) -> None:
    save(a_plan(TRAIN, UNDEPLOY), tmp_path / "x.plan")
    ended = stage.call("-C", tmp_path, "apply", "x.plan")
    assert (ended.code, stage.runs) == (1, [])
    assert "the saved plan no longer holds:\n       - no longer planned: undeploy old-bot" in ended.err


def test_a_saved_plan_takes_no_other_wishes(stage: Stage, tmp_path: Path) -> None:
    save(PLAN, tmp_path / "x.plan")
    assert "A saved plan says itself what to do" in stage.call("-C", tmp_path, "apply", "x.plan", "--target", "a").err
    assert "A saved plan says itself what to do" in stage.call("-C", tmp_path, "apply", "x.plan", "-redeploy", "a").err
    assert stage.call("-C", tmp_path, "apply", "missing.plan").code == 1


def test_settings_are_handed_on(stage: Stage) -> None:
    stage.call(
        "apply", "--auto-approve", "--no-wait", "--timeout", "30m", "--parallelism", 3, "--lock-timeout", "5m", "--target", "a",
        "--retrain", "b", "--redeploy", "c", "--allow", "over-budget",
    )  # fmt: skip
    options, _, settings = stage.runs[0]
    assert options == PlanOptions(targets=("a",), retrain=("b",), redeploy=("c",), allow=("over-budget",))
    assert (settings.wait, settings.parallelism, settings.operation) == (False, 3, "apply")
    assert settings.timeout is not None
    assert (settings.timeout.total_seconds(), settings.lock_timeout.total_seconds()) == (1800, 300)


def test_destroy_asks_for_everything(stage: Stage) -> None:
    ended = stage.call("destroy", answer="yes\n")
    assert stage.asked == [PlanOptions(destroy=True)]
    assert stage.runs[0][2].operation == "destroy"
    assert "Do you really want to destroy all of this?" in ended.err
    assert "Destroy complete!" in ended.out


@pytest.mark.parametrize(
    ("ends", "code", "told"),
    [
        (RunState.CONVERGED, 0, "Apply complete! 1 trained, 0 deployed, 0 rolled, 0 undeployed, 0 deleted."),
        (RunState.WAITING, 0, "Started, and not waited for."),
        (RunState.STALLED, 1, "! FineTunedModel/qwen: AlgorithmError"),
        (RunState.FAILED, 1, "Error: undeploy old-bot: not allowed"),
        (RunState.INTERRUPTED, 130, "Go on with: reconciler apply"),
        (RunState.TIMED_OUT, 1, "The time given by --timeout is over"),
        (RunState.NEEDS_APPROVAL, 1, "what is left was not approved"),
        (RunState.LOCK_LOST, 75, "reconciler lock show"),
    ],
)
def test_every_ending_has_its_exit_code_and_says_how_to_go_on(
    ends: RunState, code: int, told: str, stage: Stage
) -> None:
    stage.ends = ends
    stage.more = {"left": (STALLED,), "performed": (Performed(TRAIN, Outcome.done()), Performed(UNDEPLOY, DENIED))}
    ended = stage.call("apply", "--auto-approve")
    assert ended.code == code
    assert told in ended.out


def test_sigterm_has_its_own_exit_code(stage: Stage) -> None:
    stage.ends = RunState.INTERRUPTED
    stage.during = lambda stop: stop.receive(15)
    assert stage.call("apply", "--auto-approve").code == 143


def test_what_is_left_for_the_next_apply_is_said(stage: Stage) -> None:
    stage.more = {"postponed": (DELETE,)}
    assert "Left for the next apply: delete old-bot-99887766." in stage.call("apply", "--auto-approve").out


def test_a_held_lock_says_try_again(stage: Stage) -> None:
    def held(_stop: StopRequest) -> None:
        raise LockHeld("the lock is held by ana", hint="reconciler lock show")

    stage.during = held
    ended = stage.call("apply", "--auto-approve")
    assert ended.code == 75
    assert "the lock is held by ana" in ended.err


def test_json_is_one_object_a_line(stage: Stage) -> None:
    stage.plan = a_plan(TRAIN, SAME, totals=EVERYTHING.totals)
    stage.more = {"performed": (Performed(TRAIN, Outcome.started()), Performed(UNDEPLOY, DENIED))}
    lines = [json.loads(line) for line in stage.call("apply", "--json", "--auto-approve").out.splitlines()]
    assert [line["type"] for line in lines] == ["version", "planned_change", "change_summary", "change_summary"]
    assert lines[1]["change"]["id"] == TRAIN.id
    assert lines[2]["digest"] == stage.plan.digest
    assert lines[3]["changes"] == {"train": 1, "operation": "apply"}
    assert lines[3]["state"] == "converged"


def test_json_tells_problems_of_the_plan_in_the_stream(stage: Stage) -> None:
    stage.plan = EVERYTHING
    ended = stage.call("apply", "--json", "--auto-approve")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 1
    assert [line["diagnostic"]["code"] for line in lines if line["type"] == "diagnostic"] == [
        "bedrock-delete-final",
        "live-traffic",
    ]


def test_json_stays_one_object_a_line_when_the_run_is_refused(stage: Stage) -> None:
    def held(_stop: StopRequest) -> None:
        raise LockHeld("the lock is held by ana", hint="reconciler lock show")

    stage.during = held
    ended = stage.call("apply", "--json", "--auto-approve")
    last = json.loads(ended.out.splitlines()[-1])
    assert (ended.code, last["type"], last["diagnostic"]["code"]) == (75, "diagnostic", "lock-held")
    assert last["diagnostic"]["hint"] == "reconciler lock show"
