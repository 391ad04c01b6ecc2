"""The runtime that executes what this machine can, and leaves the rest to the timeline.

==================================== ===================================================================================
runs for real                        where
==================================== ===================================================================================
a training job                       it names a program (sagemaker_program, sagemaker_submit_directory), and its base
                                     weights are in the embedded S3 (channel `model`) or offered by the model hub
an endpoint                          every variant has one container, whose artifact was not written by a simulated job;
                                     the base model of adapters is at hand
anything whose failure was ordered   nowhere: it fails on the timeline. An ordered interruption of a spot job is real
==================================== ===================================================================================
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from reconciler.localcloud import simulated
from reconciler.localcloud.execution.container import hyperparameters
from reconciler.localcloud.execution.hosting import Hosting
from reconciler.localcloud.execution.settings import ExecutionSettings
from reconciler.localcloud.execution.training import ENTER, Training
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.model_hub import is_offered
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.runtime import Invoker, Reply, TrainingResult
from reconciler.localcloud.sagemaker.kinds import ENDPOINT, TRAINING_JOB
from reconciler.localcloud.sagemaker.training import TERMINAL
from reconciler.localcloud.service import Cloud
from reconciler.localcloud.timeline import Timeline, channel_uri

PROGRAM = ("sagemaker_program", "sagemaker_submit_directory")


class Executing:
    """See `runtime.Runtime`."""

    def __init__(self, settings: ExecutionSettings, timeline: Timeline | None = None) -> None:
        self.settings = settings
        self._timeline = timeline or Timeline()
        self._hosting = Hosting(settings)
        self._queue = ThreadPoolExecutor(settings.jobs, thread_name_prefix="training")
        self._trainings: dict[str, tuple[Training, Future[None]]] = {}

    def train(self, cloud: Cloud, job: Resource, fate: Fault | None) -> None:
        doomed = fate is not None and fate.kind != "interrupt"
        if doomed or not is_executable(cloud, job):
            self._timeline.train(cloud, job, fate)
        else:
            self._begin(cloud, job, interrupted=fate is not None and bool(job.spec.get("EnableManagedSpotTraining")))

    def result(self, cloud: Cloud, job: Resource, ending: str) -> TrainingResult | None:
        held = self._trainings.get(job.arn)
        return self._timeline.result(cloud, job, ending) if held is None else held[0].left

    def stop_training(self, cloud: Cloud, job: Resource) -> None:
        held = self._trainings.get(job.arn)
        if held is None:
            self._timeline.stop_training(cloud, job)
        elif held[1].cancel():
            self._forget_training(job)
            cloud.world.at(job.updated, job, ENTER, secondary="Stopped")
        else:
            held[0].stop()

    def host(self, cloud: Cloud, endpoint: Resource, fate: Fault | None) -> None:
        target = endpoint.facts.get("target") or endpoint.facts
        if fate is None and is_servable(cloud, target):
            self._hosting.host(cloud, endpoint)
        else:
            target["real"] = False
            self._timeline.host(cloud, endpoint, fate)

    def hosted(self, cloud: Cloud, endpoint: Resource) -> None:
        self._hosting.hosted(endpoint)

    def unhost(self, cloud: Cloud, endpoint: Resource) -> None:
        if self._hosting.unhost(endpoint):
            cloud.world.at(endpoint.updated, endpoint, "sagemaker.endpoint.gone")
        else:
            self._timeline.unhost(cloud, endpoint)

    def reply(self, cloud: Cloud, host: Resource, messages: Sequence[Mapping[str, Any]]) -> Reply:
        return self._timeline.reply(cloud, host, messages)

    def invoker(self, cloud: Cloud, endpoint: Resource, variant: str) -> Invoker | None:
        return self._hosting.invoker(cloud, endpoint, variant) if endpoint.facts.get("real") else None

    def resume(self, cloud: Cloud) -> None:
        """Trainings go on from their checkpoints, endpoints load their models again."""
        for resource in list(cloud.world.resources()):
            moving = resource.facts.get("executing", False)
            if resource.kind == TRAINING_JOB and moving:
                self._resume_training(cloud, resource)
            elif resource.kind == ENDPOINT and (moving or resource.facts.get("real")):
                self._resume_endpoint(cloud, resource, moving=moving)

    def describe(self, cloud: Cloud) -> Mapping[str, Any]:
        """`inMotion`: how much will change without the clock being moved."""
        moving = [job for job, _ in self._trainings.values() if job.job.status not in TERMINAL]
        starting = [r for r in cloud.world.resources() if r.kind == ENDPOINT and r.facts.get("executing")]
        return {
            "mode": "execute",
            "threads": self.settings.threads,
            "jobs": self.settings.jobs,
            "trainings": [{"job": each.job.name, "pid": each.process.pid if each.process else None} for each in moving],
            "endpoints": list(self._hosting.describe()),
            "inMotion": len(moving) + len(starting),
        }

    def forget(self) -> None:
        """The lock is held: nobody is waited for."""
        self._end_trainings()
        self._trainings.clear()
        self._hosting.abandon()
        self._hosting = Hosting(self.settings)

    def close(self) -> None:
        self._end_trainings()
        self._hosting.close()
        self._queue.shutdown(wait=True, cancel_futures=True)
        self._trainings.clear()
        shutil.rmtree(self.settings.folder / "endpoints", ignore_errors=True)

    def _end_trainings(self) -> None:
        for training, waiting in self._trainings.values():
            waiting.cancel()
            training.close()

    def _begin(self, cloud: Cloud, job: Resource, *, interrupted: bool = False, resumed: bool = False) -> None:
        job.facts["executing"] = True
        training = Training(cloud, job, self.settings, interrupted=interrupted, resumed=resumed)
        self._trainings[job.arn] = (training, self._queue.submit(self._run, cloud, training))

    def _run(self, cloud: Cloud, training: Training) -> None:
        training.run()
        with cloud.world.lock:
            if training.job.status in TERMINAL:
                self._forget_training(training.job)
        cloud.on_change()

    def _forget_training(self, job: Resource) -> None:
        job.facts.pop("executing", None)
        self._trainings.pop(job.arn, None)

    def _resume_training(self, cloud: Cloud, job: Resource) -> None:
        self._begin(cloud, job, resumed=True)
        if job.status == "Stopping":
            self.stop_training(cloud, job)

    def _resume_endpoint(self, cloud: Cloud, endpoint: Resource, *, moving: bool) -> None:
        """What it served until the end, and what it was on its way to."""
        if endpoint.facts.get("real") and endpoint.status != "Creating":
            self._hosting.resume(cloud, endpoint)
        if moving:
            self._hosting.host(cloud, endpoint)


def is_executable(cloud: Cloud, job: Resource) -> bool:
    """Whether the job names a program, and its base weights are at hand."""
    if not all(name in hyperparameters(job) for name in PROGRAM):
        return False
    channels = {channel["ChannelName"]: channel_uri(channel) for channel in job.spec.get("InputDataConfig") or ()}
    weights = channels.get("model")
    return weights is not None and (is_offered(weights) or _is_real(cloud, weights))


def is_servable(cloud: Cloud, target: Mapping[str, Any]) -> bool:
    """Whether all that an endpoint serves is there, and was not written by a simulated job."""
    containers = (target.get("containers") or {}).values()
    artifacts = [container["artifact"] for container in containers]
    complete = bool(artifacts) and len(artifacts) == len(target["variants"])
    beside = [uri for container in containers for uri in container["beside"].values()]
    return (
        complete
        and all(artifact and _is_real(cloud, artifact) for artifact in artifacts)
        and all(is_offered(uri) or _is_real(cloud, uri) for uri in beside)
    )


def _is_real(cloud: Cloud, uri: str) -> bool:
    sizes = cloud.objects.list(uri)
    if not sizes:
        return False
    if sum(sizes.values()) > simulated.MOST_BYTES:
        return True
    return not simulated.is_archive(cloud.objects.get(uri) or b"")
