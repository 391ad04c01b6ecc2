"""The jobs of a new project's ``.gitlab-ci.yml``: their scripts are run against the embedded cloud and a stand-in for GitLab's API."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli.scaffold import Choices, project_files
from reconciler.localcloud import control
from tests.forges.gitlab_api import GitLabApi
from tests.gitops.runner import ROOT, stand_in_programs
from tests.unit.cli.test_formats import delete_endpoint

pytestmark = pytest.mark.slow

HEAD, MERGED = "a" * 40, "b" * 40
MODEL = "models/order-helper.yaml"
MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "1", "CI_COMMIT_SHA": HEAD}
ON_MAIN = {"CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": MERGED}


@dataclass(frozen=True)
class Ended:
    code: int
    log: str


@dataclass(frozen=True)
class Pipelines:
    """Runs the jobs whose rules fit, in one folder, as a runner does that keeps its workspace."""

    folder: Path
    programs: Path
    api: GitLabApi

    def run(self, variables: Mapping[str, str]) -> dict[str, Ended]:
        written = yaml.safe_load((self.folder / ".gitlab-ci.yml").read_text(encoding="utf-8"))
        usual = {name: each["value"] for name, each in written["variables"].items()}
        given = {**usual, "CI_DEFAULT_BRANCH": "main", **variables}
        jobs = {stage: written[stage] for stage in written["stages"]}
        before = written["default"]["before_script"]
        return {name: self._script([*before, *job["script"]], given) for name, job in jobs.items() if _fits(job, given)}

    def _script(self, lines: list[str], variables: Mapping[str, str]) -> Ended:
        kept = {key: os.environ[key] for key in ("HOME", "LANG", "TMPDIR") if key in os.environ}
        environment = {
            **kept,
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "AWS_EC2_METADATA_DISABLED": "true",
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_API_V4_URL": self.api.url,
            "CI_PROJECT_ID": "7",
            "CI_JOB_URL": "https://gitlab.example/acme/llms/-/jobs/9",
            "RECONCILER_GITLAB_TOKEN": self.api.token,
            **variables,
        }
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )
        return Ended(done.returncode, done.stdout)


def _fits(job: Mapping[str, Any], variables: Mapping[str, str]) -> bool:
    return any(all(_holds(part, variables) for part in rule["if"].split(" && ")) for rule in job["rules"])


def _holds(condition: str, variables: Mapping[str, str]) -> bool:
    """``$A == "text"``, ``$A != "text"``, ``$A == $B``: what our rules use."""
    left, sign, right = re.fullmatch(r"(\S+) (==|!=) (\S+)", condition).groups()  # type: ignore[union-attr]
    values = [variables.get(word[1:]) if word.startswith("$") else word.strip('"') for word in (left, right)]
    return (values[0] == values[1]) == (sign == "==")


@pytest.fixture
def pipelines(tmp_path: Path) -> Iterator[Pipelines]:
    folder = tmp_path / "shop"
    for path, text in project_files(Choices(name="shop", pipelines=("gitlab",))).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / ".git").mkdir()
    control.up(folder / ".reconciler" / "local", speed=0)
    with GitLabApi.served() as api:
        yield Pipelines(folder, stand_in_programs(tmp_path / "bin", tmp_path / "pip.log"), api)
    control.down(folder / ".reconciler" / "local")


def test_from_a_merge_request_to_an_issue_about_drift(pipelines: Pipelines) -> None:
    api, model = pipelines.api, pipelines.folder / MODEL
    model.write_text(model.read_text().replace("state: undeployed", "state: deployed"))
    request = api.open_pull_request(HEAD)
    assert codes(pipelines.run(MERGE_REQUEST)) == {"plan": 0}
    assert codes(pipelines.run(MERGE_REQUEST)) == {"plan": 0}
    (note,) = request.comments
    assert "### Plan for shop: 1 to train" in note.body
    assert "[log](https://gitlab.example/acme/llms/-/jobs/9)" in note.body
    assert (pipelines.folder / "reconciler.plan").exists()

    api.merge(request.number, MERGED)
    applied = pipelines.run(ON_MAIN | {"CI_PIPELINE_SOURCE": "push"})
    assert codes(applied) == {"apply": 0}, applied["apply"].log
    assert "### Apply complete&#33; 1 trained, 1 deployed" in request.comments[-1].body

    scheduled = ON_MAIN | {"CI_PIPELINE_SOURCE": "schedule"}
    assert codes(pipelines.run(scheduled)) == {"drift": 0}
    assert api.open_issues() == []
    delete_endpoint(pipelines.folder)
    pipelines.run(scheduled)
    (issue,) = api.open_issues()
    assert (issue.title, issue.labels) == ("Drift in shop", ["reconciler-drift"])

    refused = pipelines.run(ON_MAIN | {"CI_PIPELINE_SOURCE": "web"})["apply"]
    assert refused.code == 1
    digest = re.findall(r"It is (sha256:\w+)", refused.log)[0]
    assert pipelines.run(ON_MAIN | {"CI_PIPELINE_SOURCE": "web", "RECONCILER_DIGEST": digest})["apply"].code == 0
    pipelines.run(scheduled)
    assert api.open_issues() == []


def test_without_a_token_it_says_which_one_is_needed(pipelines: Pipelines) -> None:
    pipelines.api.open_pull_request(HEAD)
    ended = pipelines.run(MERGE_REQUEST | {"RECONCILER_GITLAB_TOKEN": ""})["plan"]
    assert ended.code == 1
    assert "project access token with the scope `api` in RECONCILER_GITLAB_TOKEN" in " ".join(ended.log.split())
    pipelines.api.scopes = {"read_api"}
    ended = pipelines.run(MERGE_REQUEST)["plan"]
    assert (ended.code, "GitLab refuses POST" in ended.log) == (1, True)


def codes(ended: Mapping[str, Ended]) -> dict[str, int]:
    return {name: each.code for name, each in ended.items()}
