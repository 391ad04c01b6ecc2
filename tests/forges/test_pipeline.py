"""What the environment of a pipeline says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.errors import ReconcilerError
from reconciler.forges.github import GitHub
from reconciler.forges.gitlab import GitLab
from reconciler.forges.pipeline import pipeline

HEAD, TRIED = "a" * 40, "b" * 40
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/llms",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_RUN_ID": "7",
    "GITHUB_SHA": TRIED,
    "GITHUB_TOKEN": "t",
}
GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_ID": "7", "CI_COMMIT_SHA": TRIED, "CI_JOB_URL": "https://gitlab.com/j/1"}


def event(tmp_path: Path, content: Any) -> dict[str, str]:
    path = tmp_path / "event.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return GITHUB | {"GITHUB_EVENT_PATH": str(path)}


def test_a_pull_request_on_github_is_its_branch_s_last_commit(tmp_path: Path) -> None:
    found = pipeline(event(tmp_path, {"pull_request": {"number": 12, "head": {"sha": HEAD}}}))
    assert (found.system, found.commit, found.pull_request) == ("github", HEAD, 12)
    assert found.run_url == "https://github.com/acme/llms/actions/runs/7"
    assert isinstance(found.forge, GitHub)
    assert (found.summary, found.outputs) == (None, None)


@pytest.mark.parametrize("content", [{}, {"pull_request": None}, []])
def test_any_other_event_is_a_commit(tmp_path: Path, content: Any) -> None:
    found = pipeline(event(tmp_path, content))
    assert (found.commit, found.pull_request) == (TRIED, None)


def test_an_event_that_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match="GITHUB_EVENT_PATH"):
        pipeline(event(tmp_path, "{"))


def test_a_merge_request_on_gitlab() -> None:
    token = {"RECONCILER_GITLAB_TOKEN": "t"}
    found = pipeline(GITLAB | token | {"CI_MERGE_REQUEST_IID": "3"})
    assert (found.system, found.commit, found.pull_request) == ("gitlab", TRIED, 3)
    assert isinstance(found.forge, GitLab)
    merged_result = {"CI_MERGE_REQUEST_IID": "3", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD}
    assert pipeline(GITLAB | merged_result).commit == HEAD
    assert pipeline(GITLAB).pull_request is None


@pytest.mark.parametrize(
    ("environment", "hint"),
    [
        ({key: value for key, value in GITHUB.items() if key != "GITHUB_TOKEN"}, "GITHUB_TOKEN"),
        (GITLAB, "RECONCILER_GITLAB_TOKEN"),
        ({}, "--digest"),
    ],
)
def test_without_a_token_nobody_can_be_asked(environment: dict[str, str], hint: str) -> None:
    with pytest.raises(ReconcilerError, match="no forge can be asked") as caught:
        pipeline(environment).asked()
    assert hint in caught.value.hint
