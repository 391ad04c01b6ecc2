"""Whose is it: decided by owner tags alone, never by a name and never by an error's wording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from reconciler.domain.catalog import ProviderName
from reconciler.domain.observation import ForeignResource
from reconciler.domain.outcome import FaultKind
from reconciler.domain.tags import Owner
from reconciler.providers.aws.faults import Refused
from reconciler.providers.retagging import Tagging


class Standing(NamedTuple):
    """What stands under a name that a change would create."""

    kind: str
    name: str
    arn: str


def foreign(
    service: Tagging, provider: ProviderName, standing: Iterable[Standing], owner: Owner
) -> Iterator[ForeignResource]:
    """What is not the owner's."""
    for kind, name, arn in standing:
        tags = service.tags(arn) or {}
        if not is_ours(tags, owner):
            whose = Owner.from_tags(tags)
            yield ForeignResource(name=name, kind=kind, identifier=arn, provider=provider, owner=whose)


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
