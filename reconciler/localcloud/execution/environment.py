"""The environment of a training program, as AWS's training toolkit sets it (`Environment.to_env_vars` of sagemaker-training 5.1)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.localcloud.execution.container import (
    GROUP,
    HOST,
    Container,
    decoded,
    hyperparameters,
    input_data_config,
    resource_config,
)
from reconciler.localcloud.resource import Resource

KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "CUDA_HOME",
    "CUDA_VISIBLE_DEVICES",
)
"""All that a process gets of this machine's environment: nobody's keys and tokens."""
RESERVED = "sagemaker_"
TUNING = "_tuning_objective_metric"
LOG_LEVEL = 20
NOWHERE = "http://127.0.0.1:9"
"""The port of the discard service: nobody listens there."""


def of_training(job: Resource, container: Container, *, threads: int, endpoint_url: str | None) -> dict[str, str]:
    """Everything that the training program finds in its environment."""
    return {
        **of_any_process(threads=threads, endpoint_url=endpoint_url, region=job.region, cache=container.base / "cache"),
        **sagemaker_variables(job, container),
        "SAGEMAKER_BASE_DIR": str(container.base),
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
        **(job.spec.get("Environment") or {}),
    }


def of_any_process(*, threads: int, endpoint_url: str | None, region: str, cache: Path) -> dict[str, str]:
    """Few threads that do not spin, nothing from the network, and AWS is the embedded cloud or nowhere."""
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(cache),
        "AWS_ENDPOINT_URL": endpoint_url or NOWHERE,
        "AWS_ACCESS_KEY_ID": "embedded",
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def sagemaker_variables(job: Resource, container: Container) -> dict[str, str]:
    """`SM_*`: JSON with sorted keys, strings bare."""
    sent = decoded(hyperparameters(job))
    own = {name: value for name, value in sent.items() if not name.startswith(RESERVED) and name != TUNING}
    resources, channels = resource_config(job), input_data_config(job)
    program = str(sent.get("sagemaker_program", ""))
    variables: dict[str, Any] = {
        "hosts": resources["hosts"],
        "network_interface_name": resources["network_interface_name"],
        "hps": own,
        "user_entry_point": program,
        "framework_params": {k: v for k, v in sent.items() if k.startswith(RESERVED) and k not in _READ_BY_THE_TOOLKIT},
        "resource_config": resources,
        "input_data_config": channels,
        "output_data_dir": str(container.output_data),
        "channels": sorted(channels),
        "current_host": HOST,
        "current_instance_type": resources["current_instance_type"],
        "current_instance_group": GROUP,
        "current_instance_group_hosts": [HOST],
        "instance_groups": [GROUP],
        "module_name": program.removesuffix(".py"),
        "module_dir": str(sent.get("sagemaker_submit_directory", container.code)),
        "log_level": sent.get("sagemaker_container_log_level", LOG_LEVEL),
        "input_dir": str(container.base / "input"),
        "input_config_dir": str(container.config),
        "output_dir": str(container.base / "output"),
        "output_intermediate_dir": str(container.base / "output" / "intermediate"),
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": gpus(),
        "num_neurons": 0,
        "model_dir": str(container.model),
        **{f"channel_{name}": str(container.channel(name)) for name in channels},
        **{f"hp_{name}": value for name, value in own.items()},
    }
    return {f"SM_{name.upper()}": _written(value) for name, value in variables.items()}


@cache
def gpus() -> int:
    """How many NVIDIA GPUs this machine shows, as the toolkit counts them: lines of `nvidia-smi --list-gpus`."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    listed = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, check=False, timeout=30)
    return listed.stdout.count("UUID") if listed.returncode == 0 else 0


def _written(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


_READ_BY_THE_TOOLKIT = frozenset(
    {
        "sagemaker_program",
        "sagemaker_submit_directory",
        "sagemaker_container_log_level",
        "sagemaker_job_name",
        "sagemaker_region",
        "sagemaker_s3_output",
        "sagemaker_enable_cloudwatch_metrics",
    }
)
"""Hyperparameters that are the launcher's own and no parameters of a framework."""
