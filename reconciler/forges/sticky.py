"""One comment and one issue about one thing, however often it is told: found again by an invisible marker, and only among our own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from reconciler.forges.forge import Comment, Forge, ForgeRefused, Issue, Unsure

ATTEMPTS = 3

Result = TypeVar("Result")


class Kept(StrEnum):
    """What became of it."""

    MADE = "made"
    UPDATED = "updated"
    SAME = "same"
    CLOSED = "closed"
    NONE = "none"


@dataclass(frozen=True)
class KeptIssue:
    kept: Kept
    number: int | None


def keep_comment(forge: Forge, pull_request: int, body: str) -> Kept:
    """The comment whose first line is that of ``body``, updated in place; made where there is none.

    Where making it ends without an answer, it is looked for again instead of being made twice.
    """
    return _surely(lambda: _kept(forge, pull_request, body))


def own_comment(forge: Forge, pull_request: int, marker: str) -> Comment | None:
    """The oldest one that we wrote: whoever else writes the marker speaks for himself."""
    ours = forge.whoami()
    found = forge.comments(pull_request)
    return next((each for each in found if each.author == ours and _marker(each.body) == marker), None)


def keep_issue(forge: Forge, title: str, body: str, label: str) -> KeptIssue:
    """The open issue whose first line is that of ``body``, updated in place; opened where there is none."""
    return _surely(lambda: _kept_issue(forge, title, body, label))


def close_issue(forge: Forge, marker: str, label: str, note: str) -> KeptIssue:
    """Close the open issue of this marker, if there is one."""
    found = _own_issue(forge, label, marker)
    if found is None:
        return KeptIssue(Kept.NONE, None)
    forge.close_issue(found.number, note)
    return KeptIssue(Kept.CLOSED, found.number)


def _surely(act: Callable[[], Result]) -> Result:
    """Again, from the look on, where it is not sure whether something was made."""
    for _ in range(ATTEMPTS - 1):
        with suppress(Unsure):
            return act()
    return act()


def _kept(forge: Forge, pull_request: int, body: str) -> Kept:
    found = own_comment(forge, pull_request, _marker(body))
    if found is None:
        _require_ours(forge, forge.add_comment(pull_request, body).author)
        return Kept.MADE
    if _same(found.body, body):
        return Kept.SAME
    forge.edit_comment(pull_request, found.id, body)
    return Kept.UPDATED


def _kept_issue(forge: Forge, title: str, body: str, label: str) -> KeptIssue:
    found = _own_issue(forge, label, _marker(body))
    if found is None:
        opened = forge.open_issue(title, body, label)
        _require_ours(forge, opened.author)
        return KeptIssue(Kept.MADE, opened.number)
    if found.title == title and _same(found.body, body):
        return KeptIssue(Kept.SAME, found.number)
    forge.edit_issue(found.number, title, body)
    return KeptIssue(Kept.UPDATED, found.number)


def _own_issue(forge: Forge, label: str, marker: str) -> Issue | None:
    ours = forge.whoami()
    found = forge.open_issues(label)
    return next((each for each in found if each.author == ours and _marker(each.body) == marker), None)


def _require_ours(forge: Forge, author: str) -> None:
    """What another account made in our name would never be found again, and be made anew in every run."""
    if author != forge.whoami():
        raise ForgeRefused(
            f"the token writes as {author}, but what {forge.whoami()} wrote is looked for",
            hint=f"Give the job RECONCILER_AUTHOR: {author}, or the action its input `author`.",
        )


def _marker(body: str) -> str:
    return body.partition("\n")[0].strip()


def _same(one: str, other: str) -> bool:
    """Forges keep text with other line ends, and without the last one."""
    return [line.rstrip() for line in one.strip().splitlines()] == [
        line.rstrip() for line in other.strip().splitlines()
    ]
