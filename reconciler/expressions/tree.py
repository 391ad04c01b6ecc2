"""The tree of an expression. Every node knows at which character it stands."""

from __future__ import annotations

from dataclasses import dataclass

Constant = None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Literal:
    value: Constant
    offset: int


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Select:
    """``of.field``."""

    of: Node
    field: str
    offset: int


@dataclass(frozen=True, slots=True)
class Index:
    of: Node
    key: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Has:
    """``has(of.field)``."""

    select: Select
    offset: int


@dataclass(frozen=True, slots=True)
class Call:
    """``function(a, b)`` and ``a.function(b)`` alike."""

    function: str
    arguments: tuple[Node, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Loop:
    """``over.macro(variable, body)``: all, exists, exists_one, filter, map."""

    macro: str
    over: Node
    variable: str
    body: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Node
    right: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Choice:
    """``condition ? yes : no``."""

    condition: Node
    yes: Node
    no: Node
    offset: int


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple[Node, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class MapOf:
    entries: tuple[tuple[Node, Node], ...]
    offset: int


Node = Literal | Name | Select | Index | Has | Call | Loop | Unary | Binary | Choice | ListOf | MapOf
