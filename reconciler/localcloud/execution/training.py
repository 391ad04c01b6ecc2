"""One training job that runs on this machine, from its place in the queue to its end."""

from __future__ import annotations

import logging
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.localcloud import model_hub
from reconciler.localcloud.execution import environment
from reconciler.localcloud.execution.archives import files, pack
from reconciler.localcloud.execution.container import (
    Container,
    NotPrepared,
    checkpoint_uri,
    decoded,
    hyperparameters,
)
from reconciler.localcloud.execution.process import GRACE, Process
from reconciler.localcloud.execution.settings import ExecutionSettings
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.runtime import Metric, TrainingResult
from reconciler.localcloud.sagemaker.training import TERMINAL, is_compressed, log
from reconciler.localcloud.service import Cloud
from reconciler.localcloud.timeline import DEFAULT_MAX_RUNTIME, channel_uri

STOP_GRACE = 120.0
"""Seconds between SIGTERM and SIGKILL: "StopTrainingJob", SageMaker API reference."""
LOOK_SECONDS = 1.0
"""How often checkpoints are looked for while the program runs."""
REASON_LENGTH = 1024
"""Of a FailureReason, and of what is read of output/failure."""
LAST_LINES = 10
LAUNCHERS_ENDING = ", exit code: 1"
ENTER, FAIL = "sagemaker.training.enter", "sagemaker.training.fail"


