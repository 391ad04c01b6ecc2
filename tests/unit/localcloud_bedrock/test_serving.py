"""Custom models, provisioned throughputs, on-demand deployments: lifecycles, idempotency, conflicts."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.localcloud.bedrock import durations
from reconciler.localcloud.faults import Fault
from tests.unit.localcloud_bedrock.embedded import DAY, TITAN, Embedded, refused

PAIRS: dict[str, Any] = {"baseModelIdentifier": TITAN, "trainingDataConfig": {"s3Uri": "s3://data/pairs.jsonl"}}


def test_a_model_is_listed_with_its_base(aws: Embedded) -> None:
    arn = aws.train("job-1")
    other = aws.train("job-2", **PAIRS)
    base = f"arn:aws:bedrock:us-east-1::foundation-model/{TITAN}:8k"

    def found(**asked: Any) -> list[str]:
        return [row["modelArn"] for row in aws.bedrock.list_custom_models(**asked)["modelSummaries"]]

    assert found() == [other, arn]
    assert found(nameContains="b-1") == [arn]
    assert found(baseModelArnEquals=base) == found(foundationModelArnEquals=base) == [other]
    assert found(isOwned=False) == found(modelStatus="Failed") == []


def test_a_model_in_use_cannot_be_deleted(aws: Embedded) -> None:
    model = aws.train()
    aws.provision(model)
    aws.deploy(model)
    aws.cloud.advance(DAY)
    with refused("ConflictException", "in use", "provisioned-model", "custom-model-deployment"):
        aws.bedrock.delete_custom_model(modelIdentifier=model)
    aws.bedrock.delete_provisioned_model_throughput(provisionedModelId="serving")
    aws.bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier="on-demand")
    aws.bedrock.delete_custom_model(modelIdentifier="job-1-model")
    with refused("ResourceNotFoundException", status=404):
        aws.bedrock.get_custom_model(modelIdentifier=model)


def test_a_model_that_a_job_builds_on_cannot_be_deleted(aws: Embedded) -> None:
    parent = aws.train("parent")
    aws.start_job("child", baseModelIdentifier=parent)
    with refused("ConflictException", "model-customization-job"):
        aws.bedrock.delete_custom_model(modelIdentifier=parent)


# -- provisioned throughput


def test_a_throughput_comes_into_service(aws: Embedded) -> None:
    model = aws.train()
    arn = aws.provision(model, modelUnits=2, tags=[{"key": "a", "value": "b"}])
    assert aws.throughput("serving")["status"] == "Creating"
    aws.cloud.advance(durations.THROUGHPUT_CREATION)
    seen = aws.throughput(arn)
    assert (seen["status"], seen["modelUnits"], seen["desiredModelUnits"]) == ("InService", 2, 2)
    assert seen["modelArn"] == seen["desiredModelArn"] == model
    assert "commitmentExpirationTime" not in seen
    assert aws.bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "a", "value": "b"}]


def test_a_foundation_model_can_be_provisioned(aws: Embedded) -> None:
    aws.provision("amazon.nova-lite-v1:0:300k")
    assert aws.throughput("serving")["modelArn"].endswith("::foundation-model/amazon.nova-lite-v1:0:300k")


def test_throughput_names_and_tokens(aws: Embedded) -> None:
    model = aws.train()
    arn = aws.provision(model, clientRequestToken="t")
    assert aws.provision(model, clientRequestToken="t") == arn
    with refused("ValidationException", "already exists"):
        aws.provision(model)
    with refused("ResourceNotFoundException", status=404):
        aws.provision("no-such-model", name="other")


def test_a_token_is_free_again_once_its_throughput_is_gone(aws: Embedded) -> None:
    model = aws.train()
    first = aws.provision(model, clientRequestToken="t")
    aws.cloud.advance(DAY)
    aws.bedrock.delete_provisioned_model_throughput(provisionedModelId=first)
    assert aws.provision(model, clientRequestToken="t") != first


def test_a_throughput_takes_another_model_and_name_but_no_other_units(aws: Embedded) -> None:
    old, new = aws.train("job-1"), aws.train("job-2")
    arn = aws.provision(old)
    with refused("ValidationException", "Creating"):
        aws.bedrock.update_provisioned_model_throughput(provisionedModelId=arn, desiredModelId=new)
    aws.cloud.advance(DAY)
    aws.bedrock.update_provisioned_model_throughput(
        provisionedModelId=arn, desiredModelId=new, desiredProvisionedModelName="renamed"
    )
    seen = aws.throughput("renamed")
    assert (seen["status"], seen["modelArn"], seen["desiredModelArn"]) == ("Updating", old, new)
    with refused("ConflictException", "Updating"):
        aws.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    aws.cloud.advance(durations.THROUGHPUT_UPDATE)
    assert (aws.throughput(arn)["status"], aws.throughput(arn)["modelArn"]) == ("InService", new)
    with refused("ResourceNotFoundException", status=404):
        aws.throughput("serving")


def test_a_throughput_keeps_to_one_base(aws: Embedded) -> None:
    arn = aws.provision(aws.train("job-1"))
    other = aws.train("job-2", **PAIRS)
    with refused("ValidationException", "is not made from"):
        aws.bedrock.update_provisioned_model_throughput(provisionedModelId=arn, desiredModelId=other)


def test_a_committed_throughput_stays_until_its_term_is_over(aws: Embedded) -> None:
    arn = aws.provision(aws.train(), commitmentDuration="OneMonth")
    aws.cloud.advance(29 * DAY)
    with refused("ConflictException", "before its commitment ends"):
        aws.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    aws.cloud.advance(DAY)
    aws.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    with refused("ResourceNotFoundException", status=404):
        aws.throughput(arn)


@pytest.mark.parametrize(("kind", "word"), [("fail", "ordered"), ("capacity", "capacity")])
def test_a_throughput_can_fail_and_be_deleted(aws: Embedded, kind: str, word: str) -> None:
    model = aws.train()
    aws.cloud.world.faults = [Fault(kind, "bedrock:CreateProvisionedModelThroughput")]
    arn = aws.provision(model)
    aws.cloud.advance(DAY)
    assert aws.throughput(arn)["status"] == "Failed"
    assert word in aws.throughput(arn)["failureMessage"]
    aws.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)


def test_an_update_can_roll_back_silently(aws: Embedded) -> None:
    old, new = aws.train("job-1"), aws.train("job-2")
    arn = aws.provision(old)
    aws.cloud.advance(DAY)
    aws.cloud.world.faults = [Fault("rollback", "bedrock:UpdateProvisionedModelThroughput")]
    aws.bedrock.update_provisioned_model_throughput(provisionedModelId=arn, desiredModelId=new)
    aws.cloud.advance(DAY)
    seen = aws.throughput(arn)
    assert (seen["status"], seen["modelArn"], seen["desiredModelArn"]) == ("InService", old, old)


def test_throughputs_are_listed_by_model(aws: Embedded) -> None:
    one, two = aws.train("job-1"), aws.train("job-2")
    aws.provision(one, "a")
    aws.provision(two, "b")
    rows = aws.bedrock.list_provisioned_model_throughputs(modelArnEquals=two)["provisionedModelSummaries"]
    assert [row["provisionedModelName"] for row in rows] == ["b"]
    paginator = aws.bedrock.get_paginator("list_provisioned_model_throughputs")
    pages = paginator.paginate(PaginationConfig={"PageSize": 1})
    assert [row["provisionedModelName"] for page in pages for row in page["provisionedModelSummaries"]] == ["a", "b"]


# -- on-demand deployments


def test_a_deployment_becomes_active_and_takes_a_new_model_in_place(aws: Embedded) -> None:
    old, new = aws.train("job-1"), aws.train("job-2")
    arn = aws.deploy(old, description="first")
    assert aws.deployment("on-demand")["status"] == "Creating"
    aws.cloud.advance(durations.DEPLOYMENT_CREATION)
    seen = aws.deployment(arn)
    assert (seen["status"], seen["modelArn"], seen["description"]) == ("Active", old, "first")
    assert "updateDetails" not in seen
    answer = aws.bedrock.update_custom_model_deployment(customModelDeploymentIdentifier="on-demand", modelArn=new)
    assert answer["customModelDeploymentArn"] == arn
    seen = aws.deployment(arn)
    assert (seen["status"], seen["modelArn"]) == ("Active", old)
    assert seen["updateDetails"] == {"modelArn": new, "updateStatus": "Updating"}
    aws.cloud.advance(durations.DEPLOYMENT_UPDATE)
    seen = aws.deployment(arn)
    assert (seen["modelArn"], seen["updateDetails"]["updateStatus"]) == (new, "UpdateCompleted")


def test_a_failed_update_leaves_the_old_model(aws: Embedded) -> None:
    old, new = aws.train("job-1"), aws.train("job-2")
    arn = aws.deploy(old)
    aws.cloud.advance(DAY)
    aws.cloud.world.faults = [Fault("fail", "bedrock:UpdateCustomModelDeployment", message="no way")]
    aws.bedrock.update_custom_model_deployment(customModelDeploymentIdentifier=arn, modelArn=new)
    aws.cloud.advance(DAY)
    seen = aws.deployment(arn)
    assert (seen["status"], seen["modelArn"], seen["failureMessage"]) == ("Active", old, "no way")
    assert seen["updateDetails"] == {"modelArn": new, "updateStatus": "UpdateFailed"}


def test_deployment_names_tokens_and_deletion(aws: Embedded) -> None:
    model = aws.train()
    arn = aws.deploy(model, clientRequestToken="t")
    assert aws.deploy(model, clientRequestToken="t") == arn
    with refused("ValidationException", "already exists"):
        aws.deploy(model)
    with refused("ConflictException", "being created"):
        aws.bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=arn)
    aws.cloud.advance(DAY)
    aws.bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=arn)
    assert aws.bedrock.list_custom_model_deployments()["modelDeploymentSummaries"] == []


def test_only_some_bases_are_deployed_on_demand(aws: Embedded) -> None:
    model = aws.train(**PAIRS)
    with refused("ValidationException", "cannot be deployed on demand"):
        aws.deploy(model)
    with refused("ResourceNotFoundException", status=404):
        aws.deploy(model[:-1] + ("a" if model[-1] != "a" else "b"))


def test_a_deployment_can_fail(aws: Embedded) -> None:
    model = aws.train()
    aws.cloud.world.faults = [Fault("capacity", "bedrock:CreateCustomModelDeployment", times=1)]
    aws.deploy(model)
    aws.cloud.advance(DAY)
    rows = aws.bedrock.list_custom_model_deployments(statusEquals="Failed", modelArnEquals=model)
    (row,) = rows["modelDeploymentSummaries"]
    assert "capacity" in row["failureMessage"]


# -- tags and foundation models


def test_tags_are_added_overwritten_and_removed(aws: Embedded) -> None:
    arn = aws.start_job(jobTags=[{"key": "a", "value": "1"}])
    aws.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "a", "value": "2"}, {"key": "b", "value": ""}])
    aws.bedrock.untag_resource(resourceARN=arn, tagKeys=["b", "never"])
    assert aws.bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "a", "value": "2"}]


def test_the_models_tags_are_its_own(aws: Embedded) -> None:
    tags = [{"key": "of", "value": "model"}]
    model = aws.train(jobTags=[{"key": "of", "value": "job"}], customModelTags=tags)
    assert aws.bedrock.list_tags_for_resource(resourceARN=model)["tags"] == tags


def test_tag_limits(aws: Embedded) -> None:
    arn = aws.start_job()
    aws.bedrock.tag_resource(resourceARN=arn, tags=[{"key": f"k{n}", "value": ""} for n in range(200)])
    with refused("TooManyTagsException"):
        aws.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "one-more", "value": ""}])
    with refused("ValidationException", "tags.1.member.value"):
        aws.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "a", "value": "{json}"}])
    with refused("ResourceNotFoundException", status=404):
        aws.bedrock.list_tags_for_resource(resourceARN=arn[:-12] + "000000000000")


def test_foundation_models_say_what_they_can(aws: Embedded) -> None:
    details = aws.bedrock.get_foundation_model(modelIdentifier="meta.llama3-1-8b-instruct-v1:0:128k")["modelDetails"]
    assert details["customizationsSupported"] == ["FINE_TUNING"]
    assert details["modelLifecycle"] == {"status": "ACTIVE"}
    titan = aws.bedrock.get_foundation_model(modelIdentifier=f"{TITAN}:8k")["modelDetails"]
    assert titan["modelLifecycle"] == {"status": "LEGACY"}
    found = aws.bedrock.list_foundation_models(byCustomizationType="CONTINUED_PRE_TRAINING", byProvider="amazon")
    assert [row["modelName"] for row in found["modelSummaries"]] == ["Titan Text Express", "Titan Text Lite"]
    with refused("ResourceNotFoundException", status=404):
        aws.bedrock.get_foundation_model(modelIdentifier="meta.llama9-1b-instruct-v1:0")


def test_what_is_not_there_says_so(aws: Embedded) -> None:
    with refused("NotImplemented", "bedrock:CreateGuardrail", status=501):
        aws.bedrock.create_guardrail(name="g", blockedInputMessaging="x", blockedOutputsMessaging="x")
