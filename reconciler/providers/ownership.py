"""Whose is it: decided by owner tags alone, never by a name and never by an error's wording."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.domain.outcome import FaultKind
from reconciler.domain.tags import Owner
from reconciler.providers.aws.faults import Refused


def is_ours(tags: Mapping[str, str], owner: Owner) -> bool:
    """The same project and the same model."""
    found = Owner.from_tags(tags)
    return found is not None and (found.project, found.model) == (owner.project, owner.model)


def require_ours(what: str, tags: Mapping[str, str], owner: Owner) -> None:
    """Raises Refused as a conflict: what is not ours is never touched."""
    if is_ours(tags, owner):
        return
    found = Owner.from_tags(tags)
    whose = f"belongs to {found.model} of project {found.project}" if found else "carries no owner tags of this project"
    raise Refused(FaultKind.CONFLICT, "NotOurs", f"{what} exists and {whose}: it is not touched")
