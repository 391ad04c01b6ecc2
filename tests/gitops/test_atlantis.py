"""The steps of a new project's ``atlantis.yaml``, as Atlantis runs them: ``sh -c``, with ``PLANFILE`` naming the plan that it keeps."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from reconciler.cli.scaffold import Choices, project_files
from reconciler.localcloud import control
from tests.gitops.runner import ROOT, stand_in_programs

pytestmark = pytest.mark.slow


class Atlantis:
    def __init__(self, home: Path) -> None:
        self.folder = home / "shop"
        for path, text in project_files(Choices(name="shop", pipelines=("atlantis",))).items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text, encoding="utf-8")
        programs = stand_in_programs(home / "bin", home / "pip.log")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = {
            **kept,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PLANFILE": str(home / "shop-default.tfplan"),
        }

    def run(self, stage: str) -> tuple[int, str]:
        """Until a step fails."""
        workflow = yaml.safe_load((self.folder / "atlantis.yaml").read_text(encoding="utf-8"))["workflows"][
            "reconciler"
        ]
        told = ""
        for step in workflow[stage]["steps"]:
            done = subprocess.run(
                ["sh", "-c", step["run"]],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=240,
            )
            told += done.stdout
            if done.returncode:
                return done.returncode, told
        return 0, told


@pytest.fixture
def atlantis(tmp_path: Path) -> Iterator[Atlantis]:
    made = Atlantis(tmp_path)
    control.up(made.folder / ".reconciler" / "local", speed=0)
    yield made
    control.down(made.folder / ".reconciler" / "local")


def test_the_plan_that_was_kept_is_applied_and_none_that_no_longer_holds(atlantis: Atlantis) -> None:
    code, told = atlantis.run("plan")
    assert (code, "Plan: 1 to train" in told) == (0, True), told
    model = atlantis.folder / "models" / "order-helper.yaml"
    text = model.read_text()
    model.write_text(text.replace("epochs: 3", "epochs: 2"))
    code, told = atlantis.run("apply")
    assert (code, "the manifests were changed" in told) == (1, True), told
    model.write_text(text)
    code, told = atlantis.run("apply")
    assert (code, "Apply complete! 1 trained" in told) == (0, True), told
    model.write_text(text.replace("epochs: 3", "epochs: three"))
    assert atlantis.run("plan")[0] == 1
