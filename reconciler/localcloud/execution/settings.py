"""How this machine executes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

NEEDED = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
"""The extra [train]."""

SERVER = (sys.executable, "-m", "reconciler.serving", "serve")


@dataclass(kw_only=True)
class ExecutionSettings:
    """folder: of what is being worked on; whatever is in it can be made again.
    threads: of computation, of each process. Two that spin for each other are many times slower than one on a busy machine.
    jobs: trainings at a time; the others wait.
    endpoint_url: where the processes reach the embedded cloud; known once it listens.
    server: the command that serves a model, as an inference container's is: it finds all else in its environment.
    """

    folder: Path
    threads: int = 1
    jobs: int = 1
    endpoint_url: str | None = None
    server: tuple[str, ...] = SERVER


def can_execute() -> bool:
    """Whether what trainings and model servers import is installed. Nothing of it is imported."""
    return all(find_spec(name) is not None for name in NEEDED)
