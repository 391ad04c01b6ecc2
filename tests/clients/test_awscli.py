"""The AWS CLI, running a story as a person would type it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.localcloud.control import LocalStatus
from tests.unit.localcloud.story import BUCKET, ROLE, job_request

Aws = Callable[..., Any]
PROGRAM = Path(sys.executable).parent / "aws"


@pytest.fixture
def aws(served: LocalStatus, environment: dict[str, str], tmp_path: Path) -> Aws:
    """Runs `aws`; answers its JSON, or its error text when it fails."""
    if not PROGRAM.exists():
        pytest.skip(f"the AWS CLI is not installed: {PROGRAM} is missing")

    def run(*arguments: str) -> Any:
        command = [str(PROGRAM), "--endpoint-url", served.endpoint_url, "--output", "json", *arguments]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode != 0:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else done.stdout

    return run


@pytest.mark.slow
@pytest.mark.clients
def test_train_deploy_ask_and_clean_up(aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    aws("s3", "mb", f"s3://{BUCKET}")
    assert "upload:" in aws("s3", "cp", "train.jsonl", f"s3://{BUCKET}/data/train.jsonl")
    request = json.dumps(job_request("job"))
    assert aws("sagemaker", "create-training-job", "--cli-input-json", request)["TrainingJobArn"].endswith("/job")
    assert "ResourceInUse" in aws("sagemaker", "create-training-job", "--cli-input-json", request)
    job = _until(lambda: aws("sagemaker", "describe-training-job", "--training-job-name", "job"), "TrainingJobStatus")
    assert job["TrainingJobStatus"] == "Completed"
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert "download:" in aws("s3", "cp", artifact, "model.tar.gz")
    container = f"Image=image,ModelDataUrl={artifact}"
    variant = "VariantName=main,ModelName=bot,InstanceType=ml.g5.2xlarge,InitialInstanceCount=1"
    model = ("--model-name", "bot", "--execution-role-arn", ROLE, "--primary-container", container)
    aws("sagemaker", "create-model", *model)
    aws("sagemaker", "create-endpoint-config", "--endpoint-config-name", "bot", "--production-variants", variant)
    aws(
        "sagemaker",
        "create-endpoint",
        "--endpoint-name",
        "bot",
        "--endpoint-config-name",
        "bot",
        "--tags",
        "Key=a,Value=b",
    )
    endpoint = _until(lambda: aws("sagemaker", "describe-endpoint", "--endpoint-name", "bot"), "EndpointStatus")
    assert endpoint["EndpointStatus"] == "InService"
    query = "Results[].Endpoint.EndpointName"
    search = '{"Filters": [{"Name": "Tags.a", "Operator": "Equals", "Value": "b"}]}'
    found = aws("sagemaker", "search", "--resource", "Endpoint", "--search-expression", search, "--query", query)
    assert json.loads(found) == ["bot"]
    (tmp_path / "body.json").write_text('{"inputs": "Hello"}')
    aws("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "bot", "--body", "fileb://body.json", "answer.json")
    assert json.loads((tmp_path / "answer.json").read_text())["simulated"] is True
    aws("sagemaker", "delete-endpoint", "--endpoint-name", "bot")
    missing = "Could not find endpoint"
    gone = _until(lambda: aws("sagemaker", "describe-endpoint", "--endpoint-name", "bot"), "EndpointStatus")
    assert missing in gone


def _until(ask: Callable[[], Any], key: str) -> Any:
    """Asks until the answer is an error or a status that lasts; every question takes the CLI a second."""
    for _ in range(60):
        answer = ask()
        if not isinstance(answer, dict) or answer[key] not in ("InProgress", "Creating", "Deleting"):
            return answer
    raise AssertionError(f"the status stayed {answer[key]}")
