"""GitHub's expressions, as far as our workflows use them (docs.github.com, "Evaluate expressions in workflows and actions")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)"
    r"|(?P<sign>==|!=|&&|\|\||[!(),]))"
)
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


def interpolated(text: str, contexts: Mapping[str, Any]) -> str:
    """Text with every ``${{ … }}`` replaced."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _text(evaluated(found[1], contexts)), text)


def holds(condition: object, contexts: Mapping[str, Any], functions: Mapping[str, Callable[[], bool]]) -> bool:
    """An ``if:``, with or without ``${{ }}``. Where it asks for no status, all must have gone well before."""
    text = str(condition).strip()
    text = text[3:-2] if text.startswith("${{") and text.endswith("}}") else text
    asks = re.search(r"\b(always|success|failure|cancelled)\(\)", text)
    return bool(evaluated(text, contexts, functions)) and (bool(asks) or functions["success"]())


def evaluated(text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[[], bool]] | None = None) -> Any:
    reader = _Reader(_tokens(text), contexts, functions or {})
    value = reader.either()
    assert not reader.tokens, f"{text!r} is not understood at {reader.tokens[0]}"
    return value


class _Reader:
    def __init__(
        self,
        tokens: list[tuple[str, str]],
        contexts: Mapping[str, Any],
        functions: Mapping[str, Callable[[], bool]],
    ) -> None:
        self.tokens, self.contexts, self.functions = tokens, contexts, functions

    def either(self) -> Any:
        value = self.both()
        while self._is("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.compared()
        while self._is("&&"):
            other = self.compared()
            value = value and other
        return value

    def compared(self) -> Any:
        value = self.single()
        if self._is("=="):
            return _same(value, self.single())
        if self._is("!="):
            return not _same(value, self.single())
        return value

    def single(self) -> Any:
        kind, token = self.tokens.pop(0)
        match kind, token:
            case "sign", "!":
                return not self.single()
            case "sign", "(":
                value = self.either()
                assert self._is(")")
                return value
            case "string", _:
                return token[1:-1].replace("''", "'")
            case "number", _:
                return float(token)
            case "name", _ if token in _WORDS:
                return _WORDS[token]
            case "name", _ if self._is("("):
                assert self._is(")"), "no function of ours takes arguments"
                return self.functions[token]()
            case "name", _:
                return _looked_up(token, self.contexts)
        raise AssertionError(f"{token!r} is not understood")

    def _is(self, sign: str) -> bool:
        found = bool(self.tokens) and self.tokens[0] == ("sign", sign)
        if found:
            self.tokens.pop(0)
        return found


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        assert token is not None, f"{text!r} is not understood"
        assert token.lastgroup is not None
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


def _looked_up(name: str, contexts: Mapping[str, Any]) -> Any:
    """What is not there is null; a context that does not exist is a mistake."""
    first, *rest = name.split(".")
    value: Any = contexts[first]
    for part in rest:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _same(one: Any, other: Any) -> bool:
    """Text regardless of case; null is the empty text where the other is text."""
    if isinstance(one, str) or isinstance(other, str):
        return _text(one).lower() == _text(other).lower()
    return bool(one == other)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
