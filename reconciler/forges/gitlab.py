"""GitLab's REST API (docs.gitlab.com/api/rest), version 4: gitlab.com and self-managed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from reconciler.domain.errors import ReconcilerError
from reconciler.forges.forge import Comment, Issue, PullRequest
from reconciler.forges.rest import Answer, Rest, refused


class GitLab:
    """``project``: its number, or its path. ``token``: of a project or group, with the scope ``api``; a job's own may not comment."""

    def __init__(
        self,
        api: str,
        project: str,
        token: str,
        *,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._rest = Rest(api, {"PRIVATE-TOKEN": token}, _explained, pause=pause, now=now)
        self._project = f"/projects/{quote(project, safe='')}"
        self._author = ""

    def whoami(self) -> str:
        self._author = self._author or str(self._rest.get("/user")["username"])
        return self._author

    def comments(self, pull_request: int) -> Iterator[Comment]:
        found = self._rest.pages(self._notes(pull_request), sort="asc", order_by="created_at")
        return (_comment(each) for each in found if not each["system"])

    def add_comment(self, pull_request: int, body: str) -> Comment:
        return _comment(self._rest.send("POST", self._notes(pull_request), {"body": body}))

    def edit_comment(self, pull_request: int, comment: int, body: str) -> None:
        self._rest.send("PUT", f"{self._notes(pull_request)}/{comment}", {"body": body})

    def open_issues(self, label: str) -> Iterator[Issue]:
        return map(_issue, self._rest.pages(f"{self._project}/issues", labels=label, state="opened", sort="asc"))

    def open_issue(self, title: str, body: str, label: str) -> Issue:
        content = {"title": title, "description": body, "labels": label}
        return _issue(self._rest.send("POST", f"{self._project}/issues", content))

    def edit_issue(self, issue: int, title: str, body: str) -> None:
        self._rest.send("PUT", f"{self._project}/issues/{issue}", {"title": title, "description": body})

    def close_issue(self, issue: int, note: str) -> None:
        self._rest.send("POST", f"{self._project}/issues/{issue}/notes", {"body": note})
        self._rest.send("PUT", f"{self._project}/issues/{issue}", {"state_event": "close"})

    def merged_as(self, commit: str) -> PullRequest | None:
        """A fast-forward has no commit of its own: its last one is that of the branch."""
        found = self._rest.pages(f"{self._project}/repository/commits/{commit}/merge_requests")
        merged = (each for each in found if each["state"] == "merged" and commit in _ends(each))
        return next((_pull_request(each) for each in merged), None)

    def _notes(self, pull_request: int) -> str:
        return f"{self._project}/merge_requests/{pull_request}/notes"


def _ends(told: Any) -> tuple[str | None, ...]:
    """The commits that a merge may end with."""
    return told["merge_commit_sha"], told.get("squash_commit_sha"), told["sha"]


def _explained(method: str, path: str, answer: Answer) -> ReconcilerError:
    token = (
        "Give the job a project access token with the scope `api` and the role Developer in RECONCILER_GITLAB_TOKEN."  # noqa: S105
    )
    match answer.status:
        case 401:
            return refused("GitLab does not know the token", answer, token)
        case 403:
            return refused(f"GitLab refuses {method} {path}", answer, token)
        case 404:
            return refused(f"GitLab finds nothing at {path}", answer, f"Does the token belong to this project? {token}")
        case _:
            return refused(f"GitLab does not take {method} {path}", answer, "")


def _comment(told: Any) -> Comment:
    return Comment(
        id=int(told["id"]),
        author=str(told["author"]["username"]),
        body=told["body"] or "",
        updated_at=datetime.fromisoformat(told["updated_at"]),
    )


def _issue(told: Any) -> Issue:
    return Issue(
        number=int(told["iid"]),
        author=str(told["author"]["username"]),
        title=told["title"],
        body=told["description"] or "",
    )


def _pull_request(told: Any) -> PullRequest:
    return PullRequest(number=int(told["iid"]), head=told["sha"], merged_at=datetime.fromisoformat(told["merged_at"]))
