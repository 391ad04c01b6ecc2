"""A stand-in for GitLab's REST API: one project with issues, merge requests and their notes, as docs.gitlab.com/api tells."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tests.forges.http import Call, Reply, paged
from tests.forges.hub import Comment, Hub, Issue


class GitLabApi(Hub):
    """``scopes``: of the only token. A job's own token is not known here, as it may neither comment nor open issues."""

    token = "glpat-of-the-project"
    bot = "project_7_bot"

    def __init__(self) -> None:
        super().__init__()
        self.project = "acme/llms"
        self.scopes = {"api"}

    def answer(self, call: Call) -> Reply:
        if call.headers.get("private-token") != self.token:
            return Reply(401, {"message": "401 Unauthorized"})
        if "api" not in self.scopes and call.method != "GET":
            return Reply(403, {"error": "insufficient_scope", "error_description": "api is needed", "scope": "api"})
        if call.path == "/user":
            return Reply(200, {"id": 7, "username": self.bot, "name": "reconciler", "state": "active"})
        found = re.fullmatch(r"/projects/([^/]+)(/.*)", call.path)
        if found is None or unquote(found[1]) not in (self.project, "7"):
            return Reply(404, {"message": "404 Project Not Found"})
        return self._in_project(call, found[2])

    def _in_project(self, call: Call, path: str) -> Reply:
        routes: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
            ("GET", r"/merge_requests/(\d+)/notes", self._list_notes),
            ("POST", r"/(?:merge_requests|issues)/(\d+)/notes", self._add_note),
            ("PUT", r"/merge_requests/(\d+)/notes/(\d+)", self._edit_note),
            ("GET", r"/issues", self._list_issues),
            ("POST", r"/issues", self._open_issue),
            ("PUT", r"/issues/(\d+)", self._edit_issue),
            ("GET", r"/repository/commits/([0-9a-f]+)/merge_requests", self._list_merge_requests),
        )
        for method, pattern, handle in routes:
            found = re.fullmatch(pattern, path)
            if found and method == call.method:
                numbers = (group for group in found.groups() if group.isdigit() and len(group) < 9)
                known = "/commits/" in path or all(int(n) in self.issues or int(n) >= 1000 for n in numbers)
                return handle(call, *found.groups()) if known else Reply(404, {"message": "404 Not found"})
        return Reply(404, {"error": "404 Not Found"})

    def _list_notes(self, call: Call, number: str) -> Reply:
        """The newest first unless told otherwise; what GitLab itself noted as well."""
        notes = [self.note(each) for each in self.issues[int(number)].comments]
        noted = [*notes, {**notes[0], "id": 1, "body": "added 1 commit", "system": True}] if notes else []
        return paged(call, noted if call.query.get("sort") == "asc" else noted[::-1], self.url, usual=20)

    def _add_note(self, call: Call, number: str) -> Reply:
        return Reply(201, self.note(self.say(int(number), self.bot, call.body["body"])))

    def _edit_note(self, call: Call, number: str, note: str) -> Reply:
        found = next(each for each in self.issues[int(number)].comments if each.id == int(note))
        self.edit(found, call.body["body"])
        return Reply(200, self.note(found))

    def _list_issues(self, call: Call) -> Reply:
        wanted = set(filter(None, call.query.get("labels", "").split(",")))
        opened = call.query.get("state") == "opened"
        found = [
            each
            for each in self.issues.values()
            if each.head is None and wanted <= set(each.labels) and (each.state == "open") >= opened
        ]
        return paged(call, [self.issue(each) for each in found], self.url, usual=20)

    def _open_issue(self, call: Call) -> Reply:
        made = self.new_issue(self.bot, call.body["title"], call.body["description"])
        made.labels = call.body["labels"].split(",")
        return Reply(201, self.issue(made))

    def _edit_issue(self, call: Call, number: str) -> Reply:
        issue = self.issues[int(number)]
        issue.title, issue.body = call.body.get("title", issue.title), call.body.get("description", issue.body)
        issue.state = "closed" if call.body.get("state_event") == "close" else issue.state
        self.clock.tick()
        return Reply(200, self.issue(issue))

    def _list_merge_requests(self, call: Call, commit: str) -> Reply:
        found = [each for each in self.issues.values() if each.head and commit in each.commits]
        return paged(call, [self.merge_request(each) for each in found], self.url, usual=20)

    def note(self, comment: Comment) -> dict[str, Any]:
        return {
            "id": comment.id,
            "body": comment.body,
            "author": {"id": 7, "username": comment.author},
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "system": False,
            "noteable_type": "MergeRequest",
            "resolvable": False,
        }

    def issue(self, issue: Issue) -> dict[str, Any]:
        return {
            "id": issue.number + 500,
            "iid": issue.number,
            "title": issue.title,
            "description": issue.body,
            "state": "opened" if issue.state == "open" else "closed",
            "labels": issue.labels,
            "author": {"id": 7, "username": issue.author},
        }

    def merge_request(self, issue: Issue) -> dict[str, Any]:
        return {
            "id": issue.number + 500,
            "iid": issue.number,
            "title": issue.title,
            "state": "merged" if issue.merged_at else "opened",
            "sha": issue.head,
            "merged_at": issue.merged_at,
            "merge_commit_sha": issue.merge_commit,
            "squash_commit_sha": None,
        }
