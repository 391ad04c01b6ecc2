"""Where things are, what travels into the container, which processes are started, and whether a copy fits on each GPU."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.training.archive import PROGRAM, program_files
from reconciler.training.checkpoints import newest
from reconciler.training.container import Container, raw_hyperparameters, read_container
from reconciler.training.processes import Processes, to_start
from reconciler.training.sharding import Load, choose, fsdp_arguments

GIB = 2**30


def test_the_container_without_a_word() -> None:
    told = read_container({})
    assert (told.model, told.failure) == (Path("/opt/ml/model"), Path("/opt/ml/output/failure"))
    assert (told.checkpoints, told.output_data) == (Path("/opt/ml/checkpoints"), Path("/opt/ml/output/data"))


def test_another_base_folder(tmp_path: Path) -> None:
    (tmp_path / "input" / "data" / "training").mkdir(parents=True)
    config = tmp_path / "input" / "config"
    config.mkdir()
    (config / "resourceconfig.json").write_text(json.dumps({"hosts": ["algo-2", "algo-1"], "current_host": "algo-2"}))
    told = read_container({"SAGEMAKER_BASE_DIR": str(tmp_path)})
    assert told.channels == {"training": tmp_path / "input" / "data" / "training"}
    assert (told.hosts, told.current_host) == (("algo-1", "algo-2"), "algo-2")
    assert not told.keeps_checkpoints


def test_the_launchers_variables_win(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    told = read_container(
        {
            "SAGEMAKER_BASE_DIR": str(tmp_path),
            "SM_MODEL_DIR": "/m",
            "SM_OUTPUT_DIR": "/o",
            "SM_CHANNEL_VALIDATION": str(tmp_path / "elsewhere"),
            "SM_HOSTS": '["algo-1"]',
            "SM_CURRENT_HOST": "algo-1",
            "SM_NUM_GPUS": "4",
            "SM_NETWORK_INTERFACE_NAME": "eth0",
        }
    )
    assert (told.model, told.failure, told.gpus) == (Path("/m"), Path("/o/failure"), 4)
    assert told.channels == {"validation": tmp_path / "elsewhere"}
    assert (told.hosts, told.network_interface) == (("algo-1",), "eth0")


def test_hyperparameters_come_from_the_launcher_or_the_file(tmp_path: Path) -> None:
    (tmp_path / "hyperparameters.json").write_text('{"epochs": "2"}')
    assert raw_hyperparameters({}, tmp_path) == {"epochs": "2"}
    assert raw_hyperparameters({"SM_HPS": '{"epochs": 3}'}, tmp_path) == {"epochs": 3}
    assert raw_hyperparameters({}, tmp_path / "none") == {}


def test_the_archive_holds_the_program_alone() -> None:
    files = program_files()
    assert PROGRAM == "train.py"
    assert {"train.py", "reconciler/__init__.py", "reconciler/training/program.py"} <= files.keys()
    assert [*files] == sorted(files)
    assert all(
        name == PROGRAM or name == "reconciler/__init__.py" or name.startswith("reconciler/training/") for name in files
    )
    assert all(path.is_file() for path in files.values())


def container(**more: Any) -> Container:
    return dataclasses.replace(read_container({}), **more)


def test_one_process_for_one_gpu_or_none() -> None:
    assert to_start(container(), {}) is None
    assert to_start(container(gpus=1), {}) is None


def test_torchrun_for_several_gpus() -> None:
    processes = to_start(container(gpus=4), {})
    assert processes is not None
    assert processes.command()[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert {"--standalone", "--nproc-per-node", "4"} <= {*processes.command()}
    assert processes.variables() == {}


def test_torchrun_for_several_machines() -> None:
    hosts = ("algo-1", "algo-2")
    processes = to_start(container(gpus=8, hosts=hosts, current_host="algo-2", network_interface="eth0"), {})
    assert processes == Processes(per_host=8, hosts=hosts, current_host="algo-2", network_interface="eth0")
    command = " ".join(processes.command())
    assert "--nnodes 2 --node-rank 1 --master-addr algo-1 --master-port 7777" in command
    assert processes.variables() == {"NCCL_SOCKET_IFNAME": "eth0", "GLOO_SOCKET_IFNAME": "eth0"}


def test_a_process_of_several_starts_no_others() -> None:
    assert to_start(container(gpus=4), {"RANK": "0", "WORLD_SIZE": "4"}) is None


@pytest.mark.parametrize(
    ("load", "processes", "gpu_memory", "chosen"),
    [
        (Load(parameters=8_030_261_248, bytes_each=2, trains_all=True), 1, 80 * GIB, "none"),
        (Load(parameters=8_030_261_248, bytes_each=2, trains_all=True), 8, 80 * GIB, "fsdp"),
        (Load(parameters=8_030_261_248, bytes_each=2, trains_all=False), 8, 80 * GIB, "ddp"),
        (Load(parameters=8_030_261_248, bytes_each=2, trains_all=False), 4, 24 * GIB, "fsdp"),
        (Load(parameters=8_030_261_248, bytes_each=0.55, trains_all=False), 4, 24 * GIB, "ddp"),
        (Load(parameters=494_032_768, bytes_each=2, trains_all=True), 4, 24 * GIB, "ddp"),
        (Load(parameters=70_553_706_496, bytes_each=2, trains_all=False), 8, 80 * GIB, "fsdp"),
        (Load(parameters=8_030_261_248, bytes_each=4, trains_all=True), 2, None, "ddp"),
    ],
)
def test_data_parallel_or_sharded(load: Load, processes: int, gpu_memory: int | None, chosen: str) -> None:
    assert choose(load, processes=processes, gpu_memory=gpu_memory) == chosen


def test_fsdp_checkpoints_activations_itself() -> None:
    told = fsdp_arguments(checkpointing=True, by_name=False)
    assert (told["fsdp"], told["gradient_checkpointing"]) == (True, False)
    assert told["fsdp_config"]["activation_checkpointing"] is True
    assert fsdp_arguments(checkpointing=False, by_name=True)["fsdp"] == "full_shard auto_wrap"


def checkpoint(folder: Path, step: int, *, whole: bool = True) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    (path / "model.safetensors").write_bytes(b"x")
    if whole:
        (path / "trainer_state.json").write_text("{}")
    return path


def test_the_newest_whole_checkpoint(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    assert newest(tmp_path / "none") is None
    checkpoint(tmp_path, 9)
    tenth = checkpoint(tmp_path, 10)
    checkpoint(tmp_path, 11, whole=False)
    (tmp_path / "checkpoint-latest").mkdir()
    assert newest(tmp_path) == tenth
