"""The exact requests to Bedrock and to the scheduler, checked against botocore's service model."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from reconciler.domain.desired import DesiredModel, UndeployRule
from reconciler.domain.naming import short
from reconciler.domain.observation import Version
from reconciler.domain.outcome import FaultKind, OutcomeState
from reconciler.domain.ports import DataLocation, DeleteOrder, DeployOrder
from tests.builders import BEDROCK, NOW, a_model, a_run, an_artifact
from tests.unit.providers.stubbing import (
    ACCOUNT,
    ROLES,
    a_deploy_order,
    a_train_order,
    pairs,
    stubbed,
)

ARN = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}"
JOB_ARN = f"{ARN}:model-customization-job/amazon.nova-micro-v1:0:128k/abcdefghijkl"
MODEL_ARN = f"{ARN}:custom-model/amazon.nova-micro-v1:0:128k/abcdefghijkl"
THROUGHPUT_ARN = f"{ARN}:provisioned-model/abcdefghijkl"
DEPLOYMENT_ARN = f"{ARN}:custom-model-deployment/abcdefghijkl"


def a_nova(**more: Any) -> DesiredModel:
    return a_model(provider=BEDROCK, labels={"team": "support"}, **more)


MODEL = a_nova()
NAME = f"support-bot-{short(MODEL.fingerprint)}"
TAGS = {
    "reconciler:project": "acme-llms",
    "reconciler:model": "support-bot",
    "reconciler:fingerprint": MODEL.fingerprint,
    "reconciler:attempt": "1",
    "reconciler:created-by": "Ada _ada@example.com_",
    "reconciler:prevent-destroy": "false",
    "reconciler:deletion-policy": "delete",
    "reconciler:label:team": "support",
}
LISTED = pairs(TAGS, "key", "value")
HYPERPARAMETERS = {"epochCount": "3", "learningRate": "0.00002"}
JOB: dict[str, Any] = {
    "jobName": NAME,
    "customModelName": NAME,
    "roleArn": ROLES.bedrock,
    "clientRequestToken": hashlib.sha256(f"acme-llms/{NAME}".encode()).hexdigest(),
    "baseModelIdentifier": "amazon.nova-micro-v1:0:128k",
    "customizationType": "FINE_TUNING",
    "hyperParameters": HYPERPARAMETERS,
    "trainingDataConfig": {"s3Uri": "s3://acme/data/1a/training.jsonl"},
    "outputDataConfig": {"s3Uri": "s3://acme/acme-llms/models/support-bot/1a2b3c4d/"},
    "jobTags": LISTED,
    "customModelTags": LISTED,
}


def a_job(**more: Any) -> dict[str, Any]:
    return {
        "jobArn": JOB_ARN,
        "jobName": NAME,
        "outputModelName": NAME,
        "roleArn": ROLES.bedrock,
        "creationTime": NOW,
        "baseModelArn": "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-micro-v1:0:128k",
        "status": "InProgress",
        "hyperParameters": HYPERPARAMETERS,
        "trainingDataConfig": {"s3Uri": "s3://acme/data/1a/training.jsonl"},
        "validationDataConfig": {"validators": []},
        "outputDataConfig": {"s3Uri": "s3://acme/acme-llms/models/support-bot/1a2b3c4d/"},
        **more,
    }


def test_the_customization_job() -> None:
    with stubbed(BEDROCK) as stubs:
        stubs.expect("bedrock", "create_model_customization_job", JOB, {"jobArn": JOB_ARN})
        stubs.expect("bedrock", "get_model_customization_job", {"jobIdentifier": JOB_ARN}, a_job())
        stubs.expect("bedrock", "list_tags_for_resource", {"resourceARN": JOB_ARN}, {"tags": LISTED})
        outcome = stubs.provider.train(a_train_order(MODEL))
    assert (outcome.state, outcome.identifier) == (OutcomeState.STARTED, JOB_ARN)


def test_a_token_that_bedrock_knew_is_noticed() -> None:
    """Bedrock answers a known token with the job of before, and no error."""
    with stubbed(BEDROCK) as stubs:
        stubs.expect("bedrock", "create_model_customization_job", JOB, {"jobArn": JOB_ARN})
        other = a_job(hyperParameters={"epochCount": "5"})
        stubs.expect("bedrock", "get_model_customization_job", {"jobIdentifier": JOB_ARN}, other)
        stubs.expect("bedrock", "list_tags_for_resource", {"resourceARN": JOB_ARN}, {"tags": LISTED})
        outcome = stubs.provider.train(a_train_order(MODEL))
    assert outcome.fault is not None
    assert outcome.fault.kind is FaultKind.CONFLICT


def test_a_customization_job_on_a_parent_with_validation_data() -> None:
    order = a_train_order(
        MODEL,
        data=DataLocation(training_uri="s3://acme/t.jsonl", validation_uri="s3://acme/v.jsonl"),
        parent=an_artifact(identifier=MODEL_ARN),
    )
    request = JOB | {
        "baseModelIdentifier": MODEL_ARN,
        "trainingDataConfig": {"s3Uri": "s3://acme/t.jsonl"},
        "validationDataConfig": {"validators": [{"s3Uri": "s3://acme/v.jsonl"}]},
    }
    with stubbed(BEDROCK) as stubs:
        stubs.refuse("bedrock", "create_model_customization_job", request, "ConflictException", "in use")
        stubs.expect("bedrock", "get_model_customization_job", {"jobIdentifier": NAME}, a_job())
        stubs.expect("bedrock", "list_tags_for_resource", {"resourceARN": JOB_ARN}, {"tags": LISTED})
        assert stubs.provider.train(order).identifier == JOB_ARN


def a_deployable(model: DesiredModel) -> DeployOrder:
    artifact = an_artifact(NAME, identifier=MODEL_ARN)
    return a_deploy_order(model, version=Version(fingerprint=model.fingerprint, artifact=artifact))


@pytest.mark.parametrize(
    ("commitment", "sent"),
    [
        ("none", {}),
        ("1 month", {"commitmentDuration": "OneMonth"}),
        ("6 months", {"commitmentDuration": "SixMonths"}),
    ],
)
def test_the_provisioned_throughput(commitment: str, sent: dict[str, str]) -> None:
    """Without a token of ours; botocore fills one in, behind the Stubber, that protects the repetitions of one call."""
    model = a_nova(deployment={"model_units": 2, "commitment": commitment})
    request = {"provisionedModelName": "support-bot", "modelId": MODEL_ARN, "modelUnits": 2, **sent, "tags": LISTED}
    with stubbed(BEDROCK) as stubs:
        missing = {"provisionedModelId": "support-bot"}
        stubs.refuse("bedrock", "get_provisioned_model_throughput", missing, "ResourceNotFoundException")
        answer = {"provisionedModelArn": THROUGHPUT_ARN}
        stubs.expect("bedrock", "create_provisioned_model_throughput", request, answer)
        outcome = stubs.provider.deploy(a_deployable(model))
    assert (outcome.state, outcome.identifier) == (OutcomeState.STARTED, THROUGHPUT_ARN)


ON_DEMAND = {"kind": "on-demand", "model_units": None, "commitment": None}


def test_the_deployment_on_demand() -> None:
    request = {"modelDeploymentName": "support-bot", "modelArn": MODEL_ARN, "tags": LISTED}
    with stubbed(BEDROCK) as stubs:
        missing = {"customModelDeploymentIdentifier": "support-bot"}
        stubs.refuse("bedrock", "get_custom_model_deployment", missing, "ResourceNotFoundException")
        answer = {"customModelDeploymentArn": DEPLOYMENT_ARN}
        stubs.expect("bedrock", "create_custom_model_deployment", request, answer)
        assert stubs.provider.deploy(a_deployable(a_nova(deployment=ON_DEMAND))).identifier == DEPLOYMENT_ARN


def a_throughput(**more: Any) -> dict[str, Any]:
    old = MODEL_ARN.replace("abcdefghijkl", "oldoldoldold")
    return {
        "modelUnits": 1,
        "desiredModelUnits": 1,
        "provisionedModelName": "support-bot",
        "provisionedModelArn": THROUGHPUT_ARN,
        "modelArn": old,
        "desiredModelArn": old,
        "foundationModelArn": "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-micro-v1:0:128k",
        "status": "InService",
        "creationTime": NOW,
        "lastModifiedTime": NOW,
        **more,
    }


def test_the_roll_of_a_throughput() -> None:
    with stubbed(BEDROCK) as stubs:
        stubs.expect(
            "bedrock", "get_provisioned_model_throughput", {"provisionedModelId": "support-bot"}, a_throughput()
        )
        stubs.expect("bedrock", "list_tags_for_resource", {"resourceARN": THROUGHPUT_ARN}, {"tags": LISTED})
        update = {"provisionedModelId": THROUGHPUT_ARN, "desiredModelId": MODEL_ARN}
        stubs.expect("bedrock", "update_provisioned_model_throughput", update)
        stubs.expect("bedrock", "tag_resource", {"resourceARN": THROUGHPUT_ARN, "tags": LISTED})
        assert stubs.provider.roll(a_deployable(MODEL)).state is OutcomeState.STARTED


def test_hours_are_four_capitalised_requests_for_the_scheduler() -> None:
    """Bedrock's parameters begin with small letters; universal targets want capitals."""
    rule = UndeployRule(hours="Mon-Fri 08:00-20:00", timezone="Europe/Berlin")
    model = a_nova(deployment={"undeploy": rule})
    inputs = {
        "undeploy": ("deleteProvisionedModelThroughput", '{"ProvisionedModelId":"support-bot"}', 20),
        "deploy": ("createProvisionedModelThroughput", a_scheduled_creation(), 8),
    }
    with stubbed(BEDROCK) as stubs:
        stubs.expect(
            "bedrock", "get_provisioned_model_throughput", {"provisionedModelId": "support-bot"}, a_throughput()
        )
        stubs.expect("bedrock", "list_tags_for_resource", {"resourceARN": THROUGHPUT_ARN}, {"tags": LISTED})
        for purpose, (action, text, hour) in inputs.items():
            request = {
                "Name": f"support-bot-{purpose}",
                "GroupName": "reconciler-acme-llms",
                "Description": f'{{"model":"support-bot","of":1,"project":"acme-llms","purpose":"{purpose}",'
                '"rule":{"hours":"Mon-Fri 08:00-20:00","timezone":"Europe/Berlin"}}',
                "ScheduleExpression": f"cron(0 {hour} ? * MON,TUE,WED,THU,FRI *)",
                "ScheduleExpressionTimezone": "Europe/Berlin",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ActionAfterCompletion": "NONE",
                "State": "ENABLED",
                "Target": {
                    "Arn": f"arn:aws:scheduler:::aws-sdk:bedrock:{action}",
                    "RoleArn": ROLES.scheduler,
                    "Input": text,
                },
            }
            arn = f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule/reconciler-acme-llms/support-bot-{purpose}"
            stubs.expect("scheduler", "create_schedule", request, {"ScheduleArn": arn})
        assert stubs.provider.deploy(a_deployable(model)).state is OutcomeState.DONE