class Training:
    """`run` takes the job to its end, in a thread of the queue. The other methods are called from elsewhere meanwhile.

    interrupted: its instances are taken away once. resumed: it goes on with what it left in its folder when the cloud closed.
    """

    def __init__(
        self,
        cloud: Cloud,
        job: Resource,
        settings: ExecutionSettings,
        *,
        interrupted: bool = False,
        resumed: bool = False,
    ) -> None:
        self.job = job
        self.metrics: dict[str, Metric] = {}
        self.process: Process | None = None
        self._cloud = cloud
        self._settings = settings
        self._container = Container(settings.folder.resolve() / "training" / job.name)
        self._to_be_interrupted = interrupted
        self._is_resumed = resumed
        self._ending: str | None = None
        self._left: TrainingResult | None = None
        self._ordering = threading.Lock()
        self._patterns = _metric_patterns(job)
        self._seen_checkpoints: dict[str, tuple[int, int]] = {}

    def run(self) -> None:
        """Whatever goes wrong becomes the job's failure; an error of the cloud's own stands in its log."""
        if not self._is_resumed:  # a cloud that was reset may have had a job of this name
            shutil.rmtree(self._container.base, ignore_errors=True)
        try:
            while self._attempt():
                self._begin_anew()
        except NotPrepared as wrong:
            self._fail(str(wrong))
        except Exception as broken:
            logging.getLogger(__name__).exception("training job %s", self.job.name)
            self._fail(f"InternalServerError: {type(broken).__name__}: {broken}")
        finally:
            if self._ending != "Closed":
                shutil.rmtree(self._container.base, ignore_errors=True)

    def stop(self) -> None:
        """It was asked to stop: SIGTERM, and after two minutes SIGKILL. What it has by then is uploaded."""
        self._end("Stopped", STOP_GRACE)

    def close(self) -> None:
        """The cloud goes away: end the process, keep its checkpoints, and say nothing."""
        self._end("Closed", GRACE)

    @property
    def left(self) -> TrainingResult | None:
        """The model, and what the program wrote to output/data; None before its end, and where a stopped one wrote no model."""
        return self._left

    # -- one attempt

    def _attempt(self) -> bool:
        """True where the instances were taken away, and it begins anew."""
        if not self._enter("Downloading"):
            return self._over()
        self._prepare()
        if not self._enter("Training"):
            return self._over()
        self._start()
        code = self._watched()
        if code == 0 and self._ending is None and not self._enter("Uploading"):
            return self._over()
        return self._over(code)

    def _prepare(self) -> None:
        surroundings = environment.of_any_process(
            threads=self._settings.threads,
            endpoint_url=None,
            region=self.job.region,
            cache=self._container.base / "cache",
        )
        for channel in self.job.spec.get("InputDataConfig") or ():
            try:
                model_hub.provide(channel_uri(channel) or "", self._cloud.objects, surroundings)
            except model_hub.NotMade as wrong:
                raise NotPrepared(f"InternalServerError: the base model could not be made: {wrong}") from wrong
        self._container.prepare(self.job, self._cloud.objects)
        self._seen_checkpoints = _stamps(self._container.checkpoints)

    def _start(self) -> None:
        program = str(decoded(hyperparameters(self.job))["sagemaker_program"])
        self._heard(f"This machine trains: python {program}, {self._settings.threads} compute thread(s).")
        asked = (self.job.spec.get("ResourceConfig") or {}).get("InstanceCount") or 1
        if asked > 1:
            self._heard(f"One process stands for the {asked} instances that were asked for.")
        variables = environment.of_training(
            self.job, self._container, threads=self._settings.threads, endpoint_url=self._settings.endpoint_url
        )
        with self._ordering:
            self.process = Process(
                [sys.executable, program], folder=self._container.code, environment=variables, heard=self._heard
            )
            if self._ending is not None:
                self.process.stop(GRACE)

    def _watched(self) -> int:
        """The program's exit code. Meanwhile checkpoints are kept and the time limit is."""
        assert self.process is not None
        deadline = time.monotonic() + _longest(self.job)
        while (code := self.process.wait(LOOK_SECONDS)) is None:
            self._keep_checkpoints()
            if time.monotonic() > deadline:
                self._end("MaxRuntimeExceeded", STOP_GRACE)
            if self._to_be_interrupted and any(self._container.checkpoints.iterdir()):
                self._to_be_interrupted = False
                self._end("Interrupted", STOP_GRACE)
        self._keep_checkpoints()
        return code

    def _over(self, code: int = 0) -> bool:
        """
        ===================== ===================================================
        what ended it         what becomes of the job
        ===================== ===================================================
        the cloud closed      nothing: it is resumed
        an interruption       Interrupted; it begins anew
        a stop, the time      Stopped, MaxRuntimeExceeded, with what model there is
        exit code 0           Completed
        another exit code     Failed, with its own reason
        ===================== ===================================================
        """
        match self._ending:
            case "Closed":
                return False
            case "Interrupted":
                return True
            case "Stopped" | "MaxRuntimeExceeded" as ending:
                self._left = self._result() if any(files(self._container.model)) else None
                self._tell(ENTER, secondary=ending)
            case _ if code == 0:
                self._left = self._result()
                self._tell(ENTER, secondary="Completed")
            case _:
                self._fail(self._reason(code))
        return False

    def _begin_anew(self) -> None:
        with self._ordering:
            if self._ending == "Interrupted":
                self._ending = None
        for secondary in ("Interrupted", "Starting"):
            self._enter(secondary)

    # -- telling the cloud

    def _enter(self, secondary: str) -> bool:
        """Whether the job is in that phase now, and not on its way to an end."""
        with self._cloud.world.lock:
            if self._ending is None:
                self._cloud.happen(self.job, ENTER, secondary=secondary)
            return self._ending is None and self.job.secondary == secondary

    def _fail(self, reason: str) -> None:
        if self._ending != "Closed":
            self._tell(FAIL, reason=reason)

    def _tell(self, step: str, **data: str) -> None:
        """Unless the job has ended already: input that is not there has failed it, say."""
        with self._cloud.world.lock:
            if self.job.status not in TERMINAL:
                self._cloud.happen(self.job, step, **data)

    def _reason(self, code: int) -> str:
        """As AWS's launcher and SageMaker make it.

        What the program wrote to output/failure, where it did; else what the launcher writes there: its exit code, its last lines and its
        command. The launcher itself ends with 1 (``sagemaker_training/trainer.py``), and that is the code that SageMaker adds.
        """
        assert self.process is not None
        told = self._container.failure.read_text(errors="replace").strip() if self._container.failure.is_file() else ""
        if not told:
            last = "\n".join([*self.process.lines][-LAST_LINES:])
            program = decoded(hyperparameters(self.job))["sagemaker_program"]
            told = f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{last}"\nCommand "python {program}"'
        return f"AlgorithmError: {told}"[: REASON_LENGTH - len(LAUNCHERS_ENDING)] + LAUNCHERS_ENDING

    def _heard(self, line: str) -> None:
        """One line of the program: into the log, and where a metric is looked for in it, into that."""
        with self._cloud.world.lock:
            at = self._cloud.world.clock.now()
            log(self._cloud, self.job, at, {"lines": [line]})
        for name, pattern in self._patterns.items():
            found = pattern.search(line)
            if found:
                self.metrics |= _metric(name, found, at)

    # -- what it leaves

    def _result(self) -> TrainingResult:
        return TrainingResult(dict(self._outputs()), dict(self.metrics))

    def _outputs(self) -> Iterator[tuple[str, bytes]]:
        if is_compressed(self.job):
            yield "model.tar.gz", pack(self._container.model)
        else:
            yield from ((f"model/{name}", path.read_bytes()) for name, path in files(self._container.model))
        if any(files(self._container.output_data)):
            yield "output.tar.gz", pack(self._container.output_data)

    def _keep_checkpoints(self) -> None:
        """Where CheckpointConfig says, what is new or changed is uploaded, and what the program removed is deleted.

        "If a checkpoint is deleted in the SageMaker container, it will also be deleted in the S3 folder":
        https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
        """
        uri = checkpoint_uri(self.job)
        if uri is None:
            return
        stamps = _stamps(self._container.checkpoints)
        for name in [name for name, stamp in stamps.items() if self._seen_checkpoints.get(name) != stamp]:
            try:
                self._cloud.objects.put(uri + name, (self._container.checkpoints / name).read_bytes())
            except FileNotFoundError:  # the program has removed it meanwhile
                continue
        for name in self._seen_checkpoints.keys() - stamps.keys():
            self._cloud.objects.delete(uri + name)
        self._seen_checkpoints = stamps

    def _end(self, ending: str, grace: float) -> None:
        """Of several orders the weightiest counts; of two alike the first."""
        with self._ordering:
            if _WEIGHTS[ending] > _WEIGHTS[self._ending]:
                self._ending = ending
            if self.process is not None:
                self.process.stop(grace)


