"""One process for each GPU of each machine: started by PyTorch's torchrun, unless the container's launcher has done so already.

SageMaker's ``torch_distributed`` starts the program in every process, as torchrun does; then this finds itself to be one of them.
Otherwise each machine's program starts torchrun with itself, waits, and hands on what it is told: torchrun's own answer to SIGTERM is to
kill its processes after 30 seconds, which is not enough to write a large model.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.training.container import Container
from reconciler.training.stopping import FILE_VARIABLE, StopRequest

PER_HOST_VARIABLE = "RECONCILER_PROCESSES_PER_HOST"
"""On a machine without GPUs, where one process for all would otherwise do."""
PORT = 7777
"""Of the first machine, where the others find each other: the one that SageMaker's own launcher takes."""
LOOK_SECONDS = 0.2
UNHEARING = ("sh", "-c", 'trap "" TERM; exec "$@"', "sh")
"""A command that ignores SIGTERM. torchrun keeps it so; the program in its processes sets a handler of its own."""


@dataclass(frozen=True, kw_only=True)
class Processes:
    per_host: int
    hosts: tuple[str, ...]
    current_host: str
    network_interface: str | None = None

    @property
    def total(self) -> int:
        return self.per_host * len(self.hosts)

    def command(self) -> list[str]:
        """torchrun; it leaves SIGTERM to its processes."""
        program = ["--signals-to-handle", "SIGINT", "--nproc-per-node", str(self.per_host), "-m", "reconciler.training"]
        if len(self.hosts) == 1:
            return [sys.executable, "-m", "torch.distributed.run", "--standalone", *program]
        together = {
            "--nnodes": len(self.hosts),
            "--node-rank": self.hosts.index(self.current_host),
            "--master-addr": self.hosts[0],
            "--master-port": PORT,
        }
        placed = [text for name, value in together.items() for text in (name, str(value))]
        return [sys.executable, "-m", "torch.distributed.run", *placed, *program]

    def variables(self) -> dict[str, str]:
        """Over which network the machines talk."""
        if len(self.hosts) == 1 or self.network_interface is None:
            return {}
        return dict.fromkeys(("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"), self.network_interface)


def to_start(container: Container, environment: Mapping[str, str]) -> Processes | None:
    """``None`` where this process is one of several already, or the only one that is needed."""
    if is_worker(environment):
        return None
    processes = Processes(
        per_host=int(environment.get(PER_HOST_VARIABLE) or max(container.gpus, 1)),
        hosts=container.hosts,
        current_host=container.current_host,
        network_interface=container.network_interface,
    )
    return processes if processes.total > 1 else None


def is_worker(environment: Mapping[str, str]) -> bool:
    return "RANK" in environment and "WORLD_SIZE" in environment


def run_all(processes: Processes, request: StopRequest, environment: Mapping[str, str]) -> int:
    """torchrun's exit code: 0 where all of them ended with it."""
    with tempfile.TemporaryDirectory(prefix="reconciler-stop-") as folder:
        stop = Path(folder) / "stop"
        started = subprocess.Popen(
            [*UNHEARING, *processes.command()],
            env=_environment(processes, environment, stop),
        )
        while (code := _ended(started)) is None:
            if request and not stop.exists():
                stop.touch()
        return code


def _environment(processes: Processes, environment: Mapping[str, str], stop: Path) -> dict[str, str]:
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (package, environment.get("PYTHONPATH")) if part)
    return {**processes.variables(), **environment, "PYTHONPATH": path, FILE_VARIABLE: str(stop)}


def _ended(started: subprocess.Popen[bytes]) -> int | None:
    try:
        return started.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return None
