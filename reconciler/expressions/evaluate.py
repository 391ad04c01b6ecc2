"""Tree × variables → value, within a budget of steps: whatever a rule says, it ends soon and stays small.

Values are JSON's. CEL's semantics, with its two kinds of numbers mixing freely, since JSON does not tell them apart:

=====================  =====================================================================================
``a && b``, ``a || b``  decided by whichever side decides; an error on the other side does not matter
``a == b``              never an error; values of different kinds are unequal
``a.b``                 an error where ``a`` has no ``b``; ``has(a.b)`` asks first
``exists``, ``all``     as ``||`` and ``&&`` over the items; of a map, over its keys
``/`` of two ints       cut towards zero
=====================  =====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, assert_never

from reconciler.expressions.functions import FUNCTIONS, kind_of
from reconciler.expressions.tokens import ExpressionError
from reconciler.expressions.tree import (
    Binary,
    Call,
    Choice,
    Has,
    Index,
    ListOf,
    Literal,
    Loop,
    MapOf,
    Name,
    Node,
    Select,
    Unary,
)

MAX_STEPS = 200_000
"""A step is a node visited, or a value or 100 characters that an operator made or looked at."""


class TooMuchWork(Exception):
    """The budget is used up. Not an ExpressionError: ``||`` and ``&&`` must not swallow it."""


def evaluate(node: Node, variables: Mapping[str, Any], *, max_steps: int = MAX_STEPS) -> Any:
    """Raises ExpressionError with the place where the data did not fit the expression, and TooMuchWork."""
    return _Evaluation(max_steps).value(node, variables)


class _Evaluation:
    def __init__(self, steps: int) -> None:
        self.steps = steps

    def charge(self, steps: int = 1) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise TooMuchWork

    def value(self, node: Node, names: Mapping[str, Any]) -> Any:
        self.charge()
        match node:
            case Literal(value):
                return value
            case Name(name):
                return names[name]
            case Select(of, field, offset):
                return _selected(self.value(of, names), field, offset)
            case Index(of, key, offset):
                return _indexed(self.value(of, names), self.value(key, names), offset)
            case Has(Select(of, field), offset):
                return field in _mapping(self.value(of, names), field, offset)
            case Call():
                return self.called(node, names)
            case Loop():
                return self.looped(node, names)
            case Unary():
                return self.signed(node, names)
            case Binary(operator="&&" | "||"):
                return self.either(node, names)
            case Binary(operator, left, right, offset):
                return self.operated(operator, self.value(left, names), self.value(right, names), offset)
            case Choice(condition, yes, no, offset):
                return self.value(yes if _truth(self.value(condition, names), offset) else no, names)
            case ListOf(items):
                return self.weighed([self.value(item, names) for item in items])
            case MapOf():
                return self.mapped(node, names)
        assert_never(node)

    def called(self, node: Call, names: Mapping[str, Any]) -> Any:
        arguments = [self.weighed(self.value(argument, names)) for argument in node.arguments]
        try:
            return FUNCTIONS[node.function].run(*arguments)
        except (TypeError, ValueError, OverflowError) as trouble:
            raise ExpressionError(f"{node.function}: {trouble}", node.offset) from None

    def signed(self, node: Unary, names: Mapping[str, Any]) -> Any:
        value = self.value(node.operand, names)
        if node.operator == "!":
            return not _truth(value, node.offset)
        return self.operated("-", 0, value, node.offset)

    def either(self, node: Binary, names: Mapping[str, Any]) -> bool:
        decisive = node.operator == "||"
        try:
            if _truth(self.value(node.left, names), node.offset) is decisive:
                return decisive
        except ExpressionError:
            if _truth(self.value(node.right, names), node.offset) is decisive:
                return decisive
            raise
        return _truth(self.value(node.right, names), node.offset)

    def operated(self, operator: str, left: Any, right: Any, offset: int) -> Any:
        match operator:
            case "==" | "!=":
                self.weighed(left)
                self.weighed(right)
                return equal(left, right) is (operator == "==")
            case "in":
                return self.contained(left, right, offset)
            case "<" | "<=" | ">" | ">=":
                return _compared(operator, left, right, offset)
            case "+" if isinstance(left, str) and isinstance(right, str):
                return self.weighed(left + right)
            case "+" if isinstance(left, list) and isinstance(right, list):
                return self.weighed(left + right)
            case _:
                return _computed(operator, left, right, offset)

    def contained(self, item: Any, container: Any, offset: int) -> bool:
        match container:
            case dict():
                return isinstance(item, str) and item in container
            case list():
                self.weighed(container)
                return any(equal(item, other) for other in container)
        raise ExpressionError(f"`in` looks into a list or a map, not into {_a(container)}", offset)

    def mapped(self, node: MapOf, names: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.entries:
            key = self.value(key_node, names)
            if not isinstance(key, str):
                raise ExpressionError(f"a key is a string, not {_a(key)}", key_node.offset)
            made[key] = self.value(value_node, names)
        self.weighed(made)
        return made

    def looped(self, node: Loop, names: Mapping[str, Any]) -> Any:
        over = self.value(node.over, names)
        if not isinstance(over, list | dict):
            raise ExpressionError(f"`{node.macro}` goes over a list or a map, not over {_a(over)}", node.offset)
        items = list(over)
        match node.macro:
            case "all" | "exists":
                return self.quantified(node, items, names)
            case "exists_one":
                return sum(self.holds(node, item, names) for item in items) == 1
            case "filter":
                return self.weighed([item for item in items if self.holds(node, item, names)])
            case _:
                return self.weighed([self.value(node.body, {**names, node.variable: item}) for item in items])

    def quantified(self, node: Loop, items: list[Any], names: Mapping[str, Any]) -> bool:
        decisive, trouble = node.macro == "exists", None
        for item in items:
            try:
                if self.holds(node, item, names) is decisive:
                    return decisive
            except ExpressionError as found:
                trouble = trouble or found
        if trouble is not None:
            raise trouble
        return not decisive

    def holds(self, node: Loop, item: Any, names: Mapping[str, Any]) -> bool:
        return _truth(self.value(node.body, {**names, node.variable: item}), node.offset)

    def weighed(self, value: Any) -> Any:
        """The value, once its parts are charged: what grows by being named twice pays twice."""
        match value:
            case str():
                self.charge(1 + len(value) // 100)
            case list():
                self.charge()
                for item in value:
                    self.weighed(item)
            case dict():
                self.charge()
                for item in value.values():
                    self.weighed(item)
            case _:
                self.charge()
        return value


def equal(left: Any, right: Any) -> bool:
    """Of JSON values: 1 equals 1.0, and true does not."""
    match left, right:
        case (list(), list()):
            return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))
        case (dict(), dict()):
            return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
        case _:
            return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def _a(value: Any) -> str:
    kind = kind_of(value)
    return kind if kind == "null" else f"an {kind}" if kind == "int" else f"a {kind}"


def _truth(value: Any, offset: int) -> bool:
    if isinstance(value, bool):
        return value
    raise ExpressionError(f"here should be true or false, not {_a(value)}", offset)


def _mapping(value: Any, field: str, offset: int) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise ExpressionError(f"{_a(value)} has no fields, and so no `{field}`", offset)


def _selected(value: Any, field: str, offset: int) -> Any:
    mapping = _mapping(value, field, offset)
    if field not in mapping:
        raise ExpressionError(f"there is no `{field}` here: ask with `has` first", offset)
    return mapping[field]


def _indexed(value: Any, key: Any, offset: int) -> Any:
    match value, key:
        case (dict(), str()):
            return _selected(value, key, offset)
        case (list(), int()) if not isinstance(key, bool):
            if 0 <= key < len(value):
                return value[key]
            raise ExpressionError(f"there is no item {key} in a list of {len(value)}", offset)
    raise ExpressionError(f"{_a(value)} has no items named by {_a(key)}", offset)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compared(operator: str, left: Any, right: Any, offset: int) -> bool:
    alike = (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))
    if not alike:
        raise ExpressionError(f"`{operator}` cannot compare {_a(left)} with {_a(right)}", offset)
    match operator:
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)


def _computed(operator: str, left: Any, right: Any, offset: int) -> int | float:
    if not (_is_number(left) and _is_number(right)):
        raise ExpressionError(f"`{operator}` cannot take {_a(left)} and {_a(right)}", offset)
    if operator in "/%" and right == 0:
        raise ExpressionError("division by zero", offset)
    result: int | float = _number(operator, left, right)
    if not math.isfinite(result) or (isinstance(result, int) and abs(result) >= 2**63):
        raise ExpressionError("the result does not fit 64 bits", offset)
    return result


def _number(operator: str, left: Any, right: Any) -> Any:
    whole = isinstance(left, int) and isinstance(right, int)
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return _cut(left, right) if whole else left / right
        case _:
            return left - right * _cut(left, right) if whole else math.fmod(left, right)


def _cut(left: int, right: int) -> int:
    """Towards zero, as CEL's integers divide."""
    return abs(left) // abs(right) * (1 if (left < 0) is (right < 0) else -1)
