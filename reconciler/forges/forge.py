"""What is asked of a forge, in its own terms: GitHub's pull request is GitLab's merge request, a comment there a note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.domain.errors import ReconcilerError


class ForgeRefused(ReconcilerError):
    """The forge was reached and said no; the hint says which permission or setting lacks."""


class ForgeUnavailable(ReconcilerError):
    """The forge could not be reached, or answered with an error of its own, again and again."""


class Unsure(ForgeUnavailable):
    """Something was to be made, and no answer came: it may be there. Look before it is made again."""


@dataclass(frozen=True)
class Comment:
    id: int
    author: str
    body: str
    updated_at: datetime


@dataclass(frozen=True)
class Issue:
    number: int
    author: str
    title: str
    body: str


@dataclass(frozen=True)
class PullRequest:
    number: int
    head: str
    """The last commit of its branch."""
    merged_at: datetime


class Forge(Protocol):
    """One repository. Every call raises ForgeRefused and ForgeUnavailable; what makes something raises Unsure."""

    def whoami(self) -> str:
        """The login that comments and issues made here carry."""

    def comments(self, pull_request: int) -> Iterator[Comment]:
        """Of everybody, the oldest first."""

    def add_comment(self, pull_request: int, body: str) -> Comment: ...

    def edit_comment(self, pull_request: int, comment: int, body: str) -> None: ...

    def open_issues(self, label: str) -> Iterator[Issue]: ...

    def open_issue(self, title: str, body: str, label: str) -> Issue:
        """Raises ForgeRefused where the label was not kept: the issue could not be found again."""

    def edit_issue(self, issue: int, title: str, body: str) -> None: ...

    def close_issue(self, issue: int, note: str) -> None:
        """``note`` becomes its last comment."""

    def merged_as(self, commit: str) -> PullRequest | None:
        """The pull request whose merge made this commit of the main branch, if one did."""
