"""A step's log as GitHub's runner reads it: workflow commands in it are obeyed, wherever they come from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_COMMAND = re.compile(r"\s*::(?P<name>[\w-]+)(?:\s+(?P<properties>[^:]*(?::(?!:)[^:]*)*))?::(?P<data>.*)")
_OLD = re.compile(r"##\[(?P<name>[\w-]+)(?:\s(?P<properties>[^\]]*))?\](?P<data>.*)")


@dataclass(frozen=True)
class Command:
    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    data: str = ""


def commands(log: str) -> Iterator[Command]:
    """As actions/runner finds them: ``::name`` at the beginning of a line, after white space too; ``##[name]`` anywhere in it."""
    for line in log.splitlines():
        found = _COMMAND.match(line) or _OLD.search(line)
        if found:
            pairs = (pair.partition("=") for pair in (found["properties"] or "").split(",") if pair)
            properties = {name.strip(): _unescaped(value) for name, _, value in pairs}
            yield Command(found["name"], properties, _unescaped(found["data"]))


def _unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text
