"""Who made the cloud drift: on the embedded cloud, whose CloudTrail names the access key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.catalog import ProviderName
from reconciler.domain.trail import Aspect
from reconciler.engine.witness import witnesses
from reconciler.reports.view.drift import DriftKind, act_text, since_text, view_drift
from tests.stage import BEDROCK, SAGEMAKER, Stage

ALICE = "arn:aws:iam::123456789012:user/alice"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", SAGEMAKER)
    stage.write("nova-bot.yaml", BEDROCK)
    stage.apply()
    return stage


def as_alice(stage: Stage, service: str) -> Any:
    raw: Any = stage.raw
    return raw.client(
        service, endpoint_url="http://127.0.0.1:1", aws_access_key_id="alice", aws_secret_access_key="any"
    )


def told(stage: Stage) -> dict[str, str]:
    """Who did it, by model."""
    proposal, trail = stage.propose(), stage.outside().trail
    assert trail is not None
    view = view_drift(proposal.plan, stage.configuration(), witnesses(proposal.plan, proposal.snapshot, trail))
    return {item.address: act_text(item.act) if item.act else "nobody" for item in view.items}


def test_an_endpoint_that_was_deleted(stage: Stage) -> None:
    as_alice(stage, "sagemaker").delete_endpoint(EndpointName="open-bot")
    at = stage.now()
    stage.cloud.advance(3600)
    assert told(stage) == {"FineTunedModel/open-bot": f"DeleteEndpoint by {ALICE}, {at:%Y-%m-%d %H:%M:%S} UTC"}


def test_something_on_bedrock_that_is_named_by_its_arn(stage: Stage) -> None:
    (found,) = stage.client("bedrock").list_custom_model_deployments()["modelDeploymentSummaries"]
    as_alice(stage, "bedrock").delete_custom_model_deployment(
        customModelDeploymentIdentifier=found["customModelDeploymentArn"]
    )
    assert told(stage)["FineTunedModel/nova-bot"].startswith(f"DeleteCustomModelDeployment by {ALICE}")


def test_what_was_refused_and_what_is_called_otherwise_is_nobodys(stage: Stage) -> None:
    alice = as_alice(stage, "sagemaker")
    with pytest.raises(alice.exceptions.ClientError):
        alice.stop_training_job(TrainingJobName="open-bot")
    trail = stage.outside().trail
    assert trail is not None
    assert trail.last_act(ProviderName.SAGEMAKER, Aspect.TRAINING, ["open-bot"]) is None
    assert trail.last_act(ProviderName.BEDROCK, Aspect.TRAINING, ["open-bot"]) is None


def test_of_two_the_later_one(stage: Stage) -> None:
    endpoint = stage.client("sagemaker").describe_endpoint(EndpointName="open-bot")
    alice = as_alice(stage, "sagemaker")
    alice.add_tags(ResourceArn=endpoint["EndpointArn"], Tags=[{"Key": "a", "Value": "b"}])
    stage.cloud.advance(60)
    alice.delete_tags(ResourceArn=endpoint["EndpointArn"], TagKeys=["a"])
    trail = stage.outside().trail
    assert trail is not None
    last = trail.last_act(ProviderName.SAGEMAKER, Aspect.TAGS, ["open-bot"])
    assert last is not None
    assert (last.operation, last.at) == ("DeleteTags", stage.now())


def test_a_trail_that_may_not_be_read_is_no_reason_to_fail(stage: Stage) -> None:
    as_alice(stage, "sagemaker").delete_endpoint(EndpointName="open-bot")
    stage.cloud.advance(3600)
    stage.fault("error", "cloudtrail:.*", code="AccessDeniedException")
    assert told(stage) == {"FineTunedModel/open-bot": "nobody"}


def test_the_line_tells_when_and_by_whom(stage: Stage) -> None:
    as_alice(stage, "sagemaker").delete_endpoint(EndpointName="open-bot")
    stage.cloud.advance(3600)
    proposal, trail = stage.propose(), stage.outside().trail
    assert trail is not None
    (item,) = view_drift(proposal.plan, stage.configuration(), witnesses(proposal.plan, proposal.snapshot, trail)).items
    assert f"; DeleteEndpoint by {ALICE}, " in since_text(item, "now")


def test_what_was_deleted_and_made_again_since_is_not_what_drifted(stage: Stage) -> None:
    as_alice(stage, "sagemaker").delete_endpoint(EndpointName="open-bot")
    stage.cloud.advance(3600)
    stage.apply()
    (model,) = stage.client("sagemaker").list_models()["Models"]
    stage.client("sagemaker").delete_model(ModelName=model["ModelName"])
    assert told(stage) == {"FineTunedModel/open-bot": "nobody"}


def test_a_training_of_a_new_version_that_somebody_stopped(stage: Stage) -> None:
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    stage.apply(wait=False)
    jobs = stage.client("sagemaker").list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"]
    as_alice(stage, "sagemaker").stop_training_job(TrainingJobName=jobs[0]["TrainingJobName"])
    stage.cloud.advance(3600)
    assert told(stage)["FineTunedModel/open-bot"].startswith(f"StopTrainingJob by {ALICE}")
    (item,) = view_drift(stage.plan(), stage.configuration()).items
    assert (item.kind, item.path) == (DriftKind.TRAINING_STOPPED, "spec.training")


def test_a_call_about_something_else_did_not_do_it(stage: Stage) -> None:
    endpoint = stage.client("sagemaker").describe_endpoint(EndpointName="open-bot")
    as_alice(stage, "sagemaker").delete_endpoint(EndpointName="open-bot")
    stage.cloud.advance(600)
    bob: Any = stage.client("sagemaker")
    model = bob.list_models()["Models"][0]["ModelArn"]
    bob.add_tags(ResourceArn=model, Tags=[{"Key": "a", "Value": endpoint["EndpointArn"]}])
    assert told(stage)["FineTunedModel/open-bot"].startswith(f"DeleteEndpoint by {ALICE}")


def test_what_aws_rolled_back_is_nobodys_although_the_program_wrote_its_tags(stage: Stage) -> None:
    stage.fault("fail", "sagemaker:UpdateEndpoint", times=1)
    stage.write("open-bot.yaml", SAGEMAKER.replace("epochs: 2", "epochs: 3"))
    stage.apply()
    assert told(stage) == {"FineTunedModel/open-bot": "nobody"}


SCHEDULED = SAGEMAKER.replace("deployment: {", 'deployment: {autoUndeploy: {hours: "Mon-Sun 08:00-20:00"}, ')


@pytest.fixture
def scheduled(stage: Stage) -> Stage:
    stage.write("open-bot.yaml", SCHEDULED)
    stage.apply()
    return stage


def tagged_by_bob(stage: Stage) -> None:
    """The tags are as they were, and the last call is about them."""
    endpoint = stage.client("sagemaker").describe_endpoint(EndpointName="open-bot")
    bob: Any = stage.client("sagemaker")
    bob.add_tags(ResourceArn=endpoint["EndpointArn"], Tags=[{"Key": "a", "Value": "b"}])
    bob.delete_tags(ResourceArn=endpoint["EndpointArn"], TagKeys=["a"])


def test_a_schedule_that_was_deleted_is_not_blamed_on_who_tagged(scheduled: Stage) -> None:
    as_alice(scheduled, "scheduler").delete_schedule(Name="open-bot-undeploy", GroupName="reconciler-stage")
    scheduled.cloud.advance(60)
    tagged_by_bob(scheduled)
    assert told(scheduled)["FineTunedModel/open-bot"].startswith(f"DeleteSchedule by {ALICE}")


def test_a_schedule_of_that_name_in_another_group_is_anothers(scheduled: Stage) -> None:
    schedule = scheduled.client("scheduler").get_schedule(Name="open-bot-undeploy", GroupName="reconciler-stage")
    asked = ("FlexibleTimeWindow", "ScheduleExpression", "Target")
    alice = as_alice(scheduled, "scheduler")
    alice.create_schedule_group(Name="reconciler-other")
    alice.create_schedule(
        Name="open-bot-undeploy", GroupName="reconciler-other", **{key: schedule[key] for key in asked}
    )
    alice.delete_schedule(Name="open-bot-undeploy", GroupName="reconciler-other")
    trail = scheduled.outside().trail
    assert trail is not None
    names = ["open-bot-undeploy"]
    act = trail.last_act(ProviderName.SAGEMAKER, Aspect.SCHEDULES, names, group="reconciler-stage")
    assert act is None
    act = trail.last_act(ProviderName.SAGEMAKER, Aspect.SCHEDULES, names, group="reconciler-other")
    assert act is not None
    assert act.operation == "DeleteSchedule"
