"""A real apply is killed (SIGKILL) while it changes a real embedded cloud; the next apply ends in the very same cloud.

Judged by the cloud's contents and its request log. Every point has a project and a cloud of its own; they run side by side,
since most of the time goes by waiting for the dead one's lock.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.localcloud import control

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
ORDERS = ("CreateTrainingJob", "CreateModelCustomizationJob")
POINTS = (1, 2, 4)
"""After how many calls that change SageMaker or Bedrock; the apply makes six."""
PATIENCE = 90.0


@dataclass(frozen=True)
class Project:
    """A copy of the quickstart beside a served cloud."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / ".reconciler" / "local"

    def apply(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "reconciler", "-C", str(self.folder)]
        arguments = ["apply", "--auto-approve", "--lock-timeout", "60s"]
        pipe = subprocess.PIPE
        return subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)

    def changing_calls(self) -> list[dict[str, Any]]:
        logged = control.requests(self.state, changes=True)
        return [entry for entry in logged if entry["service"] in ("sagemaker", "bedrock")]

    def contents(self) -> dict[str, Any]:
        sagemaker, bedrock = self._client("sagemaker"), self._client("bedrock")
        endpoint = sagemaker.describe_endpoint(EndpointName="support-bot")
        deployed = bedrock.list_custom_model_deployments()["modelDeploymentSummaries"]
        return {
            "training jobs": _named(sagemaker.list_training_jobs()["TrainingJobSummaries"], "TrainingJob"),
            "models": [model["ModelName"] for model in sagemaker.list_models()["Models"]],
            "endpoint configs": [c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]],
            "endpoint": (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]),
            "jobs": [j["jobName"] for j in bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"]],
            "custom models": [model["modelName"] for model in bedrock.list_custom_models()["modelSummaries"]],
            "deployments": [(d["customModelDeploymentName"], d["status"]) for d in deployed],
        }

    def _client(self, service: str) -> Any:
        running = control.status(self.state)
        assert running is not None
        client: Any = boto3.client
        return client(
            service,
            endpoint_url=running.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="dummy",
            aws_secret_access_key="dummy",
        )


def _named(jobs: list[dict[str, Any]], kind: str) -> dict[str, str]:
    return {job[f"{kind}Name"]: job[f"{kind}Status"] for job in jobs}


@contextmanager
def project(folder: Path) -> Iterator[Project]:
    shutil.copytree(QUICKSTART, folder, ignore=shutil.ignore_patterns(".reconciler"))
    made = Project(folder)
    control.up(made.state)
    try:
        yield made
    finally:
        control.down(made.state)


def kill_after(calls: int, running: Project) -> int:
    """Kill the apply once that many calls were answered; returns how it ended."""
    process = running.apply()
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and len(running.changing_calls()) < calls:
        assert time.monotonic() < deadline, f"no {calls} calls in {PATIENCE} seconds"
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=PATIENCE)
    return process.returncode


def finish(running: Project) -> tuple[dict[str, Any], Counter[str]]:
    """The contents once an apply has run to its end, and how often each training was begun."""
    process = running.apply()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out + err
    assert "Traceback" not in err
    begun = Counter(f"{e['operation']} {e['name']}" for e in running.changing_calls() if e["operation"] in ORDERS)
    return running.contents(), begun


def killed_and_finished(folder: Path, calls: int) -> tuple[dict[str, Any], Counter[str]]:
    with project(folder) as running:
        assert kill_after(calls, running) == -signal.SIGKILL, f"it had ended before call {calls}"
        return finish(running)


def undisturbed(folder: Path) -> tuple[dict[str, Any], Counter[str]]:
    with project(folder) as running:
        return finish(running)


@pytest.mark.slow
def test_killed_at_several_points_the_next_apply_ends_in_the_same_cloud(tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=1 + len(POINTS)) as pool:
        expected = pool.submit(undisturbed, tmp_path / "undisturbed")
        ended = {calls: pool.submit(killed_and_finished, tmp_path / str(calls), calls) for calls in POINTS}
    contents, begun = expected.result()
    assert contents["endpoint"][0] == "InService"
    assert sorted(begun.values()) == [1, 1]
    for calls, found in ended.items():
        assert found.result() == (contents, begun), f"killed after call {calls}"
