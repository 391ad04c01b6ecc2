"""Being told to stop in AWS's containers, where the signal does not arrive.

SageMaker sends SIGTERM to the container's first process, a shell script that hands it on to nobody
(https://github.com/aws/sagemaker-training-toolkit/issues/125, https://github.com/aws/deep-learning-containers/issues/632). So the program
looks at its own job: ``Stopping`` is how a stop and a time that is up begin, two minutes before SIGKILL. The training role needs
``sagemaker:DescribeTrainingJob``. Where instances are taken away (spot) the status does not tell in time: there the last checkpoint counts.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from reconciler.training.stopping import FILE_VARIABLE, StopRequest

STOPPING = ("Stopping", "Stopped")
LOOK_SECONDS = 10.0
_LOG = logging.getLogger("reconciler.training")


def watch_job(environment: Mapping[str, str], request: StopRequest, status: Callable[[], str] | None = None) -> None:
    """Look every ten seconds from now on, in a thread that ends with the program; only where there is a job to look at.

    A job on this machine is told by its signal, and one of several processes by the one that started it.
    """
    arn = environment.get("TRAINING_JOB_ARN")
    if not arn or "SAGEMAKER_BASE_DIR" in environment or FILE_VARIABLE in environment:
        return
    look = status or (lambda: _status(arn))
    threading.Thread(target=look_until_told, args=(look, request), name="watch", daemon=True).start()


def look_until_told(look: Callable[[], str], request: StopRequest, seconds: float = LOOK_SECONDS) -> None:
    """Ends where the job is stopped, and where it may not be looked at, which is told once."""
    waiting = threading.Event()
    while not request:
        try:
            if look() in STOPPING:
                request.tell("the job is being stopped")
        except Exception as trouble:  # botocore's errors have no common base but Exception
            if _is_final(trouble):
                _LOG.warning("a stop of this job will not be noticed, and end it without its model: %s", trouble)
                return
        waiting.wait(seconds)


def _is_final(trouble: Exception) -> bool:
    """Denied, or no way to ask; anything else may pass."""
    answer = getattr(trouble, "response", {})
    return isinstance(trouble, ImportError) or "AccessDenied" in str(answer.get("Error", {}).get("Code", ""))


def _status(arn: str) -> str:
    import boto3

    region, name = arn.split(":")[3], arn.rpartition("/")[2]
    job = boto3.client("sagemaker", region_name=region).describe_training_job(TrainingJobName=name)
    return str(job["TrainingJobStatus"])
