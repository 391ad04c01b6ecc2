"""Texts with expressions in them: ``${model.metadata.name} needs a gate``. As in Terraform, ``$${`` stands for ``${``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.expressions.evaluate import evaluate
from reconciler.expressions.functions import text_of
from reconciler.expressions.parse import Variables, parse
from reconciler.expressions.tokens import ExpressionError
from reconciler.expressions.tree import Node

Template = tuple[str | Node, ...]


def parse_template(text: str, variables: Variables) -> Template:
    """Text and expressions by turns. Raises ExpressionError; its offset counts in the whole text."""
    parts: list[str | Node] = []
    at = 0
    while (opening := text.find("${", at)) >= 0:
        if opening > 0 and text[opening - 1] == "$":
            parts.append(text[at : opening - 1] + "${")
            at = opening + 2
            continue
        closing = _closing(text, opening)
        parts += (text[at:opening], _within(text[opening + 2 : closing], opening + 2, variables))
        at = closing + 1
    return (*parts, text[at:])


def render(template: Template, variables: Mapping[str, Any]) -> str:
    """What cannot be evaluated shows as ``?``: a message must not fail for want of a word."""
    return "".join(part if isinstance(part, str) else _shown(part, variables) for part in template)


def _shown(node: Node, variables: Mapping[str, Any]) -> str:
    try:
        return text_of(evaluate(node, variables))
    except ExpressionError:
        return "?"


def _within(text: str, offset: int, variables: Variables) -> Node:
    try:
        return parse(text, variables)
    except ExpressionError as wrong:
        raise ExpressionError(wrong.message, offset + wrong.offset, wrong.hint) from None


def _closing(text: str, opening: int) -> int:
    """Of the brace at ``opening + 1``: braces within belong to the expression, those in its quotes do not count."""
    depth, quote = 0, ""
    for at in range(opening + 1, len(text)):
        character = text[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character == "{") - (character == "}")
            if depth == 0:
                return at
    raise ExpressionError("`${` is not closed by `}`", opening)
