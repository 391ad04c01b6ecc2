"""One YAML document as plain values, and where each of them stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconciler.domain.diagnostic import Location

Path = tuple[str | int, ...]
"""Keys and indexes from the document's root: ``("spec", "promotion", 0, "max")``."""


class Position(NamedTuple):
    """Line and column, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """``value`` is made of dict, list, str, int, float, bool and None. Refused values stand in it as None."""

    file: str
    value: Any
    values: Mapping[Path, Position]
    keys: Mapping[Path, Position]
    refused: frozenset[Path] = field(default_factory=frozenset)
    """Paths whose value was refused by the parser, with a diagnostic of its own."""
    files: Mapping[Path, str] = field(default_factory=dict)
    """Where an environment says otherwise: the file that a path's value stands in, in place of ``file``."""

    def at(self, path: Path) -> Location:
        """Where the value stands, or the nearest value around it."""
        return self._location(self.values, path)

    def at_key(self, path: Path) -> Location:
        """Where the key stands that the value belongs to."""
        return self._location(self.keys if path in self.keys else self.values, path)

    def has(self, path: Path) -> bool:
        return path in self.values

    def _location(self, positions: Mapping[Path, Position], path: Path) -> Location:
        nearest = path
        while nearest and nearest not in positions:
            nearest = nearest[:-1]
        line, column = positions.get(nearest) or self.values.get((), Position(1, 1))
        file = self.files.get(nearest, self.file)
        return Location(file=file, line=line, column=column, path=spelled(path))


def spelled(path: Path) -> str:
    """``spec.promotion[0].max``. Keys that are no plain words are quoted, long ones shortened."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{_key(step)}" if text else _key(step)
    return text


def _key(key: str) -> str:
    shown = key if len(key) <= 60 else key[:59] + "…"
    return shown if shown and not any(letter in shown for letter in ".[]\"' \n") else f'"{shown}"'
