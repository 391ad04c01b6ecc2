"""What somebody made by hand, in the embedded cloud of a stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.stage import Stage

BUCKET = "their-bucket"
ROLE = "arn:aws:iam::123456789012:role/theirs"
QWEN = {"model_id": "Qwen/Qwen3-1.7B", "num_train_epochs": "2", "learning_rate": "0.0001", "use_lora": "true"}


def their_data(stage: Stage, key: str = "data/train.jsonl") -> str:
    s3 = stage.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    rows = [{"prompt": f"Question {n}?", "completion": f"Answer {n}."} for n in range(24)]
    s3.put_object(Bucket=BUCKET, Key=key, Body="\n".join(map(json.dumps, rows)).encode())
    return f"s3://{BUCKET}/{key.rpartition('/')[0]}/"


def their_training(stage: Stage, name: str = "my-old-job", hyperparameters: Mapping[str, str] = QWEN) -> str:
    """Its artifact's address, once it is trained."""
    source = {"S3DataType": "S3Prefix", "S3Uri": their_data(stage)}
    sagemaker = stage.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": "their/image", "TrainingInputMode": "File"},
        HyperParameters=dict(hyperparameters),
        InputDataConfig=[{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
        ResourceConfig={"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 77},
        StoppingCondition={"MaxRuntimeInSeconds": 7200},
    )
    until_settled(stage)
    return str(sagemaker.describe_training_job(TrainingJobName=name)["ModelArtifacts"]["S3ModelArtifacts"])


def their_endpoint(stage: Stage, name: str = "prod-llm") -> None:
    sagemaker = stage.client("sagemaker")
    artifact = their_training(stage)
    container = {"Image": "their/serving", "ModelDataUrl": artifact}
    sagemaker.create_model(ModelName="their-model", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {
        "VariantName": "Blue",
        "ModelName": "their-model",
        "InstanceType": "ml.g5.xlarge",
        "InitialInstanceCount": 2,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="their-config", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="their-config")
    until_settled(stage)


def their_custom_model(stage: Stage, name: str = "their-nova", deployed: str | None = None) -> str:
    """Its ARN."""
    bedrock = stage.client("bedrock")
    s3 = stage.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    rows = [_conversation(n) for n in range(24)]
    s3.put_object(Bucket=BUCKET, Key="nova/train.jsonl", Body="\n".join(map(json.dumps, rows)).encode())
    bedrock.create_model_customization_job(
        jobName=f"{name}-job",
        customModelName=name,
        roleArn=ROLE,
        baseModelIdentifier="amazon.nova-micro-v1:0:128k",
        trainingDataConfig={"s3Uri": f"s3://{BUCKET}/nova/train.jsonl"},
        outputDataConfig={"s3Uri": f"s3://{BUCKET}/nova/out"},
        hyperParameters={"epochCount": "3"},
    )
    until_settled(stage)
    arn = str(bedrock.get_custom_model(modelIdentifier=name)["modelArn"])
    if deployed:
        bedrock.create_custom_model_deployment(modelDeploymentName=deployed, modelArn=arn)
        until_settled(stage)
    return arn


def until_settled(stage: Stage) -> None:
    for _ in range(200):
        stage.cloud.advance(600)


def tags(stage: Stage, arn: str) -> dict[str, str]:
    listed: Any = stage.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in listed}


def _conversation(number: int) -> dict[str, Any]:
    said = [("user", f"Question {number}?"), ("assistant", f"Answer {number}.")]
    messages = [{"role": role, "content": [{"text": text}]} for role, text in said]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": messages}
