"""The functions of expressions, in CEL's names. ``matches`` is left out: regular expressions here could run for ever."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Function(NamedTuple):
    arity: int
    """The subject of ``subject.function(…)`` counted."""
    run: Callable[..., Any]
    """Raises TypeError or ValueError where a value is not of its kind."""


def kind_of(value: Any) -> str:
    """CEL's name of a JSON value's type."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "double"
        case str():
            return "string"
        case list():
            return "list"
        case _:
            return "map"


def text_of(value: Any) -> str:
    """As a message shows it: lists with commas, numbers without needless digits."""
    match value:
        case None | bool():
            return str(value).lower() if value is not None else "null"
        case float():
            return f"{value:.10g}"
        case list():
            return ", ".join(text_of(item) for item in value)
        case dict():
            return ", ".join(f"{key}={text_of(item)}" for key, item in value.items())
        case _:
            return str(value)


def _size(value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise TypeError(f"{kind_of(value)} has no size")


def _texts(run: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def checked(subject: Any, part: Any) -> bool:
        if isinstance(subject, str) and isinstance(part, str):
            return run(subject, part)
        raise TypeError(f"it takes two strings, not {kind_of(subject)} and {kind_of(part)}")

    return checked


def _int(value: Any) -> int:
    if isinstance(value, dict | list | None):
        raise TypeError(f"no int from {kind_of(value)}")
    number = int(value) if not isinstance(value, float) or math.isfinite(value) else 2**63
    if abs(number) >= 2**63:
        raise ValueError("the number does not fit 64 bits")
    return number


def _double(value: Any) -> float:
    if isinstance(value, dict | list | None):
        raise TypeError(f"no double from {kind_of(value)}")
    return float(value)


FUNCTIONS: dict[str, Function] = {
    "size": Function(1, _size),
    "contains": Function(2, _texts(lambda text, part: part in text)),
    "startsWith": Function(2, _texts(str.startswith)),
    "endsWith": Function(2, _texts(str.endswith)),
    "string": Function(1, text_of),
    "int": Function(1, _int),
    "double": Function(1, _double),
    "type": Function(1, kind_of),
}
