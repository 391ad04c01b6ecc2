"""The way of an approval from a pull request to the apply: which plan stood in its comment when it was merged.

The comment's second line, invisible, says of which commit it is and which digest the plan has. Merging approves it. See
``specs/decisions/0015``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.forges.forge import Comment, Forge, PullRequest
from reconciler.forges.sticky import own_comment

_SHA256 = "sha256:[0-9a-f]{64}"
_LINE = re.compile(
    rf"<!-- reconciler:approves commit=([0-9a-f]{{40,64}}) plan=({_SHA256}) manifests=({_SHA256}) cloud=({_SHA256}) -->"
)


@dataclass(frozen=True)
class Record:
    """``commit``: the last of the pull request's branch when the plan was made. What is approved is ``digest``; the other two say
    what moved, where it is another one later: the manifests, or what was seen in the cloud."""

    commit: str
    digest: str
    manifests: str
    cloud: str

    @property
    def line(self) -> str:
        told = f"commit={self.commit} plan={self.digest} manifests={self.manifests} cloud={self.cloud}"
        return f"<!-- reconciler:approves {told} -->"


@dataclass(frozen=True)
class Approved:
    """What was approved, or why nothing was. ``pull_request``: where to tell what came of it.

    ``record``: where it was approved by a merge.
    """

    digest: str | None
    pull_request: int | None
    why_not: str = ""
    record: Record | None = None


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
    record = recorded(comment.body) if comment else None
    if why_not := _why_not(merged, comment, record):
        return Approved(None, merged.number, why_not)
    return Approved(record.digest if record else None, merged.number, record=record)


def recorded(body: str) -> Record | None:
    """What a comment's second line says: nowhere else, so that nothing a plan shows can say it."""
    lines = body.splitlines()
    found = _LINE.fullmatch(lines[1].strip()) if len(lines) > 1 else None
    return Record(*found.groups()) if found else None


def _why_not(merged: PullRequest, comment: Comment | None, record: Record | None) -> str:
    where = f"pull request {merged.number}"
    if comment is None:
        return f"{where} has no comment with a plan of this project"
    if record is None:
        return f"the comment under {where} holds no plan that could be approved"
    if record.commit != merged.head:
        return f"{where} ended with {merged.head[:12]}, but the plan in its comment is of {record.commit[:12]}"
    if comment.updated_at > merged.merged_at:
        return f"the plan in the comment under {where} was changed after the merge"
    return ""
