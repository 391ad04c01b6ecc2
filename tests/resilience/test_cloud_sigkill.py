"""A served embedded cloud is killed (SIGKILL) right after it answered, and while it works; what it answered is there when it is back.

Judged by what clients were answered, before and after.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from reconciler.localcloud import control
from reconciler.localcloud.values import INLINE
from tests.resilience.test_sigkill import PATIENCE, finish, project, undisturbed

NO_RETRIES = Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE)
BUCKET = "killed-cloud"
ROLE = "arn:aws:iam::123456789012:role/any"
TRUST = '{"Version": "2012-10-17", "Statement": []}'
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
LARGE = os.urandom(4 * INLINE)


class Killable:
    """A cloud in a folder, its clock standing still: it is served until it is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.serve()

    def serve(self) -> None:
        self.running = control.up(self.folder, speed=0)
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
        self.clients = {
            name: session.client(name, endpoint_url=self.running.endpoint_url, config=NO_RETRIES)
            for name in ("sagemaker", "s3", "logs", "secretsmanager", "iam")
        }

    def kill(self) -> None:
        os.kill(self.running.pid, signal.SIGKILL)

    def again(self) -> None:
        _until(lambda: control.status(self.folder) is None)
        self.serve()

    def __getitem__(self, name: str) -> Any:
        return self.clients[name]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Killable]:
    """It holds what a stop has saved."""
    cloud = Killable(tmp_path / "cloud")
    cloud["s3"].create_bucket(Bucket=BUCKET)
    cloud["sagemaker"].create_model(ModelName="saved")
    control.down(cloud.folder)
    cloud.serve()
    yield cloud
    control.down(tmp_path / "cloud")


def train(cloud: Killable, name: str) -> str:
    made = cloud["sagemaker"].create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingInputMode": "File",
            "TrainingImage": "123.dkr.ecr.us-east-1.amazonaws.com/t:1",
        },
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
        ResourceConfig={"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    return str(made["TrainingJobArn"])


def body(cloud: Killable, key: str) -> bytes:
    content: bytes = cloud["s3"].get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return content


Ask = Callable[[Killable], object]

ANSWERED: dict[str, tuple[Ask, Ask, object]] = {
    "a model": (
        lambda cloud: cloud["sagemaker"].create_model(ModelName="one"),
        lambda cloud: cloud["sagemaker"].describe_model(ModelName="one")["ModelName"],
        "one",
    ),
    "a training": (
        lambda cloud: train(cloud, "one"),
        lambda cloud: cloud["sagemaker"].describe_training_job(TrainingJobName="one")["TrainingJobStatus"],
        "InProgress",
    ),
    "tags": (
        lambda cloud: cloud["sagemaker"].add_tags(
            ResourceArn=cloud["sagemaker"].create_model(ModelName="one")["ModelArn"], Tags=[{"Key": "k", "Value": "v"}]
        ),
        lambda cloud: cloud["sagemaker"].list_tags(
            ResourceArn=cloud["sagemaker"].describe_model(ModelName="one")["ModelArn"]
        )["Tags"],
        [{"Key": "k", "Value": "v"}],
    ),
    "a deletion": (
        lambda cloud: cloud["sagemaker"].delete_model(ModelName="saved"),
        lambda cloud: cloud["sagemaker"].list_models()["Models"],
        [],
    ),
    "a small object": (
        lambda cloud: cloud["s3"].put_object(Bucket=BUCKET, Key="one", Body=b"small"),
        lambda cloud: body(cloud, "one"),
        b"small",
    ),
    "a large object": (
        lambda cloud: cloud["s3"].put_object(Bucket=BUCKET, Key="one", Body=LARGE),
        lambda cloud: body(cloud, "one"),
        LARGE,
    ),
    "a secret": (
        lambda cloud: cloud["secretsmanager"].create_secret(Name="one", SecretString="hidden"),
        lambda cloud: cloud["secretsmanager"].get_secret_value(SecretId="one")["SecretString"],
        "hidden",
    ),
    "a role": (
        lambda cloud: cloud["iam"].create_role(RoleName="one", AssumeRolePolicyDocument=TRUST),
        lambda cloud: cloud["iam"].get_role(RoleName="one")["Role"]["Arn"],
        "arn:aws:iam::123456789012:role/one",
    ),
    "the clock": (
        lambda cloud: (train(cloud, "one"), control.advance(cloud.folder, 86_400)),
        lambda cloud: cloud["sagemaker"].describe_training_job(TrainingJobName="one")["TrainingJobStatus"],
        "Completed",
    ),
    "the log of a training": (
        lambda cloud: (train(cloud, "one"), control.advance(cloud.folder, 86_400)),
        lambda cloud: cloud["logs"].filter_log_events(logGroupName=LOG_GROUP)["events"][0]["message"],
        "Simulated training: time passes, nothing is computed.",
    ),
}
"""What is asked for → how it is asked for, how it is looked at, and what is seen then."""


@pytest.mark.slow
@pytest.mark.parametrize("what", ANSWERED)
def test_what_was_answered_is_there_after_a_kill(what: str, cloud: Killable) -> None:
    ask, look, expected = ANSWERED[what]
    ask(cloud)
    cloud.kill()
    cloud.again()
    assert look(cloud) == expected


@pytest.mark.slow
def test_killed_while_it_works_it_has_all_that_it_answered(cloud: Killable) -> None:
    """Several clients at once; each notes what it was answered. Large objects: the kill may come while one is written."""
    for kill_after in (0.05, 0.2, 0.4):
        answered: list[str] = []
        clients = [threading.Thread(target=_put, args=(cloud, f"{kill_after}-{n}", answered)) for n in range(4)]
        for each in clients:
            each.start()
        _until(lambda: len(answered) > 4)  # noqa: B023 - within this round
        time.sleep(kill_after)  # any moment is hostile: what is under way then is not known
        cloud.kill()
        for each in clients:
            each.join()
        cloud.again()
        lost = [key for key in answered if body(cloud, key) != key.encode() * INLINE]
        assert lost == []
        cloud["s3"].put_object(Bucket=BUCKET, Key="one more", Body=b"")
        named = sum(1 for each in cloud["s3"].list_objects_v2(Bucket=BUCKET)["Contents"] if each["Size"] > INLINE)
        assert len(list((cloud.folder / "cloud.snapshot.values").iterdir())) == named, "unfinished values are swept"


def _put(cloud: Killable, prefix: str, answered: list[str]) -> None:
    client = cloud["s3"]
    for number in range(1_000_000):
        key = f"{prefix}-{number}"
        try:
            client.put_object(Bucket=BUCKET, Key=key, Body=key.encode() * INLINE)
        except BotoCoreError:
            return
        answered.append(key)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.001)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 3])
def test_an_apply_whose_cloud_is_killed_is_finished_by_the_next(calls: int, tmp_path: Path) -> None:
    contents, _ = undisturbed(tmp_path / "undisturbed")
    with project(tmp_path / "killed") as running:
        process = running.apply()
        found = control.status(running.state)
        assert found is not None
        _until(lambda: len(running.changing_calls()) >= calls)
        os.kill(found.pid, signal.SIGKILL)
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, "Traceback" in err) == (1, False), err
        ended = finish(running)[0]
    assert ended == contents