def a_scheduled_creation() -> str:
    tags = ",".join(f'{{"Key":"{key}","Value":"{value}"}}' for key, value in TAGS.items())
    return f'{{"ModelId":"{MODEL_ARN}","ModelUnits":1,"ProvisionedModelName":"support-bot","Tags":[{tags}]}}'


def test_deleting_keeps_the_job_and_marks_it() -> None:
    run = a_run(NAME, identifier=JOB_ARN)
    version = Version(fingerprint=MODEL.fingerprint, runs=(run,), artifact=an_artifact(NAME, identifier=MODEL_ARN))
    with stubbed(BEDROCK) as stubs:
        for method, key in (
            ("get_provisioned_model_throughput", "provisionedModelId"),
            ("get_custom_model_deployment", "customModelDeploymentIdentifier"),
        ):
            stubs.refuse("bedrock", method, {key: "support-bot"}, "ResourceNotFoundException")
        stubs.expect("bedrock", "delete_custom_model", {"modelIdentifier": MODEL_ARN})
        marked = {"resourceARN": JOB_ARN, "tags": [{"key": "reconciler:discarded", "value": "true"}]}
        stubs.expect("bedrock", "tag_resource", marked)
        assert stubs.provider.delete(DeleteOrder(model="support-bot", version=version)).state is OutcomeState.DONE


def test_the_lists_ask_for_the_largest_pages() -> None:
    with stubbed(BEDROCK) as stubs:
        stubs.expect("bedrock", "list_custom_models", {"maxResults": 1000, "isOwned": True}, {"nextToken": "further"})
        further = {"maxResults": 1000, "isOwned": True, "nextToken": "further"}
        stubs.expect("bedrock", "list_custom_models", further, {})
        stubs.expect("bedrock", "list_model_customization_jobs", {"maxResults": 1000})
        stubs.expect("bedrock", "list_provisioned_model_throughputs", {"maxResults": 1000})
        stubs.expect("bedrock", "list_custom_model_deployments", {"maxResults": 1000})
        listing = {"GroupName": "reconciler-acme-llms", "MaxResults": 100}
        stubs.refuse("scheduler", "list_schedules", listing, "ResourceNotFoundException")
        assert stubs.provider.observe().models == ()
