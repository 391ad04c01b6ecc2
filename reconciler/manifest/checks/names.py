"""Names: duplicates, labels, renames."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reconciler.domain.diagnostic import Diagnostic, error
from reconciler.manifest.explain import found
from reconciler.manifest.shape import Shaped

MOST_LABELS = 40
"""AWS allows 50 tags a resource; the owner tags need the rest."""

_TAG = re.compile(r"[\w\s.:/=+\-@]*")
"""What AWS accepts in tag keys and values: letters, digits, whitespace and ``_ . : / = + - @``."""


def check_names(resources: Sequence[Shaped]) -> Iterator[Diagnostic]:
    yield from _duplicates(resources)
    yield from _renames(resources)
    for resource in resources:
        yield from _labels(resource)


def _duplicates(resources: Sequence[Shaped]) -> Iterator[Diagnostic]:
    """Ignoring case: names in the cloud differ by more. Each duplicate points at the first."""
    first: dict[tuple[str, str], Shaped] = {}
    for resource in resources:
        if resource.name is None or resource.kind == "Project":
            continue
        original = first.setdefault((resource.kind, resource.name.casefold()), resource)
        if original is not resource:
            yield error(
                "duplicate-name",
                "Two manifests have one name",
                detail=f"{resource.kind} {found(resource.name)} is already declared at {original.where}; case makes no difference.",
                hint="rename one of them",
                where=resource.where,
                related=(original.where,),
                address=resource.address,
            )


def _renames(resources: Sequence[Shaped]) -> Iterator[Diagnostic]:
    models = {r.name.casefold(): r for r in resources if r.kind == "FineTunedModel" and r.name is not None}
    claimed: dict[str, Shaped] = {}
    for resource in resources:
        former = resource.metadata.renamed_from if resource.metadata else None
        if former is None:
            continue
        other = models.get(former.casefold()) or claimed.setdefault(former.casefold(), resource)
        if problem := _rename_problem(resource, former, other, models):
            yield error(
                "invalid-rename",
                "A rename cannot be followed",
                detail=f"`metadata.renamedFrom` is `{former}`: {problem}.",
                hint="remove renamedFrom, or the manifest that still has the name",
                where=resource.document.at(("metadata", "renamedFrom")),
                related=() if other is resource else (other.where,),
                address=resource.address,
            )


def _rename_problem(resource: Shaped, former: str, other: Shaped, models: dict[str, Shaped]) -> str | None:
    if resource.kind != "FineTunedModel":
        return f"a {resource.kind} has nothing in the cloud to rename"
    if resource.name is not None and resource.name.casefold() == former.casefold():
        return "that is its name now"
    if former.casefold() in models:
        return "a model of that name is still declared"
    return None if other is resource else f"`{other.name}` claims the same former name"


def _labels(resource: Shaped) -> Iterator[Diagnostic]:
    labels = resource.metadata.labels if resource.metadata else {}
    for key, value in labels.items():
        if problem := _label_problem(key, value):
            yield error(
                "invalid-label",
                "A label cannot become a tag",
                detail=f"Label {found(key)}: {problem}.",
                hint="letters, digits, spaces and _ . : / = + - @",
                where=resource.document.at(("metadata", "labels", key)),
                address=resource.address,
            )
    if len(labels) > MOST_LABELS:
        yield error(
            "too-many-labels",
            "There are too many labels",
            detail=f"There are {len(labels)}; AWS allows 50 tags a resource, {50 - MOST_LABELS} of which are kept for the owner tags.",
            where=resource.document.at(("metadata", "labels")),
            address=resource.address,
        )


def _label_problem(key: str, value: str) -> str | None:
    if key.lower().startswith(("aws:", "reconciler:")):
        return "keys that begin with `aws:` or `reconciler:` are reserved"
    if not _TAG.fullmatch(key):
        return "the key has a character that AWS does not accept in tags"
    return None if _TAG.fullmatch(value) else "the value has a character that AWS does not accept in tags"
