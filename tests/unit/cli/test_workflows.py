"""The workflows of a new project: right by the published schemas, and their steps do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from reconciler.cli.scaffold import Choices, project_files
from reconciler.localcloud import control
from reconciler.reports.scaffold import PIPELINES

SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}
ROOT = Path(__file__).parents[3]
GH = """#!/bin/sh
echo "$*" >> "$GH_CALLS"
if [ "$1 $2" = "issue list" ]; then cat "$GH_ISSUE"; fi
"""


@pytest.mark.parametrize("cloud", ["local", "aws"])
@pytest.mark.parametrize("system", sorted(SCHEMAS))
def test_the_published_schema_takes_it(system: str, cloud: str, tmp_path: Path) -> None:
    if find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema, which carries the schemas, is not installed")
    written = project_files(Choices(name="shop", cloud=cloud, pipelines=(system,)))
    for number, path in enumerate(PIPELINES[system]):
        (tmp_path / f"{number}.yml").write_text(written[path])
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[system], *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_apply_takes_the_role_that_changes() -> None:
    files = project_files(Choices(name="shop", cloud="aws", pipelines=("github",)))
    jobs = {
        (Path(path).stem, name): yaml.safe_load(files[path])["jobs"][name]
        for path in PIPELINES["github"]
        for name in yaml.safe_load(files[path])["jobs"]
    }
    roles = {
        where: step["with"]["role-to-assume"]
        for where, job in jobs.items()
        for step in job["steps"]
        if "role-to-assume" in step.get("with", {})
    }
    assert {where for where, role in roles.items() if "RECONCILER_APPLY_ROLE" in role} == {
        ("reconciler-apply", "apply")
    }
    assert {where for where, role in roles.items() if "RECONCILER_PLAN_ROLE" in role} == {*jobs} - {
        ("reconciler-apply", "apply")
    }
    assert jobs["reconciler-apply", "apply"]["environment"] == "production"


class Runner:
    """Runs the `run` steps of a job, in a new project with its own embedded cloud, which outlives the job."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder / "shop", folder
        for path, text in project_files(Choices(name="shop", pipelines=("github",))).items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        programs = folder / "bin"
        programs.mkdir()
        for name, text in {"reconciler": f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n', "gh": GH}.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.summary, self.calls, self.issue = folder / "summary", folder / "calls", folder / "issue"
        self.issue.write_text("")
        self.environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "CI": "true",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GH_CALLS": str(self.calls),
            "GH_ISSUE": str(self.issue),
        }

    def job(self, workflow: str, name: str) -> dict[str, str]:
        """Outputs of the steps. Fails the test where a step fails."""
        text = (self.folder / ".github" / "workflows" / f"reconciler-{workflow}.yml").read_text()
        steps: list[dict[str, Any]] = yaml.safe_load(text)["jobs"][name]["steps"]
        outputs: dict[str, str] = {}
        for step in steps:
            if "run" in step and not step["run"].startswith("pip install"):
                outputs |= self._step(step, outputs)
        return outputs

    def _step(self, step: dict[str, Any], outputs: dict[str, str]) -> dict[str, str]:
        written = self.home / "output"
        written.write_text("")
        given = {"GITHUB_OUTPUT": str(written), "CODE": outputs.get("code", "")}
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=self.folder,
            env=self.environment | given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{step}:\n{done.stdout}\n{done.stderr}"
        return dict(line.split("=", 1) for line in written.read_text().splitlines())

    def gh(self) -> list[str]:
        """What was asked of GitHub since the last time."""
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.write_text("")
        return [call for call in calls if not call.startswith("issue list")]


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    made = Runner(tmp_path)
    state = made.folder / ".reconciler" / "local"
    control.up(state, speed=0)
    yield made
    control.down(state)


@pytest.mark.slow
def test_a_change_is_planned_applied_and_watched(runner: Runner) -> None:
    model = runner.folder / "models" / "order-helper.yaml"
    model.write_text(model.read_text().replace("state: undeployed", "state: deployed\n    instanceType: ml.g5.xlarge"))
    runner.job("plan", "plan")
    assert "train" in runner.summary.read_text()
    assert runner.summary.read_text().count("<pre>") == 1
    assert runner.job("apply", "plan") == {"code": "2"}
    runner.job("apply", "apply")
    assert runner.job("apply", "plan") == {"code": "0"}

    runner.job("drift", "drift")
    assert runner.gh() == []
    somebody_deletes_the_endpoint(runner.folder / ".reconciler" / "local")
    runner.job("drift", "drift")
    labelled, created = runner.gh()
    assert labelled == "label create reconciler-drift --force"
    assert created.startswith("issue create --title The cloud has drifted")
    assert "order-helper" in (runner.folder / "drift.md").read_text()
    runner.issue.write_text("7\n")
    runner.job("drift", "drift")
    assert runner.gh() == ["issue edit 7 --body-file drift.md"]
    runner.job("apply", "plan")
    runner.job("apply", "apply")
    runner.job("drift", "drift")
    assert [call.partition(" --comment")[0] for call in runner.gh()] == ["issue close 7"]


def somebody_deletes_the_endpoint(state: Path) -> None:
    status = control.status(state)
    assert status is not None
    keys = {"aws_access_key_id": "somebody", "aws_secret_access_key": "else", "region_name": "us-east-1"}
    client: Any = boto3.Session(**keys).client("sagemaker", endpoint_url=status.endpoint_url)  # type: ignore[arg-type]
    client.delete_endpoint(EndpointName="order-helper")
    control.advance(state, 600)
