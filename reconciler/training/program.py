"""The life of the program: read what was asked, train, leave the model; or tell why not.

| Ends with | Exit code | Leaves |
|---|---|---|
| the last step, or early stopping | 0 | the model, ``metrics.json``, the model card |
| a stop | 0 | the same for the steps so far, and a checkpoint where they are kept; nothing where no step was made |
| input that can never work | 65 | ``output/failure`` |
| another error | 1 | ``output/failure`` |
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import MutableMapping

from reconciler.training.container import Container, raw_hyperparameters, read_container
from reconciler.training.failure import exit_code_of, failure_of, write_failure
from reconciler.training.hyperparameters import read_hyperparameters
from reconciler.training.processes import Processes, run_all, to_start
from reconciler.training.stopping import Stopped, StopRequest
from reconciler.training.watching import watch_job

_LOG = logging.getLogger("reconciler.training")
QUIET: dict[str, str] = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin for each other are slower than one on a busy machine
}
"""Read when libraries are imported; what the job's environment says comes first."""


def main(environment: MutableMapping[str, str] = os.environ) -> int:
    """The exit code."""
    level = logging.INFO if environment.get("RANK", "0") == "0" else logging.WARNING  # one of several speaks for all
    logging.basicConfig(stream=sys.stdout, level=level, format="%(message)s", force=True)
    for name, value in QUIET.items():
        environment.setdefault(name, value)
    container = read_container(environment)
    request = StopRequest(environment)
    request.watch()
    watch_job(environment, request)
    try:
        processes = to_start(container, environment)
        if processes is not None:
            return _together(processes, container, request, environment)
        _train(container, request, environment)
    except Stopped:
        _LOG.info("stopped before the first step: there is no model")
    except Exception as trouble:
        return _failed(container, trouble)
    return 0


def _train(container: Container, request: StopRequest, environment: MutableMapping[str, str]) -> None:
    asked = read_hyperparameters(raw_hyperparameters(environment, container.config))
    _LOG.info("asked for: %s", asked)
    request.unless_told()
    from reconciler.training.training import train

    train(container, asked, request, environment)


def _together(
    processes: Processes, container: Container, request: StopRequest, environment: MutableMapping[str, str]
) -> int:
    """The reason of the process that failed first is the log's last line here, too."""
    read_hyperparameters(
        raw_hyperparameters(environment, container.config)
    )  # a mistake there needs no processes to be told
    _LOG.info("%s processes on %s machine(s)", processes.total, len(processes.hosts))
    code = run_all(processes, request, environment)
    if code == 0:
        return 0
    write_failure(container.failure, f"a training process ended with exit code {code}; see the log")
    told = container.failure.read_text(encoding="utf-8")
    _LOG.error("%s", told)
    return exit_code_of(told)


def _failed(container: Container, trouble: Exception) -> int:
    """The reason is the log's last line as well: the trace goes before it, and is left out where it would tell nothing."""
    failure = failure_of(trouble)
    if failure.traced:
        traceback.print_exception(trouble, file=sys.stdout)
    _LOG.error("%s", failure.reason)
    write_failure(container.failure, failure.reason)
    return failure.exit_code
