"""Training jobs: CreateTrainingJob and what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.localcloud.clock import moment
from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.model_hub import is_offered
from reconciler.localcloud.resource import Resource, Transition
from reconciler.localcloud.sagemaker.kinds import TRAINING_JOB, get, make, sent
from reconciler.localcloud.service import Call, Cloud
from reconciler.localcloud.timeline import DEFAULT_MAX_RUNTIME, channel_uri

STATUS_BY_SECONDARY: Mapping[str, str] = {
    "Starting": "InProgress",
    "Pending": "InProgress",
    "Downloading": "InProgress",
    "Training": "InProgress",
    "Interrupted": "InProgress",
    "Restarting": "InProgress",
    "Uploading": "InProgress",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "MaxWaitTimeExceeded": "Stopped",
    "Completed": "Completed",
    "Failed": "Failed",
}
MESSAGES: Mapping[str, str] = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Training job execution was interrupted: the spot instances were taken away",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
BILLED = frozenset({"Downloading", "Training", "Uploading", "Stopping"})
"""The phases in which instances are at work."""
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def create_training_job(call: Call) -> dict[str, Any]:
    _check(call)
    job = make(call, TRAINING_JOB, call.params["TrainingJobName"], status="InProgress", secondary="Starting")
    job.transitions[:] = [Transition("Starting", job.created, MESSAGES["Starting"])]
    call.cloud.runtime.train(call.cloud, job, call.fate("fail", "capacity", "interrupt"))
    return {"TrainingJobArn": job.arn}


def describe_training_job(call: Call) -> dict[str, Any]:
    return describe(get(call, TRAINING_JOB, call.params["TrainingJobName"]), now=call.now)


def stop_training_job(call: Call) -> dict[str, Any]:
    job = get(call, TRAINING_JOB, call.params["TrainingJobName"])
    if job.status in TERMINAL:
        raise invalid(f"The request was rejected because the training job is in status {job.status}.")
    if job.status == "InProgress":
        call.world.cancel(job)
        job.enter("Stopping", call.now, secondary="Stopping")
        call.cloud.runtime.stop_training(call.cloud, job)
    return {}


def delete_training_job(call: Call) -> dict[str, Any]:
    job = get(call, TRAINING_JOB, call.params["TrainingJobName"])
    if job.status not in TERMINAL:
        text = f"The training job {job.arn} is in status {job.status}; only a job that has ended can be deleted."
        raise AwsError("ResourceInUse", text)
    call.world.drop(job)
    return {}


def describe(job: Resource, *, now: float) -> dict[str, Any]:
    """The job as DescribeTrainingJob and Search show it."""
    started, ended = _started(job), job.ended
    time = None if started is None else int((now if ended is None else ended) - started)
    return {
        "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME},
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **sent(job),
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary,
        "FailureReason": job.failure,
        "CreationTime": moment(job.created),
        "LastModifiedTime": moment(job.updated),
        "TrainingStartTime": moment(started),
        "TrainingEndTime": moment(ended),
        "TrainingTimeInSeconds": time,
        "BillableTimeInSeconds": None if time is None else _billable(job, now),
        "ModelArtifacts": {"S3ModelArtifacts": job.facts.get("artifact", "")},
        "FinalMetricDataList": job.facts.get("metrics"),
        "SecondaryStatusTransitions": list(_transitions(job)),
    }


def summary(job: Resource) -> dict[str, Any]:
    return {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "CreationTime": moment(job.created),
        "LastModifiedTime": moment(job.updated),
        "TrainingEndTime": moment(job.ended),
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary,
    }


# -- steps


def enter_phase(cloud: Cloud, job: Resource, at: float, data: Mapping[str, Any]) -> None:
    """The job goes on to `data["secondary"]`; entering Training needs the data, completing writes the artifact."""
    secondary = data["secondary"]
    trouble = _ENTRIES.get(secondary, _no_trouble)(cloud, job, secondary)
    if trouble:
        fail(cloud, job, at, {"reason": trouble})
        return
    _enter(job, at, secondary)


def fail(cloud: Cloud, job: Resource, at: float, data: Mapping[str, Any]) -> None:
    """The job ends as Failed for `data["reason"]`; what failed while it trained stands in its log, too."""
    cloud.world.cancel(job)
    if job.secondary == "Training":
        log(cloud, job, at, {"lines": [data["reason"]]})
    _enter(job, at, "Failed", reason=data["reason"])


def log(cloud: Cloud, job: Resource, at: float, data: Mapping[str, Any]) -> None:
    """`data["lines"]` are written to the log of the job's first instance."""
    stream = f"{job.name}/algo-1-{int(job.created)}"
    cloud.logs.write(job.region, LOG_GROUP, stream, at, data["lines"])


