"""The way of an approval from a pull request to the apply: which plan stood in its comment when it was merged.

The comment's second line, invisible, says of which commit it is and which digest the plan has. Merging approves it. See
``specs/decisions/0015``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.forges.forge import Comment, Forge, PullRequest
from reconciler.forges.sticky import own_comment

_LINE = re.compile(r"<!-- reconciler:approves:([0-9a-f]{40,64}):(sha256:[0-9a-f]{64}) -->")


@dataclass(frozen=True)
class Record:
    """``commit``: the last of the pull request's branch when the plan was made."""

    commit: str
    digest: str

    @property
    def line(self) -> str:
        return f"<!-- reconciler:approves:{self.commit}:{self.digest} -->"


@dataclass(frozen=True)
class Approved:
    """What was approved, or why nothing was. ``pull_request``: where to tell what came of it."""

    digest: str | None
    pull_request: int | None
    why_not: str = ""


def approved_by_merge(forge: Forge, commit: str, marker: str) -> Approved:
    """What the merge that made ``commit`` approved.

    ================================================ ===========================================
    no merge of a pull request made the commit       nothing
    we wrote no plan under the pull request          nothing
    the plan was of a commit before the last         nothing: what was merged was never planned
    the comment was changed after the merge          nothing: who merged did not see it so
    otherwise                                        the digest in the comment
    ================================================ ===========================================
    """
    merged = forge.merged_as(commit)
    if merged is None:
        return Approved(None, None, f"commit {commit[:12]} was not merged from a pull request")
    comment = own_comment(forge, merged.number, marker)
    digest, why_not = _judged(merged, comment)
    return Approved(digest, merged.number, why_not)


def recorded(body: str) -> Record | None:
    """What a comment's second line says: nowhere else, so that nothing a plan shows can say it."""
    lines = body.splitlines()
    found = _LINE.fullmatch(lines[1].strip()) if len(lines) > 1 else None
    return Record(found[1], found[2]) if found else None


def _judged(merged: PullRequest, comment: Comment | None) -> tuple[str | None, str]:
    where = f"pull request {merged.number}"
    record = recorded(comment.body) if comment else None
    if comment is None:
        return None, f"{where} has no comment with a plan of this project"
    if record is None:
        return None, f"the comment under {where} holds no plan that could be approved"
    if record.commit != merged.head:
        return None, f"{where} ended with {merged.head[:12]}, but the plan in its comment is of {record.commit[:12]}"
    if comment.updated_at > merged.merged_at:
        return None, f"the plan in the comment under {where} was changed after the merge"
    return record.digest, ""
