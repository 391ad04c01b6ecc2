"""A stand-in for GitHub's REST API: one repository with issues, pull requests, comments and tokens, as docs.github.com tells.

What it answers has every field that GitHub promises (``github_shapes.json``); what this project reads is true, the rest is blank.
What it holds is for tests to look at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.forges.http import Call, Reply, paged
from tests.forges.hub import Comment, Hub, Issue

SHAPES: dict[str, Any] = json.loads((Path(__file__).parent / "github_shapes.json").read_text())
DOCS = "https://docs.github.com/rest"
LONGEST_BODY = 65_536
_BLANK = {"string": "", "integer": 0, "boolean": False, "array": [], "object": {}, "null": None}


@dataclass(frozen=True)
class Token:
    """``grants``: ``issues``, ``pull_requests`` → ``read`` or ``write``. A workflow's own token is an app's: it may not ask who it is."""

    login: str = "github-actions[bot]"
    grants: Mapping[str, str] = field(default_factory=lambda: {"issues": "write", "pull_requests": "write"})
    is_app: bool = True


class GitHubApi(Hub):
    """``tokens``: who may do what; ``token`` is that of a workflow."""

    token = "ghs_a-workflow"
    bot = "github-actions[bot]"

    def __init__(self) -> None:
        super().__init__()
        self.repository = "acme/llms"
        self.tokens: dict[str, Token] = {self.token: Token()}

    def answer(self, call: Call) -> Reply:
        token = self.tokens.get(call.headers.get("authorization", "").removeprefix("Bearer "))
        if token is None:
            return self.error(401, "Bad credentials")
        if call.path == "/user":
            return self._user(token)
        here = f"/repos/{self.repository}"
        if not call.path.startswith(f"{here}/"):
            return self.error(404, "Not Found")
        return self._in_repository(call, call.path.removeprefix(here), token)

    def _in_repository(self, call: Call, path: str, token: Token) -> Reply:
        routes: tuple[tuple[str, str, str, Callable[..., Reply]], ...] = (
            ("GET", r"/issues/(\d+)/comments", "read", self._list_comments),
            ("POST", r"/issues/(\d+)/comments", "write", self._add_comment),
            ("PATCH", r"/issues/comments/(\d+)", "write", self._edit_comment),
            ("GET", r"/issues", "read", self._list_issues),
            ("POST", r"/issues", "write", self._open_issue),
            ("PATCH", r"/issues/(\d+)", "write", self._edit_issue),
            ("GET", r"/commits/([0-9a-f]+)/pulls", "read", self._list_pulls),
        )
        for method, pattern, access, handle in routes:
            found = re.fullmatch(pattern, path)
            if found and method == call.method:
                accepted = _accepted(path, self.issues)
                if not any(_grants(token, name, access) for name in accepted):
                    told = "; ".join(f"{name}={access}" for name in accepted)
                    refusal = self.error(403, "Resource not accessible by integration")
                    return Reply(403, refusal.body, {"X-Accepted-GitHub-Permissions": told})
                return handle(call, token, *found.groups())
        return self.error(404, "Not Found")

    def _user(self, token: Token) -> Reply:
        if token.is_app:
            return self.error(403, "Resource not accessible by integration")
        return Reply(200, shaped("user", login=token.login, id=1, type="User"))

    def _list_comments(self, call: Call, _token: Token, number: str) -> Reply:
        if int(number) not in self.issues:
            return self.error(404, "Not Found")
        shown = [self.comment(each) for each in self.issues[int(number)].comments]
        return paged(call, shown, self.url, usual=30)

    def _add_comment(self, call: Call, token: Token, number: str) -> Reply:
        if int(number) not in self.issues:
            return self.error(404, "Not Found")
        return self._refused_body(call) or Reply(
            201, self.comment(self.say(int(number), token.login, call.body["body"]))
        )

    def _edit_comment(self, call: Call, _token: Token, number: str) -> Reply:
        known = {each.id: each for issue in self.issues.values() for each in issue.comments}
        if int(number) not in known:
            return self.error(404, "Not Found")
        if refused := self._refused_body(call):
            return refused
        self.edit(known[int(number)], call.body["body"])
        return Reply(200, self.comment(known[int(number)]))

    def _list_issues(self, call: Call, _token: Token) -> Reply:
        """Pull requests too, as GitHub does; the newest first unless told otherwise."""
        if not self.has_issues:
            return self.error(410, "Issues are disabled for this repo")
        wanted = set(filter(None, call.query.get("labels", "").split(",")))
        state = call.query.get("state", "open")
        found = [each for each in self.issues.values() if state in ("all", each.state) and wanted <= set(each.labels)]
        ordered = found if call.query.get("direction") == "asc" else found[::-1]
        return paged(call, [self.issue(each) for each in ordered], self.url, usual=30)

    def _open_issue(self, call: Call, token: Token) -> Reply:
        if not self.has_issues:
            return self.error(410, "Issues has been disabled in this repository.")
        if refused := self._refused_body(call):
            return refused
        made = self.new_issue(token.login, call.body["title"], call.body["body"])
        made.labels = list(call.body.get("labels", ())) if _grants(token, "issues", "write") else []
        return Reply(201, self.issue(made))

    def _edit_issue(self, call: Call, _token: Token, number: str) -> Reply:
        if int(number) not in self.issues:
            return self.error(404, "Not Found")
        if refused := self._refused_body(call):
            return refused
        issue = self.issues[int(number)]
        for name in ("title", "body", "state", "state_reason"):
            if name in call.body:
                setattr(issue, name, call.body[name])
        self.clock.tick()
        return Reply(200, self.issue(issue))

    def _list_pulls(self, call: Call, _token: Token, commit: str) -> Reply:
        found = [each for each in self.issues.values() if each.head and commit in each.commits]
        return paged(call, [self.pull_request(each) for each in found], self.url, usual=30)

    def _refused_body(self, call: Call) -> Reply | None:
        body = call.body.get("body")
        if body is not None and len(body) > LONGEST_BODY:
            return self.invalid("body", f"body is too long (maximum is {LONGEST_BODY} characters)")
        if "body" in call.body and not body:
            return self.invalid("body", "body can't be blank")
        return None

    # What it answers.

    def comment(self, comment: Comment) -> dict[str, Any]:
        return shaped(
            "comment",
            id=comment.id,
            body=comment.body,
            user=_simple_user(comment.author),
            created_at=comment.created_at,
            updated_at=comment.updated_at,
        )

    def issue(self, issue: Issue) -> dict[str, Any]:
        told = shaped(
            "issue",
            id=issue.number,
            number=issue.number,
            title=issue.title,
            body=issue.body,
            user=_simple_user(issue.author),
            state=issue.state,
            state_reason=issue.state_reason,
            labels=[{"name": name} for name in issue.labels],
            comments=len(issue.comments),
            created_at=issue.created_at,
            updated_at=self.clock.text(),
        )
        return told | ({"pull_request": {"url": ""}} if issue.head else {})

    def pull_request(self, issue: Issue) -> dict[str, Any]:
        return shaped(
            "pull-request",
            id=issue.number,
            number=issue.number,
            title=issue.title,
            user=_simple_user(issue.author),
            state=issue.state,
            created_at=issue.created_at,
            updated_at=self.clock.text(),
            merged_at=issue.merged_at,
            merge_commit_sha=issue.merge_commit,
            head=shaped("branch", sha=issue.head, ref="a-branch"),
        )

    def error(self, status: int, message: str) -> Reply:
        return Reply(status, shaped("basic-error", message=message, documentation_url=DOCS, status=str(status)))

    def invalid(self, name: str, message: str) -> Reply:
        problem = {"resource": "Issue", "code": "unprocessable", "field": name, "message": message}
        return Reply(
            422,
            shaped("validation-error", message="Validation Failed", errors=[problem], documentation_url=DOCS),
        )


def shaped(name: str, **told: Any) -> dict[str, Any]:
    """Every field that GitHub promises, blank where it is not told. A field that GitHub does not have is an error."""
    shape = SHAPES[name]
    assert set(told) <= set(shape), f"GitHub's {name} has no {set(told) - set(shape)}"
    blank = {key: _BLANK[each["type"][0]] for key, each in shape.items() if each["required"]}
    return blank | told


def _simple_user(login: str) -> dict[str, Any]:
    return shaped("simple-user", login=login, id=1, type="Bot" if login.endswith("[bot]") else "User")


def _accepted(path: str, issues: Mapping[int, Issue]) -> tuple[str, ...]:
    """Which grants do: comments under pull requests take either of two."""
    if path.startswith("/commits/"):
        return ("pull_requests",)
    number = re.match(r"/issues/(\d+)", path)
    issue = issues.get(int(number[1])) if number else None
    is_pull = path.startswith("/issues/comments/") or (issue is not None and issue.head is not None)
    return ("issues", "pull_requests") if is_pull else ("issues",)


def _grants(token: Token, name: str, access: str) -> bool:
    given = token.grants.get(name)
    return given == "write" or given == access
