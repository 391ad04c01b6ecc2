"""pre-commit with our hooks, and with those of a new project. Nothing is installed: the hooks run the program that is tested."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / ".pre-commit-hooks.yaml"

pytestmark = [pytest.mark.slow, pytest.mark.clients]


class Repository:
    """A project in git, with `reconciler` on its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shop"
        programs = folder / "bin"
        programs.mkdir()
        (programs / "reconciler").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
        (programs / "reconciler").chmod(0o755)
        identity = {
            f"GIT_{role}_{what}": "x@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
            **identity,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PRE_COMMIT_HOME": str(folder / "pre-commit"),
            "HOME": str(folder),
        }
        self.run("reconciler", "init", "shop", "--pre-commit", at=folder)
        self.run("git", "init", "-q")
        self.run("git", "add", "-A")

    def run(self, *command: str, at: Path | None = None, code: int = 0) -> str:
        done = subprocess.run(
            command,
            cwd=at or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, f"{command}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def pre_commit(self, *arguments: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "pre_commit", *arguments, code=code)

    def spoil(self, old: str, new: str) -> None:
        path = self.folder / "models" / "order-helper.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        self.run("git", "add", "-A")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def ours(tmp_path: Path, repository: Repository) -> Path:
    """A repository with our hooks, which run what is on the path in place of an installation of their own."""
    made = tmp_path / "hooks"
    made.mkdir()
    (made / HOOKS.name).write_text(HOOKS.read_text().replace("language: python", "language: system"))
    repository.run("git", "init", "-q", at=made)
    repository.run("git", "add", "-A", at=made)
    repository.run("git", "commit", "-q", "-m", "hooks", at=made)
    return made


def test_the_hooks_of_this_repository(repository: Repository, ours: Path) -> None:
    told = repository.pre_commit("try-repo", str(ours), "--all-files")
    assert told.count("Passed") == 2
    repository.spoil("epochs: 3", "epochs:    3   # a comment")
    told = repository.pre_commit("try-repo", str(ours), "--all-files", code=1)
    assert "files were modified by this hook" in told
    text = (repository.folder / "models" / "order-helper.yaml").read_text()
    assert re.search(r"^    epochs: 3 +# a comment$", text, re.MULTILINE)
    repository.run("git", "add", "-A")
    repository.spoil("epochs: 3", "epochz: 3")
    told = repository.pre_commit("try-repo", str(ours), "--all-files", code=1)
    assert "did you mean `epochs`?" in told


def test_the_hooks_of_a_new_project(repository: Repository) -> None:
    assert repository.pre_commit("run", "--all-files").count("Passed") == 2
    repository.spoil("epochs: 3", "epochz: 3")
    assert "did you mean `epochs`?" in repository.pre_commit("run", "--all-files", code=1)


def test_manifests_are_formatted_wherever_they_lie_and_other_yaml_is_not(repository: Repository, ours: Path) -> None:
    manifest, other = repository.folder / "policies.yaml", repository.folder / "compose.yaml"
    manifest.write_text(
        "apiVersion: reconciler/v1\nkind:   Dataset\nmetadata: {name: a}\nspec: {source: data/train.csv}\n"
    )
    other.write_text("services:   {}\n")
    repository.run("git", "add", "-A")
    for arguments in (("try-repo", str(ours), "reconciler-fmt"), ("run", "reconciler-fmt")):
        manifest.write_text(manifest.read_text().replace("kind: ", "kind:    "))
        repository.run("git", "add", "-A")
        assert "files were modified" in repository.pre_commit(*arguments, "--all-files", code=1)
        assert "kind: Dataset" in manifest.read_text()
    assert other.read_text() == "services:   {}\n"


def test_every_hook_is_a_command() -> None:
    hooks = {hook["id"]: hook["entry"] for hook in yaml.safe_load(HOOKS.read_text())}
    assert hooks == {"reconciler-fmt": "reconciler fmt --skip-others", "reconciler-validate": "reconciler validate"}
