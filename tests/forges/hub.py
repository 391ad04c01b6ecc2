"""What a forge holds of one repository, and what people do there. The stand-ins for GitHub and GitLab answer about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from tests.forges.http import Call, Clock, Reply, Server


@dataclass
class Comment:
    id: int
    author: str
    body: str
    created_at: str
    updated_at: str


@dataclass
class Issue:
    """A pull request is an issue with a ``head``."""

    number: int
    author: str
    title: str
    body: str
    created_at: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    state_reason: str | None = None
    comments: list[Comment] = field(default_factory=list)
    head: str | None = None
    merged_at: str | None = None
    merge_commit: str | None = None
    commits: list[str] = field(default_factory=list)
    """That belong to it; after a merge also those on the main branch."""


class Hub:
    """One repository. ``token``: of a pipeline that may write comments and issues; ``bot``: whom it writes as."""

    token = "a-token"
    bot = "a-bot"

    def __init__(self) -> None:
        self.url = ""
        self.server = Server()
        self.clock = Clock()
        self.issues: dict[int, Issue] = {}
        self.has_issues = True
        self._ids = iter(range(1000, 10_000))

    @classmethod
    @contextmanager
    def served(cls) -> Iterator[Self]:
        api = cls()
        with api.server.serving(api):
            yield api

    def answer(self, call: Call) -> Reply:
        raise NotImplementedError

    def open_pull_request(self, head: str, title: str = "A change", author: str = "ana") -> Issue:
        made = self.new_issue(author, title, "")
        made.head, made.commits = head, [head]
        return made

    def push(self, number: int, head: str) -> None:
        self.issues[number].head = head
        self.issues[number].commits.append(head)

    def merge(self, number: int, commit: str) -> None:
        pull = self.issues[number]
        pull.merged_at, pull.merge_commit, pull.state = self.clock.tick(), commit, "closed"
        pull.commits.append(commit)

    def say(self, number: int, author: str, body: str) -> Comment:
        now = self.clock.tick()
        made = Comment(next(self._ids), author, body, now, now)
        self.issues[number].comments.append(made)
        return made

    def edit(self, comment: Comment, body: str) -> None:
        comment.body, comment.updated_at = body, self.clock.tick()

    def open_issues(self) -> list[Issue]:
        return [each for each in self.issues.values() if each.state == "open" and each.head is None]

    def new_issue(self, author: str, title: str, body: str) -> Issue:
        number = len(self.issues) + 1
        self.issues[number] = Issue(number, author, title, body, self.clock.tick())
        return self.issues[number]
