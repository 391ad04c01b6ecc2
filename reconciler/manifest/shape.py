"""Documents → kinds: which fields there are and of which types, every problem at its line and column.

What is wrong is cut out, so that the rest of the document is still checked for sense.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from reconciler.domain.base import Value
from reconciler.domain.diagnostic import Diagnostic, Location, error
from reconciler.domain.kinds.dataset import DatasetManifest, DatasetSpec
from reconciler.domain.kinds.fine_tuned_model import FineTunedModelManifest, FineTunedModelSpec
from reconciler.domain.kinds.metadata import API_VERSION, Metadata
from reconciler.domain.kinds.project import ProjectManifest, ProjectSpec
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.document import Document, Path, spelled

ModelT = TypeVar("ModelT", bound=BaseModel)
Spec = ProjectSpec | DatasetSpec | FineTunedModelSpec

KINDS: dict[str, tuple[type[Value], type[Spec]]] = {
    "Project": (ProjectManifest, ProjectSpec),
    "Dataset": (DatasetManifest, DatasetSpec),
    "FineTunedModel": (FineTunedModelManifest, FineTunedModelSpec),
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
    problems += [_told(manifest, problem, path, document) for path, problem in wrong if not _refused(path, document)]
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
        yield _missing(document, ("apiVersion",), hint=f"write `apiVersion: {API_VERSION}`")
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
        yield _missing(document, ("kind",), hint=f"write one of {', '.join(KINDS)}")
        return
    yield error(
        "unknown-kind",
        "The kind is not known",
        detail=f"It is {found(kind)}; there are {', '.join(KINDS)}.",
        hint=did_you_mean(str(kind), KINDS),
        where=document.at(("kind",)),
    )


def _missing(document: Document, path: Path, hint: str = "") -> Diagnostic:
    return error(
        "missing-field",
        "A required field is missing",
        detail=f"`{spelled(path)}` is required.",
        hint=hint,
        where=document.at(path),
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


def _told(manifest: type[BaseModel], problem: Mapping[str, Any], path: Path, document: Document) -> Diagnostic:
    """One problem in words.

    ========================  =====================================================
    missing                   missing-field
    extra_forbidden           unknown-field, with the nearest field
    a type                    wrong-type: what is expected, what was found
    a bound                   out-of-range
    metadata.name and others  invalid-name
    all else                  invalid-value
    ========================  =====================================================
    """
    kind, value = problem["type"], problem["input"]
    name = str(path[-1]) if path else ""
    if kind == "missing":
        return _missing(document, path)
    if kind == "extra_forbidden":
        return _unknown_field(manifest, path, document)
    if name in _NAMES and kind.startswith("string_") and isinstance(value, str):
        return bad_name(value, document.at(path), spelled(path))
    code, detail, hint = _explained(kind, problem, value, masked=_is_secret(name))
    summary = {"wrong-type": "A field has the wrong type", "out-of-range": "A number is out of range"}
    return error(
        code,
        summary.get(code, "A field has a value that is not accepted"),
        detail=f"`{spelled(path)}` {detail}.",
        hint=hint,
        where=document.at(path),
    )


_NAMES = frozenset({"name", "renamedFrom", "fineTunedModel"})


def bad_name(name: str, where: Location, field: str) -> Diagnostic:
    return error(
        "invalid-name",
        "A name is not legal",
        detail=f"`{field}` is {found(name)}: {_name_fault(name)}.",
        hint="1-63 letters (a-z, A-Z), digits and single hyphens, beginning and ending with a letter or digit",
        where=where,
    )


def _name_fault(name: str) -> str:
    if not name:
        return "it is empty"
    if len(name) > 63:
        return f"it has {len(name)} characters, SageMaker and Bedrock take at most 63"
    if strange := sorted(set(re.sub(r"[A-Za-z0-9-]", "", name))):
        return f"{', '.join(map(repr, strange[:5]))} cannot stand in a name"
    return "hyphens must stand alone, between letters or digits"


def _unknown_field(manifest: type[BaseModel], path: Path, document: Document) -> Diagnostic:
    known = _fields_at(manifest, path[:-1])
    field = str(path[-1])
    near = "it cannot stand beside the others given here: keep one" if field in known else did_you_mean(field, known)
    return error(
        "unknown-field",
        "A field is not known",
        detail=f"`{spelled(path)}` is not accepted in a {manifest.__name__.removesuffix('Manifest')}.",
        hint=near or f"known here: {', '.join(known)}",
        where=document.at_key(path),
    )


def _fields_at(model: type[BaseModel], path: Path) -> list[str]:
    models = [model]
    for step in path:
        fields = (
            field for each in models for name, field in each.model_fields.items() if (field.alias or name) == step
        )
        if isinstance(step, str):
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    return [field.alias or name for each in models for name, field in each.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


_EXPECTED = {
    "string_type": "text",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "datetime_type": "a point in time as text",
}

_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def _explained(kind: str, problem: Mapping[str, Any], value: Any, *, masked: bool) -> tuple[str, str, str]:
    """Code, detail (after the field's name) and hint."""
    shown = "something else" if masked else found(value)
    context = problem.get("ctx", {})
    if kind in _EXPECTED:
        text = "the text " if isinstance(value, str) and not masked else ""
        return "wrong-type", f"is {text}{shown}; expected {_EXPECTED[kind]}", "" if masked else _type_hint(kind, value)
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return "out-of-range", f"is {shown}; it must be {words} {context[key]}", ""
    match kind:
        case "literal_error":
            choices = re.findall(r"'([^']*)'", str(context["expected"]))
            return "invalid-value", f"is {shown}; expected {' or '.join(choices)}", did_you_mean(str(value), choices)
        case "value_error":
            words, _, hint = str(context["error"]).partition(": ")
            return "invalid-value", f"is {shown}", hint or words
        case "timezone_aware":
            return "invalid-value", f"is {shown}, which has no UTC offset", "write it as 2026-12-24T18:00:00+01:00"
        case "datetime_parsing" | "datetime_from_date_parsing":
            return "invalid-value", f"is {shown}, which is no point in time", "write it as 2026-12-24T18:00:00+01:00"
        case "string_too_short" | "string_too_long":
            return "invalid-value", f"has {len(value)} characters; {_limits(context)}", ""
        case "too_long":
            return "invalid-value", f"has {len(value)} entries; at most {context['max_length']} are accepted", ""
        case _:
            return "invalid-value", f"is {shown}", str(problem["msg"])


def _limits(context: Mapping[str, Any]) -> str:
    if "max_length" in context:
        return f"at most {context['max_length']} are accepted"
    return f"at least {context['min_length']} is needed"


def _type_hint(kind: str, value: Any) -> str:
    """What to write instead, where it can be told: YAML 1.1 spellings, quoted numbers, unquoted text."""
    match kind, value:
        case "bool_type", str() if value.lower() in _OLD_BOOLEANS:
            return f"write {_OLD_BOOLEANS[value.lower()]}: in YAML 1.2 only true and false are booleans"
        case (("int_type" | "int_from_float"), float()) if value == int(value):
            return f"write {int(value)}"
        case (("int_type" | "float_type"), str()) if re.fullmatch(
            r"[+-]?[\d_]*\.?[\d_]+([eE][+-]?\d+)?", value, re.ASCII
        ):
            return (
                f"write {value.replace('_', '')} without quotes"
                if "_" not in value
                else f"write {value.replace('_', '')}"
            )
        case "string_type", bool() | int() | float():
            return f'write "{json.dumps(value)}" with quotes'
        case _:
            return ""


_OLD_BOOLEANS = {
    "yes": "true",
    "on": "true",
    "y": "true",
    "true": "true",
    "no": "false",
    "off": "false",
    "n": "false",
    "false": "false",
}


def _is_secret(name: str) -> bool:
    return "secret" in name.lower() or "token" in name.lower()


def found(value: object) -> str:
    """A value as it is told to a person: its type, and the beginning of what it is."""
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return f"`{value if len(value) <= 60 else value[:59] + '…'}`".replace("\n", "⏎")
        case int():
            return f"the integer {value}"
        case float():
            return f"the number {value!r}"
        case list() | tuple():
            return "a list"
        case _:
            return "a mapping"
