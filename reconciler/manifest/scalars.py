"""What a plain scalar means: the core schema of YAML 1.2 (chapter 10.3.2), with the ambiguous and the unbounded refused.

=================  =======================================================================
``null`` ``~`` …    nothing
``true`` ``True``   booleans; ``yes``, ``no``, ``on``, ``off`` are strings
``12`` ``0o14``     integers of at most 64 bits; ``012`` is refused: YAML 1.1 read it as 10, YAML 1.2 as 12
``2e-5`` ``.5``     numbers; ``.nan``, ``.inf`` and what overflows or vanishes are refused
all else            strings: ``1_000``, ``22:22``, ``2026-11-24``
=================  =======================================================================
"""

from __future__ import annotations

import math
import re

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_AMBIGUOUS = re.compile(r"[-+]?0[0-9]+", re.ASCII)

_FIRST_OF_SPECIAL = frozenset("nN~tTfF+-.0123456789")

LARGEST_INTEGER = 2**63 - 1
_LONGEST_NUMBER = 64


class ScalarRefused(ValueError):
    """``code`` and ``hint`` go into the diagnostic."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def plain(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar. Raises :class:`ScalarRefused`."""
    if text and text[0] not in _FIRST_OF_SPECIAL:
        return text
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _NOT_FINITE.fullmatch(text):
        raise ScalarRefused("invalid-number", f"`{text}` is not a finite number", "write a finite number")
    return _float(text) if _FLOAT.fullmatch(text) else text


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise _too_large(text)
    if _AMBIGUOUS.fullmatch(text):
        decimal = text.lstrip("+-0") or "0"
        raise ScalarRefused(
            "ambiguous-number",
            f"`{text}` begins with a zero: YAML 1.1 reads such numbers as octal, YAML 1.2 as decimal",
            f'write {decimal}, or "{text}" with quotes if it is text',
        )
    value = int(text, 0)
    if abs(value) > LARGEST_INTEGER:
        raise _too_large(text)
    return value


def _float(text: str) -> float:
    if len(text) > _LONGEST_NUMBER:
        raise _too_large(text)
    value = float(text)
    if math.isinf(value) or (value == 0 and re.search("[1-9]", re.split("[eE]", text)[0])):
        raise _too_large(text)
    return value


def _too_large(text: str) -> ScalarRefused:
    shown = text if len(text) <= 20 else f"{text[:12]}… ({len(text):,} characters)"
    return ScalarRefused("invalid-number", f"`{shown}` is beyond what a 64-bit number holds", "write a smaller number")
