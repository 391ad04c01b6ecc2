"""GitHub's REST API (docs.github.com/rest), version 2022-11-28: github.com and GitHub Enterprise Server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from reconciler.domain.errors import ReconcilerError
from reconciler.forges.forge import Comment, ForgeRefused, Issue, PullRequest
from reconciler.forges.rest import Answer, Rest, refused

ACTIONS_BOT = "github-actions[bot]"
"""Whom a workflow's own token writes as."""


class GitHub:
    """``repository``: ``owner/name``. ``author``: whom the token writes as, where ``GET /user`` cannot tell."""

    def __init__(
        self,
        api: str,
        repository: str,
        token: str,
        *,
        author: str = "",
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
            raise ReconcilerError(f"{repository!r} is no repository: it is written owner/name")
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._rest = Rest(api, headers, _explained, pause=pause, now=now)
        self._repository = f"/repos/{repository}"
        self._author = author

    def whoami(self) -> str:
        """A workflow's own token may not ask who it is: it is the bot of GitHub Actions."""
        if not self._author:
            try:
                self._author = str(self._rest.get("/user")["login"])
            except ForgeRefused:
                self._author = ACTIONS_BOT
        return self._author

    def comments(self, pull_request: int) -> Iterator[Comment]:
        return map(_comment, self._rest.pages(f"{self._repository}/issues/{pull_request}/comments"))

    def add_comment(self, pull_request: int, body: str) -> Comment:
        return _comment(self._rest.send("POST", f"{self._repository}/issues/{pull_request}/comments", {"body": body}))

    def edit_comment(self, pull_request: int, comment: int, body: str) -> None:
        self._rest.send("PATCH", f"{self._repository}/issues/comments/{comment}", {"body": body})

    def open_issues(self, label: str) -> Iterator[Issue]:
        found = self._rest.pages(f"{self._repository}/issues", labels=label, state="open", direction="asc")
        return (_issue(each) for each in found if "pull_request" not in each)

    def open_issue(self, title: str, body: str, label: str) -> Issue:
        """A label that does not exist is made; without push access it is dropped silently."""
        content = {"title": title, "body": body, "labels": [label]}
        made = self._rest.send("POST", f"{self._repository}/issues", content)
        if label not in {each if isinstance(each, str) else each.get("name") for each in made["labels"]}:
            self.close_issue(made["number"], "Closed: it could not be labelled, and would not be found again.")
            raise ForgeRefused(
                f"GitHub did not label issue {made['number']} {label!r}",
                hint="Labels are set by those who may push: grant the job `issues: write`.",
            )
        return _issue(made)

    def edit_issue(self, issue: int, title: str, body: str) -> None:
        self._rest.send("PATCH", f"{self._repository}/issues/{issue}", {"title": title, "body": body})

    def close_issue(self, issue: int, note: str) -> None:
        self._rest.send("POST", f"{self._repository}/issues/{issue}/comments", {"body": note})
        closed = {"state": "closed", "state_reason": "completed"}
        self._rest.send("PATCH", f"{self._repository}/issues/{issue}", closed)

    def merged_as(self, commit: str) -> PullRequest | None:
        """Merged, squashed or rebased: ``merge_commit_sha`` is the commit that ended up on the branch."""
        found = self._rest.pages(f"{self._repository}/commits/{commit}/pulls")
        merged = (each for each in found if each["merged_at"] and each["merge_commit_sha"] == commit)
        return next((_pull_request(each) for each in merged), None)


def _explained(method: str, path: str, answer: Answer) -> ReconcilerError:
    match answer.status:
        case 401:
            return refused("GitHub does not know the token", answer, "Give the job GITHUB_TOKEN: ${{ github.token }}.")
        case 403:
            return refused(f"GitHub refuses {method} {path}", answer, f"Grant the job `{_needed(path)}`.")
        case 404:
            hint = f"Is the repository right? A token without `{_needed(path)}` sees nothing there either."
            return refused(f"GitHub finds nothing at {path}", answer, hint)
        case 410:
            return refused("issues are switched off in this repository", answer, "Switch them on in its settings.")
        case _ if 300 <= answer.status < 400:
            return refused(f"{path} has moved", answer, "Was the repository renamed? Name it as it is called now.")
        case _:
            return refused(f"GitHub does not take {method} {path}", answer, "")


def _needed(path: str) -> str:
    """What a workflow's ``permissions`` must grant for all that is done there, reading included."""
    return "pull-requests: write" if re.search(r"/comments\b|/commits/", path) else "issues: write"


def _comment(told: Any) -> Comment:
    return Comment(
        id=int(told["id"]), author=_login(told), body=told.get("body") or "", updated_at=_moment(told["updated_at"])
    )


def _issue(told: Any) -> Issue:
    return Issue(number=int(told["number"]), author=_login(told), title=told["title"], body=told.get("body") or "")


def _pull_request(told: Any) -> PullRequest:
    return PullRequest(number=int(told["number"]), head=told["head"]["sha"], merged_at=_moment(told["merged_at"]))


def _login(told: Any) -> str:
    """A deleted account has no user."""
    return str((told.get("user") or {}).get("login", ""))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
