"""CEL text → tokens, after https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class ExpressionError(ValueError):
    """What is wrong with an expression, and at which character of it, from 0. ``hint``: the nearest that is right."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


class Token(NamedTuple):
    """``kind`` is ``name``, ``number``, ``string``, ``end``, or the operator itself."""

    kind: str
    text: str
    offset: int


_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    r"|(?P<number>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+)"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])"
)


def tokens(text: str) -> Iterator[Token]:
    """Ends with a token of kind ``end``. Raises ExpressionError for what no token begins with."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(_stray(text[at]), at)
        kind = found.lastgroup or ""
        if kind != "space":
            yield Token(found.group() if kind == "operator" else kind, found.group(), at)
        at = found.end()
    yield Token("end", "", len(text))


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\", "`": "`", "?": "?"}


def literal(token: Token) -> str:
    """The text that a string token stands for."""

    def meant(escape: re.Match[str]) -> str:
        code = escape[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            raise ExpressionError(f"there is no escape `\\{code}`", token.offset + 1 + escape.start())
        return _ESCAPED[code]

    return _ESCAPE.sub(meant, token.text[1:-1])


def _stray(character: str) -> str:
    match character:
        case '"' | "'":
            return "a quote is opened and not closed on its line"
        case "=":
            return "a single `=`: equality is `==`"
        case "&" | "|":
            return f"a single `{character}`: write `{character}{character}`"
        case _:
            return f"{character!a} begins nothing here"
