"""Checks a request against botocore's own model of the operation: required members, lengths, ranges, enums, patterns.

Nothing here is written per operation: what the model of a service says is what the embedded cloud demands. The words of
a refusal follow AWS: "2 validation errors detected: Value '' at 'modelName' failed to satisfy constraint: ...".
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

NUMBERS = frozenset({"integer", "long", "float", "double"})
TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (Mapping,),
    "list": (list, tuple),
    "map": (Mapping,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}
"""What the parser gives for each type of shape; timestamps and blobs it has converted itself."""
SHOWN = 200
"""Longest piece of a refused value that is repeated in the message."""


def refusal(shape: Shape | None, params: Mapping[str, Any]) -> str | None:
    """AWS's message for parameters that break the model, all problems in one; None when there is nothing to say."""
    problems = [] if shape is None else list(_check(shape, params, ""))
    if not problems:
        return None
    count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
    return count + "; ".join(problems)


def mistyped(shape: Shape | None, value: Any, path: str = "") -> str | None:
    """Where a value is of another type than its shape, as "'tags' is no list"; None when all types are right."""
    if shape is None or getattr(shape, "is_document_type", False) or shape.type_name not in TYPES:
        return None
    if not isinstance(value, TYPES[shape.type_name]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        return f"'{path or 'the request'}' is no {shape.type_name}"
    return next((wrong for wrong in (mistyped(*part) for part in _parts(shape, value, path)) if wrong), None)


def _parts(shape: Shape, value: Any, path: str) -> Iterator[tuple[Shape, Any, str]]:
    match shape:
        case StructureShape():
            for member, inner in shape.members.items():
                if value.get(member) is not None:
                    yield inner, value[member], _join(path, member)
        case ListShape():
            for number, item in enumerate(value, start=1):
                yield shape.member, item, f"{path}.{number}.member"
        case MapShape():
            for key, item in value.items():
                yield shape.value, item, f"{path}.{key}"


def _check(shape: Shape, value: Any, path: str) -> Iterator[str]:
    match shape:
        case StructureShape():
            yield from _check_structure(shape, value, path)
        case ListShape():
            yield from _check_length(shape, value, path)
            for number, item in enumerate(value, start=1):
                yield from _check(shape.member, item, f"{path}.{number}.member")
        case MapShape():
            yield from _check_map(shape, value, path)
        case _ if shape.type_name == "string":
            yield from _check_string(shape, value, path)
        case _ if shape.type_name in NUMBERS:
            yield from _check_range(shape, value, path)


def _check_structure(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    if getattr(shape, "is_document_type", False) or not isinstance(value, Mapping):
        return
    for member in shape.required_members:
        if value.get(member) is None:
            yield f"Value null at '{_join(path, member)}' failed to satisfy constraint: Member must not be null"
    for member, member_shape in shape.members.items():
        if value.get(member) is not None:
            yield from _check(member_shape, value[member], _join(path, member))


def _check_map(shape: MapShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from _check_length(shape, value, path)
    for key, item in value.items():
        yield from _check(shape.key, key, path)
        yield from _check(shape.value, item, f"{path}.{key}")


def _check_string(shape: Shape, value: Any, path: str) -> Iterator[str]:
    yield from _check_length(shape, value, path)
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield _breaks(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _breaks(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _check_length(shape: Shape, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and len(value) < least:
        yield _breaks(value, path, f"Member must have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield _breaks(value, path, f"Member must have length less than or equal to {most}")


def _check_range(shape: Shape, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield _breaks(value, path, f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        yield _breaks(value, path, f"Member must have value less than or equal to {most}")


def _breaks(value: Any, path: str, constraint: str) -> str:
    shown = str(value)
    shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "..."
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, member: str) -> str:
    """AWS writes members with a small first letter, whatever the API's own spelling."""
    spelled = member[:1].lower() + member[1:]
    return f"{path}.{spelled}" if path else spelled


@functools.cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    """The model's patterns are Java's; what Python spells otherwise is translated. One that cannot be read allows all."""
    try:
        return regex.compile(pattern.replace(r"\p{ASCII}", r"[\x00-\x7f]").replace(r"\z", r"\Z"), regex.DOTALL)
    except regex.error:
        return regex.compile(".*", regex.DOTALL)
