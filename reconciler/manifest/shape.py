"""Documents → kinds: which fields there are and of which types, every problem at its line and column.

What is wrong is cut out, so that the rest of the document is still checked for sense.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from reconciler.domain.base import Value
from reconciler.domain.diagnostic import Diagnostic, Location, error
from reconciler.domain.kinds.dataset import DatasetManifest, DatasetSpec
from reconciler.domain.kinds.fine_tuned_model import FineTunedModelManifest, FineTunedModelSpec
from reconciler.domain.kinds.metadata import API_VERSION, Metadata
from reconciler.domain.kinds.policy import PolicyManifest, PolicySpec
from reconciler.domain.kinds.project import ProjectManifest, ProjectSpec
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.document import Document, Path
from reconciler.manifest.explain import found, missing, told

ModelT = TypeVar("ModelT", bound=BaseModel)
Spec = ProjectSpec | DatasetSpec | FineTunedModelSpec | PolicySpec

KINDS: dict[str, tuple[type[Value], type[Spec]]] = {
    "Project": (ProjectManifest, ProjectSpec),
    "Dataset": (DatasetManifest, DatasetSpec),
    "FineTunedModel": (FineTunedModelManifest, FineTunedModelSpec),
    "Policy": (PolicyManifest, PolicySpec),
}


@dataclass(frozen=True, slots=True)
class Shaped:
    """A document of a known kind. ``name`` is as written, legal or not; ``data`` is the spec without what was wrong in it."""

    kind: str
    name: str | None
    metadata: Metadata | None
    spec: Spec | None
    data: Mapping[str, Any]
    document: Document
    wrong: frozenset[Path] = frozenset()
    """Where something was refused, by the parser or for its shape."""

    def intact(self, path: Path) -> bool:
        """Whether nothing at, above or under the path was refused."""
        return not any(path[: len(other)] == other[: len(path)] for other in self.wrong)

    @property
    def address(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def where(self) -> Location:
        return self.document.at(("metadata", "name"))


def shape(document: Document) -> tuple[Shaped | None, tuple[Diagnostic, ...]]:
    """``None`` where the kind is not known. Null counts as left out."""
    if not isinstance(document.value, dict):
        return None, (_no_mapping(document),) if () not in document.refused else ()
    data = _without_nulls(document.value)
    problems = [*_version_problems(document, data)]
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        return None, (*problems, *_kind_problems(document, kind))
    data["apiVersion"] = API_VERSION
    manifest, spec = KINDS[kind]
    wrong = [(_path(problem, data), problem) for problem in _errors(manifest, data)]
    problems += [told(manifest, problem, path, document) for path, problem in wrong if not _refused(path, document)]
    shaped = _shaped(kind, spec, document, _pruned(manifest, data))
    return replace(shaped, wrong=document.refused | {path for path, _ in wrong}), tuple(problems)


def _shaped(kind: str, spec: type[Spec], document: Document, data: dict[str, Any]) -> Shaped:
    written = document.value.get("metadata")
    name = written.get("name") if isinstance(written, dict) else None
    return Shaped(
        kind=kind,
        name=name if isinstance(name, str) else None,
        metadata=typed(Metadata, data.get("metadata")),
        spec=typed(spec, data.get("spec", {})),
        data=data.get("spec", {}),
        document=document,
    )


def typed(model: type[ModelT], data: Any) -> ModelT | None:
    """The value where it is valid. Strict, as JSON: no text is taken for a number, lists serve as tuples."""
    try:
        return model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError:
        return None


def _without_nulls(value: Any, *, key: str = "") -> Any:
    """Nulls mean nothing in a manifest, except in ``optional``, which is the trainer's own JSON."""
    if isinstance(value, dict) and key != "optional":
        return {name: _without_nulls(item, key=name) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _no_mapping(document: Document) -> Diagnostic:
    return error(
        "not-a-mapping",
        "A document is no manifest",
        detail=f"It is {found(document.value)}; a manifest is a mapping with apiVersion, kind, metadata and spec.",
        hint="begin with `apiVersion: reconciler/v1`",
        where=document.at(()),
    )


def _version_problems(document: Document, data: Mapping[str, Any]) -> Iterator[Diagnostic]:
    version = data.get("apiVersion")
    if version == API_VERSION or ("apiVersion",) in document.refused:
        return
    if version is None:
        yield missing(document, ("apiVersion",), hint=f"write `apiVersion: {API_VERSION}`")
        return
    yield error(
        "unknown-api-version",
        "The apiVersion is not known",
        detail=f"It is {found(version)}; this release reads `{API_VERSION}`.",
        hint=f"write `apiVersion: {API_VERSION}`",
        where=document.at(("apiVersion",)),
    )


def _kind_problems(document: Document, kind: object) -> Iterator[Diagnostic]:
    if ("kind",) in document.refused:
        return
    if kind is None:
        yield missing(document, ("kind",), hint=f"write one of {', '.join(KINDS)}")
        return
    yield error(
        "unknown-kind",
        "The kind is not known",
        detail=f"It is {found(kind)}; there are {', '.join(KINDS)}.",
        hint=did_you_mean(str(kind), KINDS),
        where=document.at(("kind",)),
    )


def _refused(path: Path, document: Document) -> bool:
    return any(path[:length] in document.refused for length in range(len(path) + 1))


def _errors(manifest: type[BaseModel], data: Mapping[str, Any]) -> list[Any]:
    try:
        manifest.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as invalid:
        return invalid.errors(include_url=False)
    return []


def _path(problem: Mapping[str, Any], data: Any) -> Path:
    """pydantic's location without the steps that are no part of the document, such as the branch of a union."""
    path: Path = ()
    for number, step in enumerate(problem["loc"], 1):
        if (isinstance(data, dict) and step in data) or (isinstance(data, list) and isinstance(step, int)):
            path, data = (*path, step), data[step]
        elif problem["type"] == "missing" and number == len(problem["loc"]):
            path = (*path, step)
    return path


def _pruned(manifest: type[BaseModel], data: dict[str, Any]) -> dict[str, Any]:
    """The data without what is wrong in it. A list or a mapping that lacks what it must have is cut out whole."""
    data = json.loads(json.dumps(data))
    for _ in range(_MOST_ROUNDS):
        wrong = [(problem["type"], _path(problem, data)) for problem in _errors(manifest, data)]
        for kind, path in wrong:
            _cut(data, path[:-1] if kind == "missing" else path)
        if not wrong:
            break
    return data


_MOST_ROUNDS = 8
"""No kind nests required fields deeper."""


def _cut(data: Any, path: Path) -> None:
    """Remove the value at the path; where the path leads through a list, the list."""
    index = next((number for number, step in enumerate(path) if isinstance(step, int)), len(path))
    *parents, last = path[:index] or (None,)
    for step in parents:
        if not isinstance(data, dict) or step not in data:
            return
        data = data[step]
    if isinstance(data, dict):
        data.pop(last, None)
