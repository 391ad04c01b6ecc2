"""CEL text → tree. What could not be evaluated whatever the data is refused here: unknown functions, names and fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice

from reconciler.expressions.functions import FUNCTIONS
from reconciler.expressions.tokens import ExpressionError, Token, literal, tokens
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

MAX_LENGTH = 4096
MAX_TOKENS = 400
MAX_DEPTH = 32
"""Of brackets and the like within each other. With the tokens it bounds how deep the tree can get."""

MACROS = ("all", "exists", "exists_one", "filter", "map")

_LEVELS = (("||",), ("&&",), ("<", "<=", ">=", ">", "==", "!=", "in"), ("+", "-"), ("*", "/", "%"))
"""From what binds least to what binds most; all are left-associative."""

_CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_LARGEST = 2**63 - 1

Variables = Mapping[str, Collection[str]]
"""Names that an expression may use, with the fields they have; none: any field."""


def parse(text: str, variables: Variables) -> Node:
    """Raises ExpressionError with the place of what is wrong."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"it has {len(text)} characters; {MAX_LENGTH} are the most", MAX_LENGTH)
    return _Parser(text, variables).whole()


class _Parser:
    """Recursive descent, a method a rule of the grammar."""

    def __init__(self, text: str, variables: Variables) -> None:
        self.tokens = [*islice(tokens(text), MAX_TOKENS + 1)]
        if len(self.tokens) > MAX_TOKENS:
            raise ExpressionError(f"it has more than {MAX_TOKENS} words and signs", self.tokens[-1].offset)
        self.at = 0
        self.depth = 0
        self.variables = dict(variables)

    def whole(self) -> Node:
        node = self.expression()
        if self.token.kind != "end":
            raise ExpressionError(f"`{self.token.text}` is one too many here", self.token.offset)
        return node

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.token
        self.at += token.kind != "end"
        return token

    def accept(self, kind: str) -> bool:
        if self.token.kind != kind:
            return False
        self.take()
        return True

    def expect(self, kind: str) -> Token:
        if self.token.kind != kind:
            found = f"`{self.token.text}`" if self.token.text else "the end"
            raise ExpressionError(f"here should be {_article(kind)}, not {found}", self.token.offset)
        return self.take()

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"it is nested deeper than {MAX_DEPTH} levels", self.token.offset)
        condition, offset = self.binary(0), self.token.offset
        if self.accept("?"):
            yes = self.expression()
            self.expect(":")
            condition = Choice(condition, yes, self.expression(), offset)
        self.depth -= 1
        return condition

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.token.text in _LEVELS[level]:
            operator = self.take()
            left = Binary(operator.text, left, self.binary(level + 1), operator.offset)
        return left

    def unary(self) -> Node:
        signs: list[Token] = []
        while self.token.kind in ("!", "-"):
            signs.append(self.take())
        node = self.member()
        for sign in reversed(signs):
            node = Unary(sign.kind, node, sign.offset)
        return node

    def member(self) -> Node:
        node = self.primary()
        while self.token.kind in (".", "["):
            node = self.step(node)
        return node

    def step(self, node: Node) -> Node:
        if self.accept("["):
            offset = self.token.offset
            key = self.expression()
            self.expect("]")
            return Index(node, key, offset)
        self.take()
        name = self.expect("name")
        if self.token.kind != "(":
            return self.select(node, name)
        if name.text in MACROS:
            return self.loop(node, name)
        return self.call(name, (node,))

    def select(self, node: Node, name: Token) -> Node:
        fields = self.variables.get(node.name, ()) if isinstance(node, Name) else ()
        if fields and name.text not in fields:
            assert isinstance(node, Name)
            raise ExpressionError(f"`{node.name}` has no `{name.text}`", name.offset, _nearest(name.text, fields))
        return Select(node, name.text, name.offset)

    def loop(self, over: Node, macro: Token) -> Node:
        self.expect("(")
        variable = self.expect("name")
        if variable.text in self.variables or variable.text in _CONSTANTS:
            raise ExpressionError(f"`{variable.text}` means something else already", variable.offset)
        self.expect(",")
        self.variables[variable.text] = ()
        body = self.expression()
        del self.variables[variable.text]
        self.expect(")")
        return Loop(macro.text, over, variable.text, body, macro.offset)

    def call(self, name: Token, first: tuple[Node, ...]) -> Node:
        if name.text not in FUNCTIONS:
            nearest = _nearest(name.text, [*FUNCTIONS, *MACROS, "has"])
            raise ExpressionError(f"there is no function `{name.text}`", name.offset, nearest)
        arguments = (*first, *self.arguments())
        needed = FUNCTIONS[name.text].arity
        if len(arguments) != needed:
            raise ExpressionError(
                f"`{name.text}` takes {needed} value{'s' * (needed > 1)}, its subject counted", name.offset
            )
        return Call(name.text, arguments, name.offset)

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        return self.listed(")")

    def listed(self, closing: str) -> tuple[Node, ...]:
        """Up to the closing bracket; a comma may stand before it."""
        items: list[Node] = []
        while self.token.kind != closing:
            items.append(self.expression())
            if not self.accept(","):
                break
        self.expect(closing)
        return tuple(items)

    def primary(self) -> Node:
        token = self.take()
        match token.kind:
            case "number":
                return Literal(_number(token), token.offset)
            case "string":
                return Literal(literal(token), token.offset)
            case "name":
                return self.named(token)
            case "(":
                node = self.expression()
                self.expect(")")
                return node
            case "[":
                return ListOf(self.listed("]"), token.offset)
            case "{":
                return self.mapping(token)
        raise ExpressionError(f"`{token.text}` cannot stand here" if token.text else "it ends too early", token.offset)

    def named(self, token: Token) -> Node:
        if token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text], token.offset)
        if self.token.kind == "(":
            return self.has(token) if token.text == "has" else self.call(token, ())
        if token.text not in self.variables:
            known = f"there are {', '.join(self.variables)}"
            nearest = _nearest(token.text, self.variables)
            raise ExpressionError(f"`{token.text}` is not known; {known}", token.offset, nearest)
        return Name(token.text, token.offset)

    def has(self, token: Token) -> Node:
        arguments = self.arguments()
        if len(arguments) != 1 or not isinstance(arguments[0], Select):
            raise ExpressionError("`has` takes one field, as in `has(model.spec.promotion)`", token.offset)
        return Has(arguments[0], token.offset)

    def mapping(self, token: Token) -> Node:
        entries: list[tuple[Node, Node]] = []
        while self.token.kind != "}":
            key = self.expression()
            self.expect(":")
            entries.append((key, self.expression()))
            if not self.accept(","):
                break
        self.expect("}")
        return MapOf(tuple(entries), token.offset)


def _number(token: Token) -> int | float:
    if token.text.isdecimal():
        if len(token.text) > 19 or int(token.text) > _LARGEST:
            raise ExpressionError("the number does not fit 64 bits", token.offset)
        return int(token.text)
    return float(token.text)


def _article(kind: str) -> str:
    return "a name" if kind == "name" else f"`{kind}`"


def _nearest(word: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f"did you mean `{close[0]}`?" if close else ""
