"""Where the container contract says that things are: the model's folder, the port, the compute threads."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BASE_DIR = "/opt/ml"
PORT = 8080


@dataclass(frozen=True)
class ServerSettings:
    """``name``: what answers call the model. ``threads``: of computation; requests are accepted besides."""

    model_dir: Path
    host: str
    port: int
    name: str
    threads: int


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> ServerSettings:
    """Arguments win over the environment.

    | Setting | Environment | Else |
    |---|---|---|
    | model folder | ``SM_MODEL_DIR``, ``$SAGEMAKER_BASE_DIR/model`` | ``/opt/ml/model`` |
    | port | ``SAGEMAKER_BIND_TO_PORT`` | 8080 |
    | threads | ``OMP_NUM_THREADS`` | 1: two that spin for each other are slower than one on a busy machine |
    """
    base = environment.get("SAGEMAKER_BASE_DIR", BASE_DIR)
    parser = argparse.ArgumentParser(prog="python -m reconciler.serving", description="Serve a fine-tuned model.")
    parser.add_argument("command", nargs="?", choices=["serve"], help="what SageMaker starts a container with")
    parser.add_argument("--model", default=environment.get("SM_MODEL_DIR", f"{base}/model"), help="the model's folder")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 inside a container of its own")
    parser.add_argument("--port", type=int, default=environment.get("SAGEMAKER_BIND_TO_PORT", PORT))
    parser.add_argument("--name", default="model", help="what answers call the model")
    parser.add_argument("--threads", type=int, default=environment.get("OMP_NUM_THREADS", 1))
    given = parser.parse_args(arguments)
    return ServerSettings(Path(given.model), given.host, given.port, given.name, max(given.threads, 1))
