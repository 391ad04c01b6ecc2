"""What is planned about a model's training."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from reconciler.domain.desired import DesiredModel
from reconciler.domain.kinds.fine_tuned_model import PromotionGate
from reconciler.domain.observation import ModelObservation, TrainingPhase, TrainingRun
from reconciler.domain.outcome import Fault, FaultKind
from reconciler.domain.plan import Effect, FieldChange
from reconciler.domain.status import Status
from reconciler.planner.reasons import changed_fields
from reconciler.planner.training import failed_state
from tests.builders import (
    BEDROCK,
    NOW,
    a_converged,
    a_deployment,
    a_fault,
    a_model,
    a_training_machine,
    a_version,
    an_artifact,
    an_attempt,
    an_observation,
)
from tests.unit.planner.planning import message, plan_of, reasons, tell, told
from tests.unit.planner.tables import Row, tables

MODEL = a_model(fingerprint_of="new")
NAME = "support-bot-" + MODEL.fingerprint[7:15]
OLD = a_model(fingerprint_of="old", deployment={"deployed": True})
NEW = a_model(fingerprint_of="new", deployment={"deployed": True}, hyperparameters={"epochs": 5})


def seen(model: DesiredModel, *runs: TrainingRun, **more: Any) -> ModelObservation:
    return an_observation(model, versions=[a_version(model.fingerprint, runs=runs, **more)])


def failed(model: DesiredModel, attempt: int = 1, kind: FaultKind = FaultKind.TERMINAL, **more: Any) -> TrainingRun:
    return an_attempt(model, attempt, phase=TrainingPhase.FAILED, failure=a_fault(kind), **more)


def test_a_new_model_is_trained() -> None:
    plan = plan_of(MODEL)
    (change,) = plan.changes
    assert tell(change) == f"train {NAME}"
    assert (change.status_now, change.status_then) == (Status.ABSENT, Status.NOT_DEPLOYED)
    assert (change.attempt, change.instance_type) == (1, "ml.g5.12xlarge")
    assert {field.before for field in change.fields} == {None}


def test_and_deployed_then_where_the_manifest_says_so() -> None:
    plan = plan_of(NEW)
    assert told(plan) == [f"train {NAME}, then deploy support-bot"]
    assert plan.changes[0].status_then is Status.DEPLOYED


def test_a_training_on_its_way_is_waited_for() -> None:
    plan = plan_of(NEW, seen(NEW, an_attempt(NEW)))
    assert told(plan) == [f"wait {NAME}, then deploy support-bot"]


def test_a_new_fingerprint_trains_while_the_old_version_serves() -> None:
    plan = plan_of(NEW, a_converged(OLD), recorded=[OLD])
    (change,) = plan.changes
    assert tell(change) == f"train {NAME}, then roll support-bot"
    assert reasons(plan) == ["training-changed", "serves-meanwhile"]
    assert "epochs 3 → 5: this changes what is trained" in message(plan)
    assert [(f.path, f.effect) for f in change.fields] == [("spec.hyperparameters.epochs", Effect.RETRAIN)]
    assert (change.status_now, change.status_then) == (Status.DEPLOYED, Status.DEPLOYED)


def test_without_a_record_the_reason_names_the_fingerprints() -> None:
    plan = plan_of(NEW, a_converged(OLD))
    assert reasons(plan) == ["fingerprint-changed", "serves-meanwhile"]
    assert plan.changes[0].fields == ()


def test_changed_data_name_old_and_new_digest() -> None:
    before = a_model(fingerprint_of="old", data="first")
    after = a_model(fingerprint_of="new", data="second")
    told_why = message(plan_of(after, a_converged(before), recorded=[before]))
    assert before.data.training.digest[7:15] in told_why
    assert after.data.training.digest[7:15] in told_why
    assert "training data" in told_why


def test_the_old_training_is_stopped_when_the_fingerprint_changed() -> None:
    running = an_attempt(OLD)
    plan = plan_of(MODEL, seen(OLD, running))
    assert told(plan) == [f"stop {running.name}", f"train {NAME}"]


def test_until_it_has_stopped_the_plan_is_not_done() -> None:
    stopping = an_attempt(OLD, phase=TrainingPhase.STOPPING)
    assert told(plan_of(MODEL, seen(OLD, stopping))) == [f"train {NAME}", f"wait {stopping.name}"]


def test_no_capacity_moves_on_to_the_next_type() -> None:
    model = a_model(
        fingerprint_of="new",
        resources=a_training_machine(fallback_instance_types=("ml.g6.12xlarge", "ml.p4d.24xlarge")),
    )
    first = failed(model, 1, FaultKind.CAPACITY)
    (change,) = plan_of(model, seen(model, first)).changes
    assert tell(change) == f"train {NAME}-r2 (drift)"
    assert change.instance_type == "ml.g6.12xlarge"
    second = failed(model, 2, FaultKind.CAPACITY, instance_type="ml.g6.12xlarge")
    (change,) = plan_of(model, seen(model, first, second)).changes
    assert (change.attempt, change.instance_type) == (3, "ml.p4d.24xlarge")
    third = failed(model, 3, FaultKind.CAPACITY, instance_type="ml.p4d.24xlarge")
    plan = plan_of(model, seen(model, first, second, third))
    assert told(plan) == [f"no-op {NAME}-r3 (drift, stalled)"]
    assert "fallbackInstanceTypes" in message(plan)
    (change,) = plan_of(model, seen(model, first, second, third), retrain=("support-bot",)).changes
    assert (change.attempt, change.instance_type) == (4, "ml.g5.12xlarge")


def test_capacity_uses_up_no_retries() -> None:
    model = a_model(
        fingerprint_of="new",
        resources=a_training_machine(fallback_instance_types=("ml.g6.12xlarge",)),
        training_retries=1,
    )
    runs = [failed(model, 1, FaultKind.CAPACITY), failed(model, 2, instance_type="ml.g6.12xlarge")]
    (change,) = plan_of(model, seen(model, *runs)).changes
    assert (change.attempt, change.instance_type) == (3, "ml.g6.12xlarge")


def test_a_type_that_the_cloud_does_not_name_counts_as_tried() -> None:
    run = failed(MODEL, 1, FaultKind.CAPACITY, instance_type=None)
    assert plan_of(MODEL, seen(MODEL, run)).changes[0].stalled


def test_on_bedrock_missing_capacity_is_an_ordinary_failure() -> None:
    model = a_model("nova", provider=BEDROCK, training_retries=1)
    (change,) = plan_of(model, seen(model, failed(model, 1, FaultKind.CAPACITY))).changes
    assert (change.action, change.attempt) == ("train", 2)
    runs = [failed(model, n, FaultKind.CAPACITY) for n in (1, 2)]
    assert plan_of(model, seen(model, *runs)).changes[0].stalled


def test_a_failure_is_retried_then_stalls_with_the_clouds_reason() -> None:
    plan = plan_of(MODEL, seen(MODEL, failed(MODEL)))
    assert told(plan) == [f"train {NAME}-r2 (drift)"]
    assert "Retry 1 of 1" in message(plan)
    plan = plan_of(MODEL, seen(MODEL, failed(MODEL), failed(MODEL, 2)))
    assert told(plan) == [f"no-op {NAME}-r2 (drift, stalled)"]
    assert "AlgorithmError: out of memory" in message(plan)
    assert "--retrain support-bot" in message(plan)


FAILURES = tables(failed_state.__doc__ or "")[0]
NAMED = (FaultKind.INPUT, FaultKind.QUOTA, FaultKind.CAPACITY)
FAULTS: dict[str, list[Fault | None]] = {
    **{str(kind): [a_fault(kind)] for kind in NAMED},
    "another": [None, *(a_fault(kind) for kind in FaultKind if kind not in NAMED)],
}
TYPES: dict[str, dict[str, Any]] = {
    "one is untried": {"resources": a_training_machine(fallback_instance_types=("ml.g6.12xlarge",))},
    "all were tried": {"resources": a_training_machine()},
    "there are none": {"name": "nova", "provider": BEDROCK},
}
RETRIES = {"left": 1, "used up": 0}


def meant(row: Row) -> Iterator[tuple[str, str, str]]:
    faults, types, retries = (
        [*values] if row[axis] == "any" else [row[axis]]
        for axis, values in (("fault", [*FAULTS]), ("instance types", [*TYPES]), ("retries", [*RETRIES]))
    )
    return product(faults, types, retries)


@pytest.mark.parametrize("row", FAILURES, ids=lambda row: " · ".join(row.values()))
def test_after_a_failure(row: Row) -> None:
    for named, types, retries in meant(row):
        model = a_model(fingerprint_of="new", training_retries=RETRIES[retries], **TYPES[types])
        for fault in FAULTS[named]:
            run = an_attempt(model, phase=TrainingPhase.FAILED, failure=fault)
            assert failed_state(model, (run,), run) == row["training"]


def test_every_failure_has_exactly_one_row() -> None:
    covered = [situation for row in FAILURES for situation in meant(row)]
    assert sorted(covered) == sorted(product(FAULTS, TYPES, RETRIES))


def test_what_can_never_work_is_told_and_not_paid_for_again() -> None:
    told_why = "lora_config.target_modules: the model has no nope"
    run = an_attempt(MODEL, phase=TrainingPhase.FAILED, failure=a_fault(FaultKind.INPUT, told_why))
    plan = plan_of(MODEL, seen(MODEL, run))
    assert told(plan) == [f"no-op {NAME} (drift, stalled)"]
    assert f"failed: {told_why}. It is not retried" in message(plan)
    assert "`reconciler apply --retrain support-bot`" in message(plan)
    assert told(plan_of(MODEL, seen(MODEL, run), retrain=("support-bot",))) == [f"train {NAME}-r2"]


def test_what_can_never_work_uses_up_no_retries() -> None:
    runs = [failed(MODEL, 1, FaultKind.INPUT), failed(MODEL, 2)]
    plan = plan_of(MODEL, seen(MODEL, *runs))
    assert told(plan) == [f"train {NAME}-r3 (drift)"]
    assert "Retry 1 of 1" in message(plan)


def test_a_quota_is_not_tried_against() -> None:
    plan = plan_of(MODEL, seen(MODEL, failed(MODEL, kind=FaultKind.QUOTA)))
    assert plan.changes[0].stalled
    assert "Raise the account's quota" in message(plan)


@pytest.mark.parametrize("phase", [TrainingPhase.FAILED, TrainingPhase.STOPPED])
def test_retrain_forces_the_next_attempt(phase: TrainingPhase) -> None:
    model = a_model(fingerprint_of="new", training_retries=0)
    plan = plan_of(model, seen(model, an_attempt(model, phase=phase)), retrain=("support-bot",))
    assert told(plan) == [f"train {NAME}-r2"]


def test_retrain_does_nothing_to_what_is_trained() -> None:
    assert told(plan_of(MODEL, a_converged(MODEL), retrain=("support-bot",))) == ["no-op support-bot"]


def test_stopped_by_the_time_limit_says_which() -> None:
    run = an_attempt(MODEL, phase=TrainingPhase.STOPPED, stopped_by_limit=True)
    plan = plan_of(MODEL, seen(MODEL, run))
    assert told(plan) == [f"no-op {NAME} (drift, stalled)"]
    assert "`maxRuntime` (12h)" in message(plan)


def test_stopped_by_somebody_stalls() -> None:
    plan = plan_of(MODEL, seen(MODEL, an_attempt(MODEL, phase=TrainingPhase.STOPPED)))
    assert told(plan) == [f"no-op {NAME} (drift, stalled)"]
    assert "raise `revision`" in message(plan)


@pytest.mark.parametrize(
    ("phase", "planned"),
    [(TrainingPhase.STOPPED, f"train {NAME}-r2"), (TrainingPhase.STOPPING, f"wait {NAME}, then train {NAME}-r2")],
)
def test_what_an_apply_stopped_is_trained_again_once_the_manifests_ask_for_it_again(
    phase: TrainingPhase, planned: str
) -> None:
    halted = MODEL.model_copy(update={"resolved": MODEL.resolved.model_copy(update={"training_stopped": True})})
    plan = plan_of(MODEL, seen(MODEL, an_attempt(MODEL, phase=phase)), recorded=[halted])
    assert told(plan) == [planned]
    by_limit = an_attempt(MODEL, phase=TrainingPhase.STOPPED, stopped_by_limit=True)
    assert told(plan_of(MODEL, seen(MODEL, by_limit), recorded=[halted])) == [f"no-op {NAME} (drift, stalled)"]
    assert told(plan_of(halted, seen(MODEL, an_attempt(MODEL, phase=phase)), recorded=[halted]))[0].split()[0] in (
        "no-op",
        "wait",
    )


def test_the_manifest_stops_a_training() -> None:
    model = a_model(fingerprint_of="new", training_stopped=True)
    (change,) = plan_of(model, seen(model, an_attempt(model))).changes
    assert tell(change) == f"stop {NAME}"
    assert change.status_then is Status.TRAINING_STOPPED
    plan = plan_of(model, seen(model, an_attempt(model, phase=TrainingPhase.STOPPED)))
    assert told(plan) == [f"no-op {NAME}"]
    assert plan.changes[0].status_now is Status.TRAINING_STOPPED
    assert told(plan_of(model)) == [f"no-op {NAME}"]


def test_an_artifact_that_was_deleted_is_trained_again() -> None:
    model = a_model("nova", provider=BEDROCK)
    run = an_attempt(model, phase=TrainingPhase.COMPLETED)
    plan = plan_of(model, seen(model, run, artifact=None))
    (change,) = plan.changes
    assert (change.attempt, change.drift, reasons(plan)) == (2, True, ["artifact-gone"])


def test_an_artifact_that_is_lost_again_and_again_is_not_trained_for_ever() -> None:
    done, ended = TrainingPhase.COMPLETED, NOW - timedelta(hours=1)
    runs = [an_attempt(MODEL, attempt, phase=done, ended_at=ended) for attempt in (1, 2)]
    plan = plan_of(MODEL, seen(MODEL, *runs, artifact=None))
    assert told(plan) == [f"no-op {NAME}-r2 (drift, stalled)"]
    assert "gone from the cloud again" in message(plan)
    asked = plan_of(MODEL, seen(MODEL, *runs, artifact=None), retrain=(MODEL.name,))
    assert told(asked) == [f"train {NAME}-r3"]


def test_an_artifact_may_take_a_moment_to_be_listed() -> None:
    run = an_attempt(MODEL, phase=TrainingPhase.COMPLETED, ended_at=NOW - timedelta(minutes=1))
    assert told(plan_of(MODEL, seen(MODEL, run, artifact=None))) == [f"wait {NAME}"]
    done = an_attempt(MODEL, phase=TrainingPhase.COMPLETED)
    unready = an_artifact(ready=False)
    assert told(plan_of(MODEL, seen(MODEL, done, artifact=unready))) == [f"wait {NAME}"]


def test_an_artifact_without_trainings_is_trained() -> None:
    assert told(plan_of(MODEL, seen(MODEL, artifact=an_artifact()))) == ["no-op support-bot"]


def test_discarded_trainings_count_as_attempts_alone() -> None:
    model = a_model("nova", provider=BEDROCK)
    run = an_attempt(model, phase=TrainingPhase.COMPLETED, discarded=True)
    plan = plan_of(model, seen(model, run, artifact=None))
    (change,) = plan.changes
    assert (change.attempt, change.drift, reasons(plan)) == (2, False, ["not-trained"])


GATED = a_model(
    fingerprint_of="new", deployment={"deployed": True}, promotion=(PromotionGate(metric="eval_loss", max=1.4),)
)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({"eval_loss": Decimal("1.40")}, "deploy support-bot"),
        ({"eval_loss": Decimal("1.41")}, f"no-op {NAME} (stalled)"),
        ({}, f"no-op {NAME} (stalled)"),
    ],
    ids=["within", "beyond", "missing"],
)
def test_promotion(metrics: dict[str, Decimal], expected: str) -> None:
    run = an_attempt(GATED, phase=TrainingPhase.COMPLETED, metrics=metrics)
    assert told(plan_of(GATED, seen(GATED, run))) == [expected]


def test_a_version_that_is_not_promoted_leaves_what_serves() -> None:
    run = an_attempt(GATED, phase=TrainingPhase.COMPLETED, metrics={"eval_loss": Decimal("1.9")})
    observed = an_observation(
        GATED,
        versions=[a_version(OLD.fingerprint), a_version(GATED.fingerprint, runs=[run])],
        deployments=[a_deployment(OLD)],
    )
    plan = plan_of(GATED, observed)
    assert told(plan) == [f"no-op {NAME} (stalled)"]
    assert "eval_loss is 1.9, promotion asks for at most 1.4" in message(plan)
    assert plan.changes[0].status_then is Status.DEPLOYED


class TestModelsThatBuildOnAnother:
    PARENT = a_model("base-bot", fingerprint_of="base")
    CHILD = a_model("child-bot", fingerprint_of="child", parent="base-bot", parent_fingerprint=PARENT.fingerprint)

    def names(self) -> tuple[str, str]:
        return "base-bot-" + self.PARENT.fingerprint[7:15], "child-bot-" + self.CHILD.fingerprint[7:15]

    def test_the_parent_trains_first(self) -> None:
        parent, child = self.names()
        plan = plan_of([self.CHILD, self.PARENT])
        assert told(plan) == [f"train {parent}", f"wait {child}, then train {child}"]
        assert plan.changes[1].depends_on == (plan.changes[0].id,)

    def test_a_parent_on_its_way(self) -> None:
        parent, child = self.names()
        run = an_attempt(self.PARENT)
        plan = plan_of([self.PARENT, self.CHILD], seen(self.PARENT, run))
        assert told(plan) == [f"wait {parent}", f"wait {child}, then train {child}"]

    def test_a_trained_parent(self) -> None:
        _, child = self.names()
        plan = plan_of([self.PARENT, self.CHILD], a_converged(self.PARENT))
        assert told(plan) == ["no-op base-bot", f"train {child}"]

    def test_a_stalled_parent_stalls_its_children(self) -> None:
        parent, child = self.names()
        run = an_attempt(self.PARENT, phase=TrainingPhase.STOPPED)
        plan = plan_of([self.PARENT, self.CHILD], seen(self.PARENT, run))
        assert told(plan) == [f"no-op {parent} (drift, stalled)", f"no-op {child} (stalled)"]

    def test_a_child_that_is_trained_needs_no_parent(self) -> None:
        gone = seen(self.PARENT, an_attempt(self.PARENT, phase=TrainingPhase.STOPPED))
        plan = plan_of([self.PARENT, self.CHILD], gone, a_converged(self.CHILD))
        assert told(plan)[1] == "no-op child-bot"

    def test_a_target_brings_the_parent_it_waits_for(self) -> None:
        parent, child = self.names()
        other = a_model("other-bot")
        plan = plan_of([self.PARENT, self.CHILD, other], targets=("FineTunedModel/child-bot",))
        assert told(plan) == [f"train {parent}", f"wait {child}, then train {child}"]
        plan = plan_of([self.PARENT, self.CHILD, other], a_converged(self.PARENT), targets=("child-bot",))
        assert told(plan) == [f"train {child}"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (True, False, "true → false"),
        (None, ["q_proj", "v_proj"], '(none) → ["q_proj", "v_proj"]'),
        ("all-linear", 2e-5, "all-linear → 2e-05"),
    ],
)
def test_values_are_told_as_manifests_write_them(before: Any, after: Any, told: str) -> None:
    field = FieldChange(path="spec.hyperparameters.x", before=before, after=after, effect=Effect.RETRAIN)
    assert changed_fields([field]) == f"x {told}"
