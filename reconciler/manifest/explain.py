"""What is wrong with a field, in words: pydantic's errors → diagnostics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from reconciler.domain.diagnostic import Diagnostic, Location, error
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.document import Document, Path, spelled


def told(manifest: type[BaseModel], problem: Mapping[str, Any], path: Path, document: Document) -> Diagnostic:
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
        return missing(document, path, hint=_form_hint(path[:-1]))
    if kind == "extra_forbidden":
        return _unknown_field(manifest, path, document)
    if name in _NAMES and kind.startswith("string_") and isinstance(value, str):
        return bad_name(value, document.at(path), spelled(path))
    code, detail, hint = _explained(kind, problem, value, masked=_is_secret(name))
    if kind in _WRONG_FORM and name in _FORMS:
        detail, hint = f"is {found(value)}", _form_hint(path)
    summary = {"wrong-type": "A field has the wrong type", "out-of-range": "A number is out of range"}
    return error(
        code,
        summary.get(code, "A field has a value that is not accepted"),
        detail=f"`{spelled(path)}` {detail}.",
        hint=hint,
        where=document.at(path),
    )


_NAMES = frozenset({"name", "renamedFrom", "fineTunedModel"})
_WRONG_FORM = frozenset({"model_type", "literal_error"})
_FORMS = {
    "dataset": "{training: NAME}",
    "validation": "{split: 10%}, {dataset: NAME} or none",
    "earlyStopping": "{patience: 3, threshold: 0.01}",
    "throughput": "{modelUnits: 1, commitment: none}",
    "autoUndeploy": "{after: 8h}, {at: 2026-12-24T18:00:00+01:00} or {hours: Mon-Fri 08:00-20:00}",
}
"""What to write for fields that people write a single value for."""


def _form_hint(path: Path) -> str:
    form = _FORMS.get(str(path[-1])) if path else None
    return f"write `{path[-1]}: {form}`" if form else ""


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
        return "out-of-range", f"is {shown}; it must be {words} {context[key]:g}", ""
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
            return "put it in quotes, so that it is text"
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


def missing(document: Document, path: Path, hint: str = "") -> Diagnostic:
    return error(
        "missing-field",
        "A required field is missing",
        detail=f"`{spelled(path)}` is required.",
        hint=hint,
        where=document.at(path),
    )
