"""An embedded cloud whose clock only moves when told, with training data in its S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.model import OperationModel

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.clock import Clock
from reconciler.localcloud.inprocess import session
from reconciler.localcloud.validation import refusal
from reconciler.localcloud.world import World

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

START = 1_790_000_000.0
ROLE = "arn:aws:iam::123456789012:role/bedrock"
TITAN = "amazon.titan-text-express-v1:0"
NOVA = "amazon.nova-micro-v1:0:128k"
NOVA_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"
DAY = 24 * 3600


class Embedded:
    """The cloud, its Bedrock clients, and shorthands for what most tests need first."""

    def __init__(self) -> None:
        self.cloud = LocalCloud(world=World(clock=Clock(speed=0, start=START)))
        self.session = checked_session(self.cloud)
        self.bedrock = self.session.client("bedrock")
        self.s3 = self.session.client("s3")
        self.s3.create_bucket(Bucket="data")
        self.put("pairs.jsonl", [{"prompt": "a", "completion": "b"}] * 100)
        self.put("talks.jsonl", [conversation()] * 10)

    @cached_property
    def runtime(self) -> BedrockRuntimeClient:
        return self.session.client("bedrock-runtime")

    def put(self, key: str, records: list[Any]) -> None:
        self.s3.put_object(Bucket="data", Key=key, Body="\n".join(map(json.dumps, records)).encode())

    def start_job(self, name: str = "job-1", **changes: Any) -> str:
        request = {
            "jobName": name,
            "customModelName": f"{name}-model",
            "roleArn": ROLE,
            "baseModelIdentifier": NOVA,
            "trainingDataConfig": {"s3Uri": "s3://data/talks.jsonl"},
            "outputDataConfig": {"s3Uri": "s3://data/out/"},
            **changes,
        }
        return str(self.bedrock.create_model_customization_job(**request)["jobArn"])

    def train(self, name: str = "job-1", **changes: Any) -> str:
        """A job that has completed; gives the custom model's ARN."""
        arn = self.start_job(name, **changes)
        self.cloud.advance(DAY)
        return str(self.job(arn)["outputModelArn"])

    def job(self, identifier: str) -> dict[str, Any]:
        return dict(self.bedrock.get_model_customization_job(jobIdentifier=identifier))

    def provision(self, model: str, name: str = "serving", **changes: Any) -> str:
        request = {"provisionedModelName": name, "modelId": model, "modelUnits": 1, **changes}
        return str(self.bedrock.create_provisioned_model_throughput(**request)["provisionedModelArn"])

    def throughput(self, identifier: str) -> dict[str, Any]:
        return dict(self.bedrock.get_provisioned_model_throughput(provisionedModelId=identifier))

    def deploy(self, model: str, name: str = "on-demand", **changes: Any) -> str:
        request = {"modelDeploymentName": name, "modelArn": model, **changes}
        return str(self.bedrock.create_custom_model_deployment(**request)["customModelDeploymentArn"])

    def deployment(self, identifier: str) -> dict[str, Any]:
        return dict(self.bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=identifier))


def checked_session(cloud: LocalCloud) -> boto3.Session:
    """A session that fails the test when an answer of ours breaks the service's own model."""
    made = session(cloud)
    for service in ("bedrock", "bedrock-runtime", "scheduler"):
        made.events.register(f"after-call.{service}", _check_answer)
    return made


def _check_answer(http_response: AWSResponse, parsed: dict[str, Any], model: OperationModel, **_: Any) -> None:
    if http_response.status_code < 300 and not model.has_event_stream_output:
        wrong = refusal(model.output_shape, parsed)
        assert wrong is None, f"the answer to {model.name}: {wrong}"


def conversation() -> dict[str, Any]:
    turns = [{"role": role, "content": [{"text": "hi"}]} for role in ("user", "assistant")]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": turns}


@contextmanager
def refused(code: str, *words: str, status: int = 400) -> Iterator[None]:
    """The call inside is refused with this code, HTTP status, and these words in its message."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response
    assert error["Error"]["Code"] == code
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    for word in words:
        assert word in error["Error"]["Message"]
