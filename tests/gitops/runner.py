"""A runner of GitHub workflows, for one repository, on this machine.

``run:`` steps are run, in the shells and with the variables that GitHub gives them. ``uses:`` steps are replaced by what STAND_INS say;
the reconciler's own action is run step by step. ``pip`` is a program that only writes down what it was asked: the program that is
tested is installed already. The workspace outlives a job, as that of a self-hosted runner does, and with it the embedded cloud.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.forges.github_api import GitHubApi, Token
from tests.gitops.expressions import holds, interpolated
from tests.gitops.log import Command, commands

ROOT = Path(__file__).parents[2]
ACTION = "acme/reconciler@v1"
"""What workflows call our own action here."""
_SHELLS = {
    None: ["bash", "-e"],
    "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
}
"""docs.github.com, "Workflow syntax": ``jobs.<job_id>.steps[*].shell``."""


@dataclass
class Job:
    """How one job ended. ``conclusion``: ``success``, ``failure``, ``skipped``."""

    name: str
    conclusion: str = "success"
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    """Of the step ``run``."""
    annotations: list[Command] = field(default_factory=list)
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Actions that were stood in for, and what they were given."""
    pip: list[str] = field(default_factory=list)
    artifacts: dict[str, Path] = field(default_factory=dict)


@dataclass
class _Scope:
    """What steps of a workflow, or of an action, see."""

    inputs: Mapping[str, Any]
    environment: Mapping[str, str]
    action: Path | None = None
    steps: dict[str, Any] = field(default_factory=dict)
    failed: bool = False

    def contexts(self, github: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
        return {"github": github, "inputs": self.inputs, "steps": self.steps, "vars": variables, "env": {}}


class Runner:
    """``home``: for what is not in the workspace. ``workspace``: a clone of the repository."""

    def __init__(self, home: Path, workspace: Path, api: GitHubApi) -> None:
        self.home, self.workspace, self.api = home, workspace, api
        self.variables = {"RECONCILER_PLAN_ROLE": "arn:plan", "RECONCILER_APPLY_ROLE": "arn:apply"}
        self._asked = home / "pip.log"
        self._programs = stand_in_programs(home / "bin", self._asked)
        self._runs = iter(range(1, 1000))

    def run(self, path: Path, event: str, payload: Mapping[str, Any], ref: str, sha: str) -> Iterator[Job]:
        """The jobs of the workflow in ``path``, one after the other."""
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        token = f"ghs_{next(self._runs)}"
        granted = {name.replace("-", "_"): access for name, access in workflow["permissions"].items()}
        self.api.tokens[token] = Token(grants=granted)
        github = {
            "event": payload,
            "event_name": event,
            "ref": ref,
            "sha": sha,
            "repository": self.api.repository,
            "token": token,
        }
        for name, job in workflow["jobs"].items():
            yield self._job(name, job, github)

    def _job(self, name: str, job: Mapping[str, Any], github: Mapping[str, Any]) -> Job:
        done = Job(name)
        self._asked.write_text("")
        scope = _Scope(github["event"].get("inputs", {}), {})
        if "if" in job and not self._holds(job["if"], scope, github):
            done.conclusion = "skipped"
            return done
        self._steps(job["steps"], scope, github, done)
        done.conclusion = "failure" if scope.failed else "success"
        done.pip = self._asked.read_text().splitlines()
        done.annotations = list(commands(done.log))
        return done

    def _steps(self, steps: list[dict[str, Any]], scope: _Scope, github: Mapping[str, Any], done: Job) -> None:
        for step in steps:
            if self._holds(step.get("if", "success()"), scope, github):
                outputs, failed = self._step(step, scope, github, done)
                scope.failed = scope.failed or failed
                if "id" in step:
                    scope.steps[step["id"]] = {"outputs": outputs}

    def _holds(self, condition: object, scope: _Scope, github: Mapping[str, Any]) -> bool:
        functions: dict[str, Callable[[], bool]] = {
            "always": lambda: True,
            "success": lambda: not scope.failed,
            "failure": lambda: scope.failed,
            "cancelled": lambda: False,
        }
        return holds(condition, scope.contexts(github, self.variables), functions)

    def _step(
        self, step: dict[str, Any], scope: _Scope, github: Mapping[str, Any], done: Job
    ) -> tuple[dict[str, str], bool]:
        contexts = scope.contexts(github, self.variables)
        filled = {
            key: {name: interpolated(str(value), contexts) for name, value in step.get(key, {}).items()}
            for key in ("with", "env")
        }
        if step.get("uses") == ACTION:
            return self._own_action(filled["with"], github, done)
        if "uses" in step:
            done.used.append((step["uses"], filled["with"]))
            STAND_INS[step["uses"].partition("@")[0]](self, filled["with"], github, done)
            return {}, False
        assert "${{" not in step["run"], "an expression in a script is an injection"
        folder = interpolated(step.get("working-directory", "."), contexts)
        return self._script(step, folder, scope, filled["env"], github, done)

    def _own_action(
        self, given: Mapping[str, str], github: Mapping[str, Any], done: Job
    ) -> tuple[dict[str, str], bool]:
        action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
        assert set(given) <= set(action["inputs"]), "an input that the action does not have"
        defaults = {
            name: interpolated(str(each.get("default", "")), {"github": github})
            for name, each in action["inputs"].items()
        }
        scope = _Scope({**defaults, **given}, {}, action=ROOT)
        self._steps(action["runs"]["steps"], scope, github, done)
        outputs = {
            name: interpolated(each["value"], scope.contexts(github, self.variables))
            for name, each in action["outputs"].items()
        }
        return outputs, scope.failed

    def _script(
        self,
        step: Mapping[str, Any],
        folder: str,
        scope: _Scope,
        given: Mapping[str, str],
        github: Mapping[str, Any],
        done: Job,
    ) -> tuple[dict[str, str], bool]:
        files = {name: self.home / name for name in ("script.sh", "event.json", "output", "summary")}
        files["script.sh"].write_text(step["run"], encoding="utf-8")
        files["event.json"].write_text(json.dumps(github["event"]))
        files["output"].write_text("")
        files["summary"].write_text("")
        environment = {**self._environment(github, scope, files), **given}
        ended = subprocess.run(
            [*_SHELLS[step.get("shell")], str(files["script.sh"])],
            cwd=self.workspace / folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )
        done.log += ended.stdout
        done.summary += files["summary"].read_text(encoding="utf-8")
        assert len(files["summary"].read_bytes()) <= 1024 * 1024, "GitHub would drop this summary"
        outputs = dict(line.split("=", 1) for line in files["output"].read_text().splitlines())
        if step.get("id") == "run":
            done.outputs = outputs
        return outputs, ended.returncode != 0

    def _environment(self, github: Mapping[str, Any], scope: _Scope, files: Mapping[str, Path]) -> dict[str, str]:
        """What GitHub gives every step, and the way to the programs; nothing of this machine's own pipeline."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GITHUB_", "CI", "GITLAB", "RECONCILER_", "AWS_", "GIT_"))
        }
        own = {"GITHUB_ACTION_PATH": str(scope.action)} if scope.action else {}
        return {
            **kept,
            **own,
            "PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "AWS_EC2_METADATA_DISABLED": "true",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.api.url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": github["repository"],
            "GITHUB_EVENT_NAME": github["event_name"],
            "GITHUB_EVENT_PATH": str(files["event.json"]),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "GITHUB_REF": github["ref"],
            "GITHUB_SHA": github["sha"],
            "GITHUB_RUN_ID": "7",
            "GITHUB_ACTOR": "ana",
            "GITHUB_WORKSPACE": str(self.workspace),
        }


def _checkout(runner: Runner, _given: Mapping[str, str], github: Mapping[str, Any], _done: Job) -> None:
    """The commit of the event; what git ignores stays."""
    git(runner.workspace, "fetch", "--quiet", "origin", "+refs/*:refs/remotes/origin/*")
    git(runner.workspace, "checkout", "--quiet", "--force", "--detach", github["sha"])


def _upload(runner: Runner, given: Mapping[str, str], _github: Mapping[str, Any], done: Job) -> None:
    kept = runner.home / "artifacts" / given["name"]
    kept.parent.mkdir(exist_ok=True)
    shutil.copy(given["path"], kept)
    done.artifacts[given["name"]] = kept


def _nothing(_runner: Runner, _given: Mapping[str, str], _github: Mapping[str, Any], _done: Job) -> None:
    """What it would set up is there: Python, and a cloud that asks for no role."""


STAND_INS: Mapping[str, Callable[[Runner, Mapping[str, str], Mapping[str, Any], Job], None]] = {
    "actions/checkout": _checkout,
    "actions/setup-python": _nothing,
    "aws-actions/configure-aws-credentials": _nothing,
    "actions/upload-artifact": _upload,
}


def git(folder: Path, *arguments: str) -> str:
    """What it prints; by nobody of this machine."""
    identity = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in {"NAME": "ana", "EMAIL": "ana@example.com", "DATE": "2026-11-25T09:00:00Z"}.items()
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def stand_in_programs(folder: Path, asked: Path) -> Path:
    """``reconciler`` of this tree, and a ``pip`` that writes down what it is asked."""
    folder.mkdir(parents=True)
    texts = {
        "reconciler": f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n',
        "pip": f'#!/bin/sh\necho "$*" >> "{asked}"\n',
        "python": (
            f'#!/bin/sh\nif [ "$1 $2" = "-m pip" ]; then shift 2; echo "$*" >> "{asked}"; '
            f'else exec "{sys.executable}" "$@"; fi\n'
        ),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder
