"""Environments: what ``environments/<name>.yaml`` says is merged over the manifests before anything is checked.

========================  =====================================================================
a document of             kind and name of a manifest: merged into it; ``kind: Project`` needs no name
a mapping                 merged key by key
a list, a value           replaced; so is what is a choice (``validation``, ``autoUndeploy``, ``throughput``, ``baseModel``)
null                      removed
a name that is not there  a manifest of the environment's own, where it is complete; else an error
========================  =====================================================================

Every value keeps the place where it stands, in whichever file that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from reconciler.domain.diagnostic import Diagnostic, error
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.document import Document, Path
from reconciler.manifest.explain import missing
from reconciler.manifest.merge import RIVALS, WHOLE, value_at
from reconciler.manifest.shape import KINDS

PROJECT = "Project"
MODEL = "FineTunedModel"

_NAME: Path = ("metadata", "name")
_PARENT: Path = ("baseModel", "fineTunedModel")
_SUFFIX = re.compile(r"(-?[A-Za-z0-9])*", re.ASCII)
_COMPLETE: Mapping[str, tuple[Path, ...]] = {
    PROJECT: (_NAME,),
    "Dataset": (("spec", "source"),),
    MODEL: (("spec", "baseModel"), ("spec", "dataset", "training")),
}
"""What a document must say to be a manifest of its own, by kind; of any other kind its spec."""


def overlaid(
    manifests: Sequence[Document], patches: Sequence[Document], environment: str, *, complete: bool
) -> tuple[tuple[Document, ...], tuple[Diagnostic, ...]]:
    """The manifests as the environment has them. ``complete``: every document could be read, so that what is missing is missing."""
    merging = _Merging(list(manifests), environment, complete)
    for patch in patches:
        merging.take(patch)
    return tuple(map(merging.as_the_environments, merging.documents)), tuple(merging.problems)


def suffixed(documents: Sequence[Document], environment: str) -> Iterator[Document]:
    """The documents with the Project's ``nameSuffix`` at every model's name, wherever it is named."""
    suffix = _suffix(documents, environment)
    for document in documents:
        yield _renamed(document, suffix) if suffix else document


def name_suffix(given: str | None, environment: str) -> str:
    """``given``: of the Project. In one account and region no two environments may come to one name."""
    return given if given is not None else f"-{environment}" if environment else ""


@dataclass
class _Merging:
    documents: list[Document]
    environment: str
    complete: bool
    problems: list[Diagnostic] = field(default_factory=list)
    taken: dict[tuple[str, str], Document] = field(default_factory=dict)
    base_project: str | None = None

    def __post_init__(self) -> None:
        """How the manifests call the project, before anything is merged."""
        self.base_project = next((name for d in self.documents if (name := _name(d)) and _kind(d) == PROJECT), None)

    def take(self, patch: Document) -> None:
        kind, name = _kind(patch), _name(patch)
        if kind is None or kind not in KINDS:  # whoever reads kinds tells what it is not
            self.documents.append(patch)
            return
        self.problems += _incomplete(patch, kind, name)
        if kind != PROJECT and name is None:
            return
        first = self.taken.setdefault((kind, "" if kind == PROJECT else str(name)), patch)
        if first is not patch:
            self.problems.append(_twice(patch, first, kind))
            return
        self._merge(patch, kind, name)

    def _merge(self, patch: Document, kind: str, name: str | None) -> None:
        """The last step: into the manifest of that kind and name, else as a manifest of its own."""
        index = next((n for n, d in enumerate(self.documents) if _is_meant(d, kind, name)), None)
        if index is not None:
            self.documents[index] = merged(self.documents[index], patch)
        elif all(value_at(patch.value, path) is not None for path in _needed(kind)):
            self.documents.append(patch)
        elif self.complete:
            names = [_name(document) for document in self.documents if _kind(document) == kind]
            self.problems.append(_absent(patch, kind, [each for each in names if each]))

    def as_the_environments(self, document: Document) -> Document:
        """The project is another one in each environment: what one of them owns in the cloud is none of another's."""
        if _kind(document) != PROJECT or self.base_project is None or _name(document) != self.base_project:
            return document
        return _with(document, _NAME, f"{self.base_project}-{self.environment}")


def merged(base: Document, patch: Document) -> Document:
    """One document with the other's values in it, each with its place."""
    weaving = _Weaving(patch)
    value = weaving.woven(base.value, patch.value, ())
    values = weaving.places(base.values, patch.values)
    keys = weaving.places(base.keys, patch.keys)
    new = [path for path in (*patch.values, *patch.keys) if weaving.is_new(path)]
    return Document(
        file=base.file,
        value=value,
        values=values,
        keys=keys,
        refused=frozenset(weaving.places(dict.fromkeys(base.refused), dict.fromkeys(patch.refused))),
        files={path: file for path, file in base.files.items() if path in values} | dict.fromkeys(new, patch.file),
    )


_Place = TypeVar("_Place")


@dataclass
class _Weaving:
    """One merge. ``gone``: what stood there before is no more; ``new``: what the patch says stands there instead."""

    patch: Document
    gone: set[Path] = field(default_factory=set)
    new: set[Path] = field(default_factory=set)

    def woven(self, base: Mapping[str, Any], patch: Mapping[str, Any], path: Path) -> dict[str, Any]:
        result = dict(base)
        for key, item in patch.items():
            here = (*path, key)
            old = result.get(key)
            if item is None and here not in self.patch.refused:
                self.gone.add(here)
                result.pop(key, None)
            elif isinstance(old, dict) and isinstance(item, dict) and not _is_choice(here):
                result[key] = self.woven(old, item, here)
            elif type(old) is not type(item) or old != item:
                self.gone.add(here)
                self.new.add(here)
                result[key] = item
        return self._without_rivals(result, patch, path)

    def is_new(self, path: Path) -> bool:
        return _lies_below(path, self.new)

    def places(self, base: Mapping[Path, _Place], patch: Mapping[Path, _Place]) -> dict[Path, _Place]:
        kept = {path: place for path, place in base.items() if not _lies_below(path, self.gone)}
        return kept | {path: place for path, place in patch.items() if self.is_new(path)}

    def _without_rivals(self, result: dict[str, Any], patch: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """``onDemand`` given here ends the ``throughput`` of the manifest, and the reverse."""
        for key in patch:
            rival = RIVALS.get(_within_spec((*path, key)), ())[-1:]
            if rival and patch[key] is not None and rival[0] not in patch and rival[0] in result:
                self.gone.add((*path, *rival))
                del result[str(rival[0])]
        return result


def _lies_below(path: Path, tops: AbstractSet[Path]) -> bool:
    return any(path[:length] in tops for length in range(1, len(path) + 1))


def _is_choice(path: Path) -> bool:
    return _within_spec(path) in WHOLE


def _within_spec(path: Path) -> Path:
    """The path within a model's spec, or within the Project's defaults for it."""
    return path[2:] if path[:2] == ("spec", "defaults") else path[1:] if path[:1] == ("spec",) else ()


def _kind(document: Document) -> str | None:
    kind = value_at(document.value, ("kind",))
    return kind if isinstance(kind, str) else None


def _name(document: Document) -> str | None:
    name = value_at(document.value, _NAME)
    return name if isinstance(name, str) else None


def _is_meant(document: Document, kind: str, name: str | None) -> bool:
    return _kind(document) == kind and (kind == PROJECT or _name(document) == name)


def _incomplete(patch: Document, kind: str, name: str | None) -> Iterator[Diagnostic]:
    if value_at(patch.value, ("apiVersion",)) is None:
        yield missing(patch, ("apiVersion",), hint="begin with `apiVersion: reconciler/v1`")
    if kind != PROJECT and name is None:
        yield missing(patch, _NAME, hint=f"name the {kind} that is otherwise in this environment")


def _needed(kind: str) -> tuple[Path, ...]:
    return _COMPLETE.get(kind, (("spec",),))


def _twice(patch: Document, first: Document, kind: str) -> Diagnostic:
    return error(
        "duplicate-name",
        "Two manifests have one name",
        detail=f"The environment says already at {first.at(_NAME)} what is otherwise in this {kind}.",
        hint="make one document of both",
        where=patch.at(_NAME),
        related=(first.at(_NAME),),
    )


def _absent(patch: Document, kind: str, known: Iterable[str]) -> Diagnostic:
    name, needed = _name(patch), " and ".join(".".join(map(str, path)) for path in _needed(kind))
    called = f"`{name}`" if name else "(without a name)"
    return error(
        "nothing-to-override",
        "An environment changes what is not there",
        detail=f"No manifest declares the {kind} {called}.",
        hint=did_you_mean(name or "", known) or f"correct the name; a {kind} of the environment's own says {needed}",
        where=patch.at(_NAME),
    )


def _suffix(documents: Iterable[Document], environment: str) -> str:
    """Empty where none is asked for, or what is asked for is not legal, which is told elsewhere."""
    project = next((document for document in documents if _kind(document) == PROJECT), None)
    given = value_at(project.value, ("spec", "nameSuffix")) if project else None
    if given is None:
        return name_suffix(None, environment)
    return given if isinstance(given, str) and _SUFFIX.fullmatch(given) else ""


def _renamed(document: Document, suffix: str) -> Document:
    paths: Mapping[str | None, tuple[Path, ...]] = {
        PROJECT: (("spec", "defaults", *_PARENT),),
        MODEL: (_NAME, ("metadata", "renamedFrom"), ("spec", *_PARENT)),
    }
    for path in paths.get(_kind(document), ()):
        name = value_at(document.value, path)
        if isinstance(name, str):
            document = _with(document, path, name + suffix)
    return document


def _with(document: Document, path: Path, value: str) -> Document:
    """Another value at the same place."""
    return replace(document, value=_replaced(document.value, path, value))


def _replaced(data: Any, path: Path, value: str) -> Any:
    if not path:
        return value
    return {**data, path[0]: _replaced(data[path[0]], path[1:], value)}
