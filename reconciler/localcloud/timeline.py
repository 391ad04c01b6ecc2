"""The runtime that only lets time pass: simulated durations, all of them here, and replies that say so.

Training takes (bytes of input x epochs) / (BYTES_PER_SECOND x instances), at least MIN_TRAINING; no other hyperparameter
changes it. The other phases last what the fields of `Durations` say. All of it is cloud time: a clock at speed 600 runs
through an hour in six seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.localcloud import simulated
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.runtime import Invoker, Metric, Reply, TrainingResult

if TYPE_CHECKING:
    from reconciler.localcloud.service import Cloud

BYTES_PER_SECOND = 8192
"""Of one instance; about 2,000 tokens a second, what LoRA on an 8B model reaches on four A10G."""
MIN_TRAINING = 300.0
DEFAULT_MAX_RUNTIME = 86_400
FAILURES: Mapping[str, str] = {
    "sagemaker:training-job": "sagemaker.training.fail",
    "sagemaker:endpoint": "sagemaker.endpoint.fail",
}
"""The step in which each kind fails."""
ABANDONED = "InternalServerError: the embedded cloud was restarted in a mode that executes nothing"
EPOCH_KEYS = ("epochs", "epoch", "num_train_epochs", "epochCount")


@dataclass(frozen=True)
class Durations:
    """Seconds of cloud time that each phase takes."""

    starting: float = 120
    downloading: float = 90
    uploading: float = 60
    stopping: float = 60
    interrupted: float = 300
    hosting: float = 360
    updating: float = 420
    rolling_back: float = 180
    unhosting: float = 60


@dataclass(frozen=True)
class Phase:
    """After `lasts` seconds in the phase before, the job enters this one."""

    lasts: float
    secondary: str


class Timeline:
    """See `runtime.Runtime`."""

    def __init__(self, durations: Durations | None = None) -> None:
        self.durations = durations or Durations()

    def train(self, cloud: Cloud, job: Resource, fate: Fault | None) -> None:
        phases = self._training_phases(job, training_seconds(cloud, job))
        if fate is not None and fate.kind == "interrupt" and job.spec.get("EnableManagedSpotTraining"):
            phases = self._interrupted(phases, fate.at)
        cut = None if fate is None or fate.kind == "interrupt" else self._failing_after(phases, fate)
        elapsed = 0.0
        for phase in phases:
            elapsed += phase.lasts
            if cut is not None and elapsed >= cut:
                break
            cloud.world.at(job.created + elapsed, job, "sagemaker.training.enter", secondary=phase.secondary)
            if phase.secondary == "Uploading":
                self._plan_log(cloud, job, job.created + elapsed - phase.lasts, job.created + elapsed)
        if cut is not None and fate is not None:
            reason = f"CapacityError: {fate.message}" if fate.kind == "capacity" else fate.message
            cloud.world.at(job.created + cut, job, "sagemaker.training.fail", reason=reason)

    def result(self, cloud: Cloud, job: Resource, ending: str) -> TrainingResult | None:
        """A simulated job that is stopped leaves nothing."""
        if ending != "Completed":
            return None
        passes, at = epochs(job.spec.get("HyperParameters") or {}), cloud.world.clock.now()
        evaluated = any(channel["ChannelName"] == "validation" for channel in job.spec.get("InputDataConfig") or ())
        metrics = simulated.metrics(passes, evaluated=evaluated)
        return TrainingResult(
            {"model.tar.gz": simulated.archive(job)}, {name: Metric(value, at) for name, value in metrics.items()}
        )

    def stop_training(self, cloud: Cloud, job: Resource) -> None:
        cloud.world.at(job.updated + self.durations.stopping, job, "sagemaker.training.enter", secondary="Stopped")

    def host(self, cloud: Cloud, endpoint: Resource, fate: Fault | None) -> None:
        lasts = self.durations.hosting if endpoint.status == "Creating" else self.durations.updating
        start = endpoint.updated
        match fate:
            case Fault(kind="rollback") if endpoint.status == "Updating":
                turned = start + lasts * fate.at
                cloud.world.at(turned, endpoint, "sagemaker.endpoint.roll_back")
                cloud.world.at(turned + self.durations.rolling_back, endpoint, "sagemaker.endpoint.rolled_back")
            case Fault(kind="fail" | "capacity"):
                cloud.world.at(start + lasts * fate.at, endpoint, "sagemaker.endpoint.fail", reason=fate.message)
            case _:
                cloud.world.at(start + lasts, endpoint, "sagemaker.endpoint.ready")

    def hosted(self, cloud: Cloud, endpoint: Resource) -> None:
        """Nothing runs for it."""

    def unhost(self, cloud: Cloud, endpoint: Resource) -> None:
        cloud.world.at(endpoint.updated + self.durations.unhosting, endpoint, "sagemaker.endpoint.gone")

    def reply(self, cloud: Cloud, host: Resource, messages: Sequence[Mapping[str, Any]]) -> Reply:
        prompt = str(messages[-1].get("content", "")) if messages else ""
        text = (
            f"This is a simulated answer of {host.name}; no model was asked. The prompt had {len(prompt)} characters."
        )
        return Reply(text, input_tokens=_tokens(prompt), output_tokens=_tokens(text), simulated=True)

    def invoker(self, cloud: Cloud, endpoint: Resource, variant: str) -> Invoker | None:
        return None

    def resume(self, cloud: Cloud) -> None:
        """What is planned stands in the world. What a process did has ended with it, and nobody will go on."""
        for resource in list(cloud.world.resources()):
            if resource.facts.pop("executing", False):
                cloud.world.cancel(resource)
                cloud.world.at(cloud.world.clock.now(), resource, FAILURES[resource.kind], reason=ABANDONED)

    def describe(self, cloud: Cloud) -> Mapping[str, Any]:
        return {"mode": "simulate"}

    def forget(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing runs."""

    def _plan_log(self, cloud: Cloud, job: Resource, start: float, end: float) -> None:
        """The lines of the training's log, spread over its time."""
        lines = list(simulated.log_lines(epochs(job.spec.get("HyperParameters") or {})))
        for number, line in enumerate(lines):
            when = start + (end - start) * number / len(lines)
            cloud.world.at(when, job, "sagemaker.training.log", lines=[line])

    def _training_phases(self, job: Resource, training: float) -> list[Phase]:
        allowed = (job.spec.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds") or DEFAULT_MAX_RUNTIME
        until_training = [Phase(self.durations.starting, "Downloading"), Phase(self.durations.downloading, "Training")]
        if self.durations.downloading + training > allowed:
            return [*until_training, Phase(max(0.0, allowed - self.durations.downloading), "MaxRuntimeExceeded")]
        return [*until_training, Phase(training, "Uploading"), Phase(self.durations.uploading, "Completed")]

    def _interrupted(self, phases: list[Phase], at: float) -> list[Phase]:
        """The instances are taken away `at` of the way through the training, and the job begins anew on others."""
        starting, downloading, training, *rest = phases
        return [
            starting,
            downloading,
            Phase(training.lasts * at, "Interrupted"),
            Phase(self.durations.interrupted, "Starting"),
            starting,
            downloading,
            Phase(training.lasts * (1 - at), training.secondary),
            *rest,
        ]

    def _failing_after(self, phases: list[Phase], fate: Fault) -> float:
        """Seconds until it fails: want of capacity shows while starting, other failures at `at` of the whole."""
        return self.durations.starting if fate.kind == "capacity" else fate.at * sum(phase.lasts for phase in phases)


def training_seconds(cloud: Cloud, job: Resource) -> float:
    """How long the training phase takes: the formula at the top of this page."""
    channels = job.spec.get("InputDataConfig") or []
    size = sum(sum((cloud.objects.list(uri) or {}).values()) for uri in map(channel_uri, channels) if uri)
    hyper_parameters: Mapping[str, str] = job.spec.get("HyperParameters") or {}
    instances = (job.spec.get("ResourceConfig") or {}).get("InstanceCount") or 1
    return max(MIN_TRAINING, size * epochs(hyper_parameters) / (BYTES_PER_SECOND * instances))


def epochs(hyper_parameters: Mapping[str, str]) -> float:
    """The number of epochs by any of its usual names, else 1."""
    given = next((hyper_parameters[key] for key in EPOCH_KEYS if key in hyper_parameters), "1")
    try:
        return max(0.0, float(given.strip('"')))
    except ValueError:
        return 1.0


def channel_uri(channel: Mapping[str, Any]) -> str | None:
    """The S3 prefix of a training channel; None for channels that read no S3."""
    uri = ((channel.get("DataSource") or {}).get("S3DataSource") or {}).get("S3Uri")
    return None if uri is None else str(uri)


def _tokens(text: str) -> int:
    """Roughly four characters a token."""
    return max(1, len(text) // 4)
