"""What the tests of the embedded cloud ask for again and again."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/training"
BUCKET = "story-bucket"
DATA = f"s3://{BUCKET}/data/"
NO_RETRIES = Config(retries={"total_max_attempts": 1})


def job_request(name: str, **changes: Any) -> dict[str, Any]:
    """A CreateTrainingJob request; `changes` replace members, None removes one."""
    request = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "InputDataConfig": [channel("training", DATA)],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 7200},
        "HyperParameters": {"epochs": "3"},
        "Tags": [{"Key": "owner", "Value": "us"}],
    } | changes
    return {key: value for key, value in request.items() if value is not None}


def channel(name: str, uri: str) -> dict[str, Any]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


def put_data(session: Any, size: int = 1000) -> None:
    s3 = session.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="data/train.jsonl", Body=b"x" * size)


def put_model(session: Any, name: str, *, data: str | None = None) -> None:
    container = {"Image": "image"} | ({"ModelDataUrl": data} if data else {})
    session.client("sagemaker").create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)


def put_config(session: Any, name: str, model: str, *, count: int = 1) -> None:
    variant = {
        "VariantName": "main",
        "ModelName": model,
        "InstanceType": "ml.g5.2xlarge",
        "InitialInstanceCount": count,
    }
    session.client("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def error_of(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    """Code and message."""
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]
