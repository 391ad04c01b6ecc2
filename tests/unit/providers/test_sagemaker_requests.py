"""The exact requests to SageMaker and to the scheduler, checked against botocore's service model."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from reconciler.domain.desired import DesiredModel, UndeployRule
from reconciler.domain.naming import container_name, short
from reconciler.domain.outcome import FaultKind, OutcomeState
from reconciler.domain.ports import DataLocation, UpdateOrder
from reconciler.providers.sagemaker import translate
from tests.builders import NOW, SAGEMAKER, a_run, a_training_machine, an_artifact, an_observation
from tests.unit.providers.stubbing import (
    ACCOUNT,
    PROJECT,
    ROLES,
    a_deploy_order,
    a_sagemaker_model,
    a_train_order,
    an_owner,
    pairs,
    stubbed,
)

ARN = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}"
MODEL = a_sagemaker_model()
FP8 = short(MODEL.fingerprint)
VERSION = f"support-bot-{FP8}"
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
ASKED = {key: value for key, value in TAGS.items() if not key.startswith("reconciler:label:")}

LAUNCHER = {
    "sagemaker_program": "train.py",
    "sagemaker_submit_directory": "s3://acme/acme-llms/code/1a2b.tar.gz",
    "sagemaker_container_log_level": "20",
    "sagemaker_region": "eu-west-1",
    "sagemaker_job_name": VERSION,
}

TRAINING_JOB: dict[str, Any] = {
    "TrainingJobName": VERSION,
    "RoleArn": ROLES.training,
    "AlgorithmSpecification": {
        "TrainingImage": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/trainer:1",
        "TrainingInputMode": "File",
        "MetricDefinitions": [
            {"Name": "loss", "Regex": r"'loss': '?([0-9.eE+\-]+)"},
            {"Name": "eval_loss", "Regex": r"'eval_loss': '?([0-9.eE+\-]+)"},
            {"Name": "train_loss", "Regex": r"'train_loss': '?([0-9.eE+\-]+)"},
            {"Name": "tokens_per_second", "Regex": r"'tokens_per_second': '?([0-9.eE+\-]+)"},
            {"Name": "peak_memory_bytes", "Regex": r"'peak_memory_bytes': '?([0-9.eE+\-]+)"},
            {"Name": "billable_tokens", "Regex": r"'billable_tokens': '?([0-9.eE+\-]+)"},
        ],
    },
    "HyperParameters": {
        "model_id": "meta-llama/Llama-3.1-8B-Instruct",
        "epochs": "3",
        "learning_rate": "0.00002",
        **LAUNCHER,
    },
    "Environment": {
        "RECONCILER_PROJECT": "acme-llms",
        "RECONCILER_MODEL": "support-bot",
        "RECONCILER_FINGERPRINT": MODEL.fingerprint,
    },
    "InputDataConfig": [
        {
            "ChannelName": "training",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": "s3://acme/data/1a/training.jsonl",
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
            "InputMode": "File",
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://acme/acme-llms/models/support-bot/1a2b3c4d/"},
    "ResourceConfig": {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 2, "VolumeSizeInGB": 100},
    "StoppingCondition": {"MaxRuntimeInSeconds": 43200},
    "EnableManagedSpotTraining": False,
    "Tags": pairs(TAGS, "Key", "Value"),
}


def test_the_training_job() -> None:
    with stubbed(SAGEMAKER) as stubs:
        arn = f"{ARN}:training-job/{VERSION}"
        stubs.expect("sagemaker", "create_training_job", TRAINING_JOB, {"TrainingJobArn": arn})
        outcome = stubs.provider.train(a_train_order(MODEL))
    assert (outcome.state, outcome.identifier) == (OutcomeState.STARTED, arn)


@pytest.mark.parametrize(
    ("sft", "kept"), [({}, False), ({"save_strategy": "no"}, False), ({"save_strategy": "epoch"}, True)]
)
def test_checkpoints_that_are_asked_for_are_kept(sft: dict[str, Any], kept: bool) -> None:
    with stubbed(SAGEMAKER) as stubs:
        order = a_train_order(a_sagemaker_model(hyperparameters={"optional": {"sft_config": sft}}))
        request = translate.training_job(order, stubs.settings)
    assert ("CheckpointConfig" in request) == kept


def test_a_spot_training_job_with_everything() -> None:
    spot = a_training_machine(spot=True, max_runtime=timedelta(days=20), instance_count=2)
    model = a_sagemaker_model().model_copy(
        update={
            "resolved": MODEL.resolved.model_copy(
                update={
                    "resources": spot,
                    "hyperparameters": MODEL.resolved.hyperparameters.model_copy(
                        update={
                            "batch_size": 4,
                            "learning_rate": Decimal("1E-7"),
                            "optional": {"use_lora": True, "lora_config": {"r": 8, "lora_dropout": 0.05}, "seed": 7},
                        }
                    ),
                }
            )
        }
    )
    order = a_train_order(
        model,
        data=DataLocation(training_uri="s3://acme/t.jsonl", validation_uri="s3://acme/v.jsonl"),
        parent=an_artifact("parent-00000000"),
    )
    secret = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:hf"
    request = TRAINING_JOB | {
        "HyperParameters": {
            "model_id": "meta-llama/Llama-3.1-8B-Instruct",
            "epochs": "3",
            "learning_rate": "0.0000001",
            "per_device_train_batch_size": "4",
            "use_lora": "true",
            "lora_config": '{"lora_dropout":0.05,"r":8}',
            "seed": "7",
            **LAUNCHER,
        },
        "Environment": TRAINING_JOB["Environment"] | {"HF_TOKEN_SECRET_ARN": secret},
        "InputDataConfig": [
            a_channel("training", "s3://acme/t.jsonl"),
            a_channel("validation", "s3://acme/v.jsonl"),
            a_channel("model", "s3://acme-llms-artifacts/parent-00000000/model.tar.gz"),
        ],
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 1_728_000, "MaxWaitTimeInSeconds": 2_419_200},
        "CheckpointConfig": {"S3Uri": f"s3://acme/acme-llms/models/support-bot/1a2b3c4d/checkpoints/{order.name}"},
    }
    with stubbed(SAGEMAKER, hugging_face_token_secret=secret) as stubs:
        stubs.expect("sagemaker", "create_training_job", request, {"TrainingJobArn": f"{ARN}:training-job/{VERSION}"})
        assert stubs.provider.train(order).fault is None


def a_channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


SAGEMAKER_MODEL = {
    "ModelName": VERSION,
    "PrimaryContainer": {
        "Image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/server:1",
        "ModelDataUrl": f"s3://acme-llms-artifacts/{VERSION}/model.tar.gz",
        "Environment": {
            "RECONCILER_MODEL": "support-bot",
            "RECONCILER_FINGERPRINT": MODEL.fingerprint,
            "SM_VLLM_MODEL": "/opt/ml/model",
            "SM_VLLM_SERVED_MODEL_NAME": "model",
            "SM_VLLM_MAX_MODEL_LEN": "auto",
        },
    },
    "ExecutionRoleArn": ROLES.training,
    "Tags": pairs(TAGS, "Key", "Value"),
}


def an_endpoint_config(name: str, *, instance_type: str = "ml.g5.2xlarge", count: int = 1) -> dict[str, Any]:
    return {
        "EndpointConfigName": name,
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName": VERSION,
                "InstanceType": instance_type,
                "InitialInstanceCount": count,
                "InitialVariantWeight": 1.0,
                "ModelDataDownloadTimeoutInSeconds": 1800,
                "ContainerStartupHealthCheckTimeoutInSeconds": 1800,
            }
        ],
        "Tags": pairs(TAGS, "Key", "Value"),
    }


CONFIG = f"support-bot-{FP8}-1e21"
"""The last four digits are a digest of SageMaker model, instance type and count."""


def test_the_deployment() -> None:
    endpoint = {
        "EndpointName": "support-bot",
        "EndpointConfigName": CONFIG,
        "Tags": pairs(TAGS | {"reconciler:endpoint-config": CONFIG}, "Key", "Value"),
    }
    arn = f"{ARN}:endpoint/support-bot"
    with stubbed(SAGEMAKER) as stubs:
        stubs.refuse("sagemaker", "describe_endpoint", {"EndpointName": "support-bot"}, "ValidationException")
        stubs.expect("sagemaker", "create_model", SAGEMAKER_MODEL, {"ModelArn": f"{ARN}:model/{VERSION}"})
        config_arn = {"EndpointConfigArn": f"{ARN}:endpoint-config/{CONFIG}"}
        stubs.expect("sagemaker", "create_endpoint_config", an_endpoint_config(CONFIG), config_arn)
        stubs.expect("sagemaker", "create_endpoint", endpoint, {"EndpointArn": arn})
        outcome = stubs.provider.deploy(a_deploy_order(MODEL))
    assert (outcome.state, outcome.identifier) == (OutcomeState.STARTED, arn)


def test_a_deployment_that_undeploys_itself() -> None:
    rule = UndeployRule(after=timedelta(hours=8))
    order = a_deploy_order(a_sagemaker_model(deployment={"undeploy": rule}))
    schedule = {
        "Name": "support-bot-undeploy",
        "GroupName": "reconciler-acme-llms",
        "Description": '{"model":"support-bot","of":1,"project":"acme-llms","purpose":"undeploy",'
        '"rule":{"after":"PT8H","timezone":"UTC"}}',
        "ScheduleExpression": "at(2026-03-04T20:00:00)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "NONE",
        "State": "ENABLED",
        "Target": {
            "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint",
            "RoleArn": ROLES.scheduler,
            "Input": '{"EndpointName":"support-bot"}',
        },
    }
    group = {"Name": "reconciler-acme-llms", "Tags": [{"Key": "reconciler:project", "Value": "acme-llms"}]}
    schedule_arn = f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule/reconciler-acme-llms/support-bot-undeploy"
    group_arn = f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule-group/reconciler-acme-llms"
    with stubbed(SAGEMAKER) as stubs:
        stubs.expect("sagemaker", "describe_endpoint", {"EndpointName": "support-bot"}, an_endpoint(CONFIG))
        stubs.expect("sagemaker", "list_tags", tags_of_endpoint(), {"Tags": pairs(TAGS, "Key", "Value")})
        stubs.refuse("scheduler", "create_schedule", schedule, "ResourceNotFoundException")
        stubs.expect("scheduler", "create_schedule_group", group, {"ScheduleGroupArn": group_arn})
        stubs.expect("scheduler", "create_schedule", schedule, {"ScheduleArn": schedule_arn})
        assert stubs.provider.deploy(order).state is OutcomeState.DONE


def an_endpoint(config: str, status: str = "InService") -> dict[str, Any]:
    return {
        "EndpointName": "support-bot",
        "EndpointArn": f"{ARN}:endpoint/support-bot",
        "EndpointConfigName": config,
        "EndpointStatus": status,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }


def tags_of_endpoint() -> dict[str, Any]:
    return {"ResourceArn": f"{ARN}:endpoint/support-bot", "MaxResults": 50}


def test_the_roll() -> None:
    larger = a_sagemaker_model(deployment={"instance_type": "ml.g5.12xlarge"})
    config = f"support-bot-{FP8}-9669"
    endpoint_arn = f"{ARN}:endpoint/support-bot"
    with stubbed(SAGEMAKER) as stubs:
        stubs.expect("sagemaker", "describe_endpoint", {"EndpointName": "support-bot"}, an_endpoint(CONFIG))
        stubs.expect("sagemaker", "list_tags", tags_of_endpoint(), {"Tags": pairs(TAGS, "Key", "Value")})
        stubs.refuse("sagemaker", "create_model", SAGEMAKER_MODEL, "ValidationException", "Cannot create existing")
        described = {
            "ModelName": VERSION,
            "ModelArn": f"{ARN}:model/{VERSION}",
            "CreationTime": NOW,
            "ExecutionRoleArn": ROLES.training,
        }
        stubs.expect("sagemaker", "describe_model", {"ModelName": VERSION}, described)
        tags_of_model = {"ResourceArn": f"{ARN}:model/{VERSION}", "MaxResults": 50}
        stubs.expect("sagemaker", "list_tags", tags_of_model, {"Tags": pairs(TAGS, "Key", "Value")})
        wanted = an_endpoint_config(config, instance_type="ml.g5.12xlarge", count=3)
        config_arn = {"EndpointConfigArn": f"{ARN}:endpoint-config/{config}"}
        stubs.expect("sagemaker", "create_endpoint_config", wanted, config_arn)
        rolling = pairs({"reconciler:rolling-to": config}, "Key", "Value")
        stubs.expect("sagemaker", "add_tags", {"ResourceArn": endpoint_arn, "Tags": rolling}, {"Tags": []})
        update = {"EndpointName": "support-bot", "EndpointConfigName": config}
        stubs.expect("sagemaker", "update_endpoint", update, {"EndpointArn": endpoint_arn})
        asked = pairs(ASKED | {"reconciler:endpoint-config": config}, "Key", "Value")
        stubs.expect("sagemaker", "add_tags", {"ResourceArn": endpoint_arn, "Tags": asked}, {"Tags": []})
        outcome = stubs.provider.roll(a_deploy_order(larger, instance_count=3))
    assert outcome.state is OutcomeState.STARTED


def test_the_searches() -> None:
    def search(resource: str, **more: Any) -> dict[str, Any]:
        condition = {"Name": "Tags.reconciler:project", "Operator": "Equals", "Value": PROJECT}
        return {
            "Resource": resource,
            "SearchExpression": {"Filters": [condition]},
            "SortBy": "CreationTime",
            "SortOrder": "Ascending",
            "MaxResults": 100,
            **more,
        }

    with stubbed(SAGEMAKER) as stubs:
        stubs.expect("sagemaker", "search", search("TrainingJob"), {"Results": [], "NextToken": "further"})
        stubs.expect("sagemaker", "search", search("TrainingJob", NextToken="further"), {"Results": []})
        stubs.expect("sagemaker", "search", search("Model"), {"Results": []})
        stubs.expect("sagemaker", "search", search("Endpoint"), {"Results": []})
        listing = {"GroupName": "reconciler-acme-llms", "MaxResults": 100}
        stubs.refuse("scheduler", "list_schedules", listing, "ResourceNotFoundException")
        assert stubs.provider.observe().models == ()


def test_tags_are_updated_without_what_belongs_to_each_resource() -> None:
    observed = an_observation(MODEL, versions=[], labels={"team": "support", "old": "1"}).model_copy(
        update={"versions": (a_deploy_order(MODEL).version,), "parent": "base-bot"}
    )
    order = UpdateOrder(owner=an_owner(MODEL), model=MODEL, observed=observed)
    arn = observed.versions[0].runs[0].identifier
    kept = {k: v for k, v in TAGS.items() if not k.endswith((":fingerprint", ":attempt", ":created-by"))}
    with stubbed(SAGEMAKER) as stubs:
        stubs.expect("sagemaker", "add_tags", {"ResourceArn": arn, "Tags": pairs(kept, "Key", "Value")}, {"Tags": []})
        removed = {"ResourceArn": arn, "TagKeys": ["reconciler:label:old", "reconciler:parent"]}
        stubs.expect("sagemaker", "delete_tags", removed, {})
        assert stubs.provider.update(order).state is OutcomeState.DONE


def test_a_hyperparameter_without_a_name_is_refused_before_anything_is_sent() -> None:
    model = a_sagemaker_model(hyperparameters={"warmup_steps": 10})
    with stubbed(SAGEMAKER) as stubs:
        outcome = stubs.provider.train(a_train_order(model))
    assert outcome.fault is not None
    assert (outcome.fault.kind, outcome.fault.code) == (FaultKind.TERMINAL, "UnknownHyperparameter")
    assert "warmupSteps" in outcome.message


def test_stopping_asks_by_name() -> None:
    with stubbed(SAGEMAKER) as stubs:
        stubs.expect("sagemaker", "stop_training_job", {"TrainingJobName": VERSION})
        assert stubs.provider.stop(a_run(VERSION)).state is OutcomeState.STARTED


def the_container(model: DesiredModel, **settings: Any) -> dict[str, Any]:
    """``PrimaryContainer`` of the request, and under ``ModelName`` how the SageMaker model is called."""
    with stubbed(SAGEMAKER, **settings) as stubs:
        order = a_deploy_order(model)
        request = translate.model(order, stubs.settings)
    return {**request["PrimaryContainer"], "ModelName": request["ModelName"]}


ADAPTERS = {"use_lora": True, "lora_config": {"r": 12}, "merge_adapters": False}


def with_adapters(**more: Any) -> DesiredModel:
    return a_sagemaker_model(hyperparameters={"optional": ADAPTERS}, **more)


def test_adapters_are_served_over_the_base_from_the_hub() -> None:
    container = the_container(with_adapters())
    told = {name: value for name, value in container["Environment"].items() if name.startswith("SM_VLLM")}
    assert told == {
        "SM_VLLM_MODEL": "meta-llama/Llama-3.1-8B-Instruct",
        "SM_VLLM_SERVED_MODEL_NAME": "base",
        "SM_VLLM_ENABLE_LORA": "true",
        "SM_VLLM_LORA_MODULES": "model=/opt/ml/model",
        "SM_VLLM_MAX_LORA_RANK": "16",
        "SM_VLLM_MAX_MODEL_LEN": "auto",
    }
    assert "AdditionalModelDataSources" not in container


def test_the_highest_rank_counts() -> None:
    lora = {"r": 12, "rank_pattern": {"q_proj": 40}}
    model = a_sagemaker_model(hyperparameters={"optional": ADAPTERS | {"lora_config": lora}})
    assert the_container(model)["Environment"]["SM_VLLM_MAX_LORA_RANK"] == "64"


def test_adapters_are_served_over_the_users_own_weights() -> None:
    container = the_container(with_adapters(weights_uri="s3://acme-models/llama/"))
    assert container["Environment"]["SM_VLLM_MODEL"] == "/opt/ml/additional-model-data-sources/base"
    source = {"S3Uri": "s3://acme-models/llama/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    assert container["AdditionalModelDataSources"] == [{"ChannelName": "base", "S3DataSource": source}]


def test_jumpstarts_weights_come_with_the_acceptance_of_their_licence() -> None:
    weights = "s3://jumpstart-private-cache-prod-eu-west-1/meta/llama/artifacts/v1.0.0/"
    model = with_adapters(weights_uri=weights, accept_eula=True)
    container = the_container(model)
    accepted = {"ModelAccessConfig": {"AcceptEula": True}}
    assert container["AdditionalModelDataSources"][0]["S3DataSource"].items() >= accepted.items()
    with stubbed(SAGEMAKER) as stubs:
        request = translate.training_job(a_train_order(model), stubs.settings)
    channels = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"] for channel in request["InputDataConfig"]}
    assert channels["model"]["S3Uri"] == weights
    assert channels["model"].items() >= accepted.items()
    assert "ModelAccessConfig" not in channels["training"]


def test_no_licence_is_accepted_that_the_manifest_does_not_accept() -> None:
    model = with_adapters(weights_uri="s3://jumpstart-private-cache-prod-eu-west-1/meta/llama/v1/")
    assert "ModelAccessConfig" not in the_container(model)["AdditionalModelDataSources"][0]["S3DataSource"]


def test_several_gpus_share_the_model_and_old_ones_compute_in_half_precision() -> None:
    container = the_container(a_sagemaker_model(deployment={"instance_type": "ml.g4dn.12xlarge"}))
    told = container["Environment"]
    assert (told["SM_VLLM_TENSOR_PARALLEL_SIZE"], told["SM_VLLM_DTYPE"]) == ("4", "half")
    assert container["ModelName"].startswith(f"{VERSION}-"), "another container, so another SageMaker model"


def test_the_manifests_images_stand_before_the_catalogs() -> None:
    own = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/vllm-of-ours:7"
    container = the_container(a_sagemaker_model(deployment={"image": own}))
    assert container["Image"] == own
    assert container["ModelName"].startswith(f"{VERSION}-")
    trainer = a_training_machine(instance_count=2, image="111122223333.dkr.ecr.eu-west-1.amazonaws.com/trainer:8")
    model = MODEL.model_copy(update={"resolved": MODEL.resolved.model_copy(update={"resources": trainer})})
    with stubbed(SAGEMAKER, training_image=None) as stubs:
        request = translate.training_job(a_train_order(model), stubs.settings)
    assert request["AlgorithmSpecification"]["TrainingImage"] == trainer.image


def test_endpoints_run_on_hosts_whose_driver_the_image_needs() -> None:
    with stubbed(SAGEMAKER, inference_ami="al2023-ami-sagemaker-inference-gpu-4-1") as stubs:
        request = translate.endpoint_config(a_deploy_order(MODEL), stubs.settings)
    assert request["ProductionVariants"][0]["InferenceAmiVersion"] == "al2023-ami-sagemaker-inference-gpu-4-1"


def test_names_of_containers_fit_and_keep_the_version() -> None:
    name = container_name("m" * 80, MODEL.fingerprint, 2, "c0ffee")
    assert len(name) == 63
    assert name.endswith(f"-{FP8}-r2-c0ff")
