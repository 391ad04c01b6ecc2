"""Where the container contract says that things are, and what machine this is.

"How Amazon SageMaker AI Provides Training Information", SageMaker developer guide; ``SM_*`` are those of AWS's own launcher
(https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASE_DIR = "/opt/ml"
CHANNELS = ("training", "validation", "model")


@dataclass(frozen=True, kw_only=True)
class Container:
    """``channels``: those that are there. ``gpus``: of one machine. ``hosts``: of all machines, in one order everywhere."""

    model: Path
    output: Path
    output_data: Path
    checkpoints: Path
    config: Path
    channels: Mapping[str, Path]
    hosts: tuple[str, ...] = ("localhost",)
    current_host: str = "localhost"
    gpus: int = 0
    network_interface: str | None = None
    job: str | None = None

    @property
    def failure(self) -> Path:
        return self.output / "failure"

    @property
    def keeps_checkpoints(self) -> bool:
        """SageMaker makes the folder where the job's CheckpointConfig says that it is kept."""
        return self.checkpoints.is_dir()


def read_container(environment: Mapping[str, str]) -> Container:
    """``SM_*`` win; without them, the files and folders below ``$SAGEMAKER_BASE_DIR``, which is ``/opt/ml`` by default."""
    base = Path(environment.get("SAGEMAKER_BASE_DIR", BASE_DIR))
    config = Path(environment.get("SM_INPUT_CONFIG_DIR", base / "input" / "config"))
    output = Path(environment.get("SM_OUTPUT_DIR", base / "output"))
    resources = _file(config / "resourceconfig.json")
    return Container(
        model=Path(environment.get("SM_MODEL_DIR", base / "model")),
        output=output,
        output_data=Path(environment.get("SM_OUTPUT_DATA_DIR", output / "data")),
        checkpoints=base / "checkpoints",
        config=config,
        channels=_channels(environment, base / "input" / "data"),
        hosts=_hosts(environment, resources),
        current_host=environment.get("SM_CURRENT_HOST") or str(resources.get("current_host", "localhost")),
        gpus=int(environment.get("SM_NUM_GPUS") or 0),
        network_interface=environment.get("SM_NETWORK_INTERFACE_NAME") or resources.get("network_interface_name"),
        job=environment.get("TRAINING_JOB_NAME"),
    )


def raw_hyperparameters(environment: Mapping[str, str], config: Path) -> Mapping[str, Any]:
    """As the launcher read them, else as the request has them. Never the command line: there the launcher flattens structures."""
    told = environment.get("SM_HPS")
    return json.loads(told) if told else _file(config / "hyperparameters.json")


def _channels(environment: Mapping[str, str], data: Path) -> Mapping[str, Path]:
    named = {name: Path(environment.get(f"SM_CHANNEL_{name.upper()}", data / name)) for name in CHANNELS}
    return {name: path for name, path in named.items() if path.is_dir()}


def _hosts(environment: Mapping[str, str], resources: Mapping[str, Any]) -> tuple[str, ...]:
    told = environment.get("SM_HOSTS")
    hosts: Sequence[str] = json.loads(told) if told else resources.get("hosts", ())
    return tuple(sorted(hosts)) or ("localhost",)


def _file(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
