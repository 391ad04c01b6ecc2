"""The training program itself on the embedded cloud, driven by the commands as users type them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from reconciler.localcloud import control
from reconciler.localcloud.execution.settings import can_execute
from tests.unit.cli.calling import Ended, call
from tests.unit.localcloud_execution.story import lines, until

pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(not can_execute(), reason="it really trains: pip install 'llm-reconciler[train]'"),
]

PROJECT = """
apiVersion: reconciler/v1
kind: Project
metadata: {name: real}
spec: {bucket: real-artifacts}
"""
MODEL = """
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: NAME}
spec:
  baseModel: tiny-qwen
  dataset: {training: data.csv}
  resources: {spot: true}
  hyperparameters: HYPERPARAMETERS
  lifecycle: {trainingRetries: RETRIES}
"""
LONG = "{epochs: 100, batchSize: 1, optional: {sft_config: {logging_steps: 1}}}"
CRASHING = "{epochs: 1, optional: {sft_config: {lr_scheduler_type: cosine, lr_scheduler_kwargs: {no_such: 1}}}}"
REFUSED = "{epochs: 1, optional: {use_lora: true, lora_config: {target_modules: [no_such_layer]}}}"


def model(name: str, hyperparameters: str, retries: int = 0) -> str:
    return MODEL.replace("NAME", name).replace("HYPERPARAMETERS", hyperparameters).replace("RETRIES", str(retries))


class Here:
    """A project on a cloud of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(textwrap.dedent(text))

    def call(self, *arguments: str) -> Ended:
        return call(self._capsys, "-C", self.folder, *arguments)

    def status(self, name: str) -> str:
        rows = json.loads(self.call("status", "--json").out)["models"]
        return str(next(row["status"] for row in rows if row["name"] == name))

    def aws(self) -> Aws:
        return Aws(json.loads(self.call("local", "status", "--json").out)["endpointUrl"])


class Aws:
    """Clients of a cloud that listens."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url

    def client(self, service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(s3={"addressing_style": "path"}),
        )


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    made = Here(tmp_path, capsys)
    made.write("reconciler.yaml", PROJECT)
    made.write("data.csv", "prompt,expected completion\n" + "".join(f"Question {n}?,Answer {n}.\n" for n in range(40)))
    assert made.call("local", "up", "--execute").code == 0
    yield made
    control.down(tmp_path / ".reconciler" / "local")


def test_stopped_while_it_trains_it_leaves_a_checkpoint(here: Here) -> None:
    manifest = model("long", LONG)
    here.write("long.yaml", manifest)
    assert here.call("apply", "--auto-approve", "--no-wait").code == 0
    [job] = here.aws().client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    until(lambda: any("'loss'" in line for line in lines(here.aws(), job["TrainingJobName"])), "the first steps")
    assert here.status("long") == "Training"
    here.write("long.yaml", f"{manifest}  training: {{state: stopped}}\n")
    assert here.call("apply", "--auto-approve").code == 0
    assert here.status("long") == "Training stopped"
    listed = here.aws().client("s3").list_objects_v2(Bucket="real-artifacts", Prefix="real/models/long/")["Contents"]
    assert any("/checkpoint-" in entry["Key"] for entry in listed)


def test_a_crash_fails_it_with_its_last_words(here: Here) -> None:
    here.write("crashing.yaml", model("crashing", CRASHING))
    assert here.call("apply", "--auto-approve").code == 1
    assert here.status("crashing") == "Training failed"
    [reason] = failure_reasons(here.aws())
    assert reason.startswith("AlgorithmError: TypeError: ")
    assert reason.endswith(", exit code: 1")
    assert "TypeError" in here.call("show", "crashing").out


def test_what_can_never_work_is_tried_once(here: Here) -> None:
    here.write("refused.yaml", model("refused", REFUSED, retries=3))
    assert here.call("apply", "--auto-approve").code == 1
    assert here.status("refused") == "Training failed"
    [reason] = failure_reasons(here.aws())
    assert reason.startswith("AlgorithmError: BadInput: lora_config.target_modules: the model has no no_such_layer")
    planned = " ".join(here.call("plan").out.split())
    assert "lora_config.target_modules: the model has no no_such_layer" in planned
    assert "It is not retried" in planned
    assert "reconciler apply --retrain refused" in planned


def failure_reasons(aws: Aws) -> list[str]:
    sagemaker = aws.client("sagemaker")
    names = [job["TrainingJobName"] for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
    return [sagemaker.describe_training_job(TrainingJobName=name)["FailureReason"] for name in names]