_WEIGHTS: Mapping[str | None, int] = {None: 0, "Interrupted": 1, "MaxRuntimeExceeded": 2, "Stopped": 2, "Closed": 3}


def _longest(job: Resource) -> float:
    """Real seconds: a clock that was set ahead has not made the program any quicker."""
    return float((job.spec.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds") or DEFAULT_MAX_RUNTIME)


def _metric_patterns(job: Resource) -> Mapping[str, re.Pattern[str]]:
    """Of MetricDefinitions. One that Python cannot read finds nothing."""
    definitions = (job.spec.get("AlgorithmSpecification") or {}).get("MetricDefinitions") or ()
    patterns = {}
    for definition in definitions:
        try:
            patterns[definition["Name"]] = re.compile(definition["Regex"])
        except re.error:
            logging.getLogger(__name__).warning("metric %s: %s is no pattern", definition["Name"], definition["Regex"])
    return patterns


def _metric(name: str, found: re.Match[str], at: float) -> dict[str, Metric]:
    try:
        return {name: Metric(float(found[1]), at)}
    except (ValueError, IndexError, TypeError):
        return {}


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file."""
    stamps = {}
    for name, path in files(folder):
        try:
            told = path.stat()
        except FileNotFoundError:
            continue
        stamps[name] = (told.st_size, told.st_mtime_ns)
    return stamps
