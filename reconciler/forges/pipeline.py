"""The pipeline that runs this: its forge, its commit, its pull request, and where its results go. Read from the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.domain.errors import ReconcilerError
from reconciler.forges.forge import Forge
from reconciler.forges.github import GitHub
from reconciler.forges.gitlab import GitLab


@dataclass(frozen=True)
class Pipeline:
    """``None`` and empty where the pipeline has no such thing."""

    system: str
    """``github``, ``gitlab``; empty elsewhere."""
    commit: str = ""
    """Of a pull request the last of its branch, not the commit that merges it for a try."""
    pull_request: int | None = None
    run_url: str = ""
    summary: Path | None = None
    outputs: Path | None = None
    forge: Forge | None = None

    def asked(self) -> Forge:
        """Raises ReconcilerError where there is no forge to ask."""
        if self.forge is None:
            raise ReconcilerError("no forge can be asked from here", hint=_HINTS[self.system])
        return self.forge


_HINTS = {
    "github": "Give the job GITHUB_TOKEN: ${{ github.token }}.",
    "gitlab": "Give the job a project access token with the scope `api` in RECONCILER_GITLAB_TOKEN.",
    "": "This is for pipelines on GitHub or GitLab; elsewhere, name what was approved with --digest.",
}


def pipeline(environment: Mapping[str, str]) -> Pipeline:
    """Whose pipeline it is.

    ======================= ===================================================
    ``GITHUB_ACTIONS=true`` GitHub Actions, and what understands its variables
    ``GITLAB_CI=true``      GitLab CI
    neither                 a pipeline without a forge
    ======================= ===================================================
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        return _github(environment)
    if environment.get("GITLAB_CI") == "true":
        return _gitlab(environment)
    return Pipeline("")


def _github(environment: Mapping[str, str]) -> Pipeline:
    pull_request = _event(environment.get("GITHUB_EVENT_PATH", "")).get("pull_request") or {}
    repository, server = environment.get("GITHUB_REPOSITORY", ""), environment.get("GITHUB_SERVER_URL", "")
    run = environment.get("GITHUB_RUN_ID", "")
    token = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN", "")
    api, author = environment.get("GITHUB_API_URL", "https://api.github.com"), environment.get("RECONCILER_AUTHOR", "")
    return Pipeline(
        "github",
        commit=pull_request.get("head", {}).get("sha") or environment.get("GITHUB_SHA", ""),
        pull_request=pull_request.get("number"),
        run_url=f"{server}/{repository}/actions/runs/{run}" if server and run else "",
        summary=_path(environment.get("GITHUB_STEP_SUMMARY")),
        outputs=_path(environment.get("GITHUB_OUTPUT")),
        forge=GitHub(api, repository, token, author=author) if token else None,
    )


def _gitlab(environment: Mapping[str, str]) -> Pipeline:
    token, project = environment.get("RECONCILER_GITLAB_TOKEN", ""), environment.get("CI_PROJECT_ID", "")
    merge_request = environment.get("CI_MERGE_REQUEST_IID", "")
    return Pipeline(
        "gitlab",
        commit=environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environment.get("CI_COMMIT_SHA", ""),
        pull_request=int(merge_request) if merge_request else None,
        run_url=environment.get("CI_JOB_URL", ""),
        forge=GitLab(environment.get("CI_API_V4_URL", "https://gitlab.com/api/v4"), project, token) if token else None,
    )


def _event(path: str) -> dict[str, Any]:
    """What started the workflow. Raises ReconcilerError where the file is not what GitHub writes."""
    if not path:
        return {}
    try:
        event = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as trouble:
        raise ReconcilerError(f"GITHUB_EVENT_PATH {path} cannot be read: {trouble}") from trouble
    return event if isinstance(event, dict) else {}


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None