def _enter(job: Resource, at: float, secondary: str, *, reason: str | None = None) -> None:
    status = STATUS_BY_SECONDARY[secondary]
    job.enter(status, at, secondary=secondary, failure=reason)
    job.transitions[-1] = Transition(secondary, at, reason or MESSAGES.get(secondary, ""))
    if status in TERMINAL:
        job.ended = at


def _no_trouble(cloud: Cloud, job: Resource, secondary: str) -> str | None:
    return None


def _missing_data(cloud: Cloud, job: Resource, secondary: str) -> str | None:
    """Why the input cannot be downloaded, in AWS's words; None when each channel finds at least one object."""
    for channel in job.spec.get("InputDataConfig") or ():
        uri = channel_uri(channel)
        if uri is not None and not is_offered(uri) and not cloud.objects.list(uri):
            return (
                f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source'
            )
    return None


def _write_artifact(cloud: Cloud, job: Resource, secondary: str) -> str | None:
    """Upload what the job leaves behind; a bucket that is not there fails a job, and is nothing to one that was stopped."""
    result = cloud.runtime.result(cloud, job, secondary)
    if result is None:
        return None
    try:
        for name, content in result.files.items():
            cloud.objects.put(f"{output_uri(job)}/{name}", content)
    except AwsError as wrong:
        return f"ClientError: Artifact upload failed:{wrong.message}" if secondary == "Completed" else None
    if any(name.startswith("model") for name in result.files):
        job.facts["artifact"] = artifact_uri(job)
    job.facts["metrics"] = [
        {"MetricName": name, "Value": metric.value, "Timestamp": moment(metric.at)}
        for name, metric in result.metrics.items()
    ]
    return None


_ENTRIES: Mapping[str, Callable[[Cloud, Resource, str], str | None]] = {
    "Training": _missing_data,
    "Completed": _write_artifact,
    "Stopped": _write_artifact,
    "MaxRuntimeExceeded": _write_artifact,
}
"""What entering a phase takes; it answers why that cannot be."""


def artifact_uri(job: Resource) -> str:
    """Where SageMaker writes a job's model: an archive, or all files below a prefix."""
    return f"{output_uri(job)}/{'model.tar.gz' if is_compressed(job) else 'model/'}"


def is_compressed(job: Resource) -> bool:
    return bool(job.spec["OutputDataConfig"].get("CompressionType") != "NONE")


def output_uri(job: Resource) -> str:
    return f"{job.spec['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job.name}/output"


# -- what Describe computes


def _started(job: Resource) -> float | None:
    """When the first instance was at work."""
    return next((transition.at for transition in job.transitions if transition.status in BILLED - {"Stopping"}), None)


def _billable(job: Resource, now: float) -> int:
    spans = zip(job.transitions, [*(later.at for later in job.transitions[1:]), job.ended or now], strict=True)
    return int(sum(end - entered.at for entered, end in spans if entered.status in BILLED))


def _transitions(job: Resource) -> Iterator[dict[str, Any]]:
    ends = [later.at for later in job.transitions[1:]]
    for transition, end in zip(job.transitions, [*ends, job.ended], strict=True):
        yield {
            "Status": transition.status,
            "StartTime": moment(transition.at),
            "EndTime": moment(end),
            "StatusMessage": transition.message,
        }


# -- checks beyond the model


def _check(call: Call) -> None:
    """Rules that the service's model cannot say. Raises ValidationException with all problems."""
    problems = list(_problems(call.params))
    if problems:
        raise invalid("; ".join(problems))


def _problems(params: Mapping[str, Any]) -> Iterator[str]:
    serverless = params.get("ServerlessJobConfig") is not None
    for member in () if serverless else ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
        if params.get(member) is None:
            yield f"{member} is required for a training job that is not serverless"
    algorithm = params.get("AlgorithmSpecification") or {}
    if not serverless and algorithm and bool(algorithm.get("TrainingImage")) == bool(algorithm.get("AlgorithmName")):
        yield "Exactly one of TrainingImage and AlgorithmName must be given"
    stopping = params.get("StoppingCondition") or {}
    if params.get("EnableManagedSpotTraining"):
        longest, wait = stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME), stopping.get("MaxWaitTimeInSeconds")
        if wait is None or wait < longest:
            yield "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
    elif stopping.get("MaxWaitTimeInSeconds") is not None:
        yield "MaxWaitTimeInSeconds is only for managed spot training (EnableManagedSpotTraining)"
    names = [channel["ChannelName"] for channel in params.get("InputDataConfig") or ()]
    if len(set(names)) != len(names):
        yield f"Channel names must be unique within a training job: {', '.join(names)}"
