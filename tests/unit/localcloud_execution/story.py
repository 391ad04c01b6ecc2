"""What these tests do again and again: order a job that runs a program, deploy an artifact, wait for what comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.resource import Resource
from tests.unit.localcloud.story import BUCKET, DATA, channel, job_request, put_config, put_model
from tests.unit.localcloud_execution.programs import archive

DEADLINE = 120.0
MODEL = f"s3://{BUCKET}/base/"


def until(holds: Callable[[], Any], what: str = "what was waited for") -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come"
        threading.Event().wait(0.02)


def order(aws: Any, program: str, name: str = "job", **changes: Any) -> None:
    """CreateTrainingJob of a program, on data and base weights that are there."""
    s3 = aws.client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"code/{name}.tar.gz", Body=archive(train_py=program))
    s3.put_object(Bucket=BUCKET, Key="base/config.json", Body=b"{}")
    given = {
        "epochs": "3",
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{BUCKET}/code/{name}.tar.gz",
    }
    channels = [channel("training", DATA), channel("model", MODEL)]
    request = {"HyperParameters": given, "InputDataConfig": channels} | changes
    aws.client("sagemaker").create_training_job(**job_request(name, **request))


def ended(aws: Any, name: str = "job") -> dict[str, Any]:
    """The job, once it has ended."""
    until(lambda: job(aws, name)["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"), f"the end of {name}")
    return job(aws, name)


def job(aws: Any, name: str = "job") -> dict[str, Any]:
    return dict(aws.client("sagemaker").describe_training_job(TrainingJobName=name))


def lines(aws: Any, name: str = "job") -> list[str]:
    logs, group = aws.client("logs"), "/aws/sagemaker/TrainingJobs"
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    found = [
        logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]
        for stream in streams
    ]
    return [event["message"] for events in found for event in events]


def keys(aws: Any, prefix: str) -> list[str]:
    listed = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", ())]


def put_version(aws: Any, version: str, **files: str) -> None:
    """A model and its configuration, both named by the version; without files its archive holds nothing that serves."""
    content = archive(**(files or {"config_json": "{}"}))
    aws.client("s3").put_object(Bucket=BUCKET, Key=f"models/{version}.tar.gz", Body=content)
    put_model(aws, version, data=f"s3://{BUCKET}/models/{version}.tar.gz")
    put_config(aws, version, version)


def rest(aws: Any, name: str = "bot") -> dict[str, Any]:
    """The endpoint, once nothing is in progress."""
    until(lambda: endpoint(aws, name)["EndpointStatus"] in ("InService", "Failed"), f"rest of {name}")
    return endpoint(aws, name)


def endpoint(aws: Any, name: str = "bot") -> dict[str, Any]:
    return dict(aws.client("sagemaker").describe_endpoint(EndpointName=name))


def running(cloud: LocalCloud) -> list[Any]:
    """Model servers that there are."""
    return list(cloud.runtime.describe(cloud)["endpoints"])


def resource(cloud: LocalCloud, kind: str, name: str) -> Resource:
    found = cloud.world.find("us-east-1", f"sagemaker:{kind}", name)
    assert found is not None
    return found
