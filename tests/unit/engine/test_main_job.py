"""The main job as one story for each provider, judged by the cloud's contents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.diagnostic import has_errors
from reconciler.domain.errors import InvalidInput, LockHeld, PlanChanged
from reconciler.domain.naming import version_name
from reconciler.domain.plan import Action
from reconciler.engine.approve import Approval
from reconciler.engine.reconverge import RunState
from tests.stage import BEDROCK, SAGEMAKER, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", SAGEMAKER)
    stage.write("nova-bot.yaml", BEDROCK)
    return stage


def fingerprint(stage: Stage, name: str) -> str:
    wanted = stage.propose().wanted(name)
    assert wanted is not None
    return wanted.fingerprint


def test_both_providers_end_deployed_and_a_second_apply_changes_nothing(stage: Stage) -> None:
    open_bot = version_name("open-bot", fingerprint(stage, "open-bot"))
    nova_bot = version_name("nova-bot", fingerprint(stage, "nova-bot"))
    assert stage.apply().state is RunState.CONVERGED
    there = stage.contents()
    assert there["training jobs"] == {open_bot: "Completed"}
    assert there["endpoints"]["open-bot"][0] == "InService"
    assert there["endpoints"]["open-bot"][1].startswith(open_bot)
    assert there["customization jobs"] == {nova_bot: "Completed"}
    assert there["custom model deployments"] == {"nova-bot": ("Active", nova_bot)}

    before = stage.cloud.world.requests.total
    assert stage.apply().state is RunState.CONVERGED
    assert stage.changes_since(before) == []
    assert stage.contents() == there
    assert stage.lock_is_free()


def test_planning_never_writes(stage: Stage) -> None:
    before = stage.cloud.world.requests.total
    stage.plan()
    assert [e.operation for e in stage.cloud.world.requests.since(before) if e.changes] == []


def test_the_old_version_serves_until_the_new_one_is_trained(stage: Stage) -> None:
    stage.apply()
    old = stage.contents()["endpoints"]["open-bot"]
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    assert stage.apply(wait=False).state is RunState.WAITING
    assert stage.contents()["endpoints"]["open-bot"] == old
    assert stage.apply().state is RunState.CONVERGED
    assert stage.contents()["endpoints"]["open-bot"][1].startswith(
        version_name("open-bot", fingerprint(stage, "open-bot"))
    )
    assert stage.plan().pending == ()


def test_an_endpoint_that_somebody_deleted_is_drift_and_comes_back(stage: Stage) -> None:
    stage.apply()
    there = stage.contents()
    stage.client("sagemaker").delete_endpoint(EndpointName="open-bot")
    for _ in ("while it is being deleted", "once it is gone"):
        drift = stage.plan(refresh_only=True)
        assert [(change.target, change.drift) for change in drift.pending] == [("open-bot", True)]
        stage.cloud.advance(3600)
    assert stage.apply().state is RunState.CONVERGED
    assert stage.contents() == there


def test_a_changed_manifest_is_no_drift(stage: Stage) -> None:
    stage.apply()
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    assert stage.plan(refresh_only=True).pending == ()
    assert [change.action for change in stage.plan().pending] == [Action.TRAIN]


def test_removing_a_manifest_takes_everything_of_it_down(stage: Stage) -> None:
    stage.apply()
    stage.remove("open-bot.yaml")
    stage.remove("nova-bot.yaml")
    assert stage.apply().state is RunState.CONVERGED
    there = stage.contents()
    # Bedrock keeps its jobs for ever.
    assert {kind: found for kind, found in there.items() if found and kind != "customization jobs"} == {}
    assert stage.plan().changes == ()


def test_a_guarded_model_is_not_taken_down(stage: Stage) -> None:
    stage.write("open-bot.yaml", SAGEMAKER + "  lifecycle: {preventDestroy: true}\n")
    stage.apply()
    there = stage.contents()
    stage.remove("open-bot.yaml")
    assert has_errors(stage.plan().diagnostics)
    with pytest.raises(InvalidInput):
        stage.apply()
    assert stage.contents() == there
    assert stage.lock_is_free()


def test_what_is_not_ours_is_never_touched(stage: Stage) -> None:
    name = version_name("open-bot", fingerprint(stage, "open-bot"))
    stage.outside().artifacts.prepare()
    sagemaker = stage.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn="arn:aws:iam::123456789012:role/theirs",
        AlgorithmSpecification={"TrainingImage": "theirs", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://stage-artifacts/theirs/"},
        ResourceConfig={"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    before = sagemaker.describe_training_job(TrainingJobName=name)
    plan = stage.plan()
    assert [d.code for d in plan.diagnostics if d.is_error] == ["foreign-resource"]
    with pytest.raises(InvalidInput):
        stage.apply()
    after = sagemaker.describe_training_job(TrainingJobName=name)
    assert {**before, "ResponseMetadata": None} == {**after, "ResponseMetadata": None}


def test_an_approval_of_another_plan_is_refused_and_nothing_is_done(stage: Stage) -> None:
    approved = Approval.of(stage.plan())
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    before = stage.cloud.world.requests.total
    with pytest.raises(PlanChanged):
        stage.apply(approval=approved)
    assert stage.changes_since(before) == []
    assert stage.lock_is_free()


def test_a_deletion_that_became_due_during_the_run_is_left_for_a_later_apply(stage: Stage) -> None:
    stage.write("open-bot.yaml", SAGEMAKER + "  retention: {keepVersions: 0}\n")
    stage.apply()
    first = version_name("open-bot", fingerprint(stage, "open-bot"))
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    result = stage.apply()
    assert result.state is RunState.CONVERGED
    assert [change.target for change in result.postponed] == [first]
    assert first in stage.contents()["training jobs"]
    assert stage.apply().state is RunState.CONVERGED
    assert first not in stage.contents()["training jobs"]


def test_a_failed_training_is_tried_again_and_then_stalls_with_the_clouds_reason(stage: Stage) -> None:
    stage.remove("nova-bot.yaml")
    stage.fault("fail", "sagemaker:CreateTrainingJob", message="AlgorithmError: out of memory")
    result = stage.apply()
    assert result.state is RunState.STALLED
    assert stage.paid_jobs() == 2
    assert "out of memory" in str(result.left)
    assert stage.plan(refresh_only=True).pending != ()


def test_capacity_moves_on_to_the_next_instance_type(stage: Stage) -> None:
    stage.remove("nova-bot.yaml")
    stage.edit(
        "open-bot.yaml",
        "{instanceType: ml.g5.2xlarge}",
        "{instanceType: ml.g5.2xlarge, fallbackInstanceTypes: [ml.g6.2xlarge]}",
    )
    stage.fault("capacity", "sagemaker:CreateTrainingJob", times=1)
    assert stage.apply().state is RunState.CONVERGED
    sagemaker = stage.client("sagemaker")
    second = version_name("open-bot", fingerprint(stage, "open-bot"), attempt=2)
    job = sagemaker.describe_training_job(TrainingJobName=second)
    assert job["ResourceConfig"]["InstanceType"] == "ml.g6.2xlarge"


def test_one_holder_at_a_time(stage: Stage) -> None:
    outside = stage.outside()
    outside.artifacts.prepare()
    lease = outside.lock.acquire("apply")
    before = stage.cloud.world.requests.total
    with pytest.raises(LockHeld):
        stage.apply()
    assert stage.changes_since(before) == []
    lease.release()
    assert stage.apply().state is RunState.CONVERGED


def test_asked_to_stop_it_finishes_the_call_and_frees_the_lock(stage: Stage) -> None:
    stage.stop.receive(2)
    result = stage.apply()
    assert result.state is RunState.INTERRUPTED
    assert stage.lock_is_free()


def test_asked_to_stop_while_data_is_uploaded_it_orders_no_training(stage: Stage) -> None:
    first = iter([2])

    def ask_to_stop(request: Any, **_: Any) -> None:
        if request.method == "PUT" and "/datasets/" in request.url:
            for number in first:
                stage.stop.receive(number)

    stage.raw.events.register("before-send.s3", ask_to_stop)
    result = stage.apply()
    assert stage.stop.is_set()
    assert (result.state, result.performed, stage.paid_jobs()) == (RunState.INTERRUPTED, (), 0)
    assert stage.lock_is_free()


def test_asked_to_stop_it_begins_none_of_the_changes_that_wait_for_a_thread(stage: Stage) -> None:
    first = iter([2])

    def ask_to_stop(request: Any, **_: Any) -> None:
        if b"CreateTrainingJob" in request.headers.get("X-Amz-Target", b""):
            for number in first:
                stage.stop.receive(number)

    for number in range(6):
        stage.write(f"bot-{number}.yaml", SAGEMAKER.replace("open-bot", f"bot-{number}"))
    stage.raw.events.register("before-send.sagemaker", ask_to_stop)
    result = stage.apply()
    assert result.state is RunState.INTERRUPTED
    assert 1 <= len(result.performed) <= 4, "as many as there are threads"


def test_a_child_is_trained_on_its_parent_and_again_when_the_parent_changes(stage: Stage) -> None:
    stage.remove("nova-bot.yaml")
    child = SAGEMAKER.replace("open-bot", "child-bot").replace("qwen3-1.7b", "{fineTunedModel: open-bot}")
    stage.write("child-bot.yaml", child)
    assert stage.apply().state is RunState.CONVERGED
    assert set(stage.contents()["endpoints"]) == {"open-bot", "child-bot"}
    before = fingerprint(stage, "child-bot")
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    assert fingerprint(stage, "child-bot") != before
    assert stage.apply().state is RunState.CONVERGED
    assert stage.paid_jobs() == 4
