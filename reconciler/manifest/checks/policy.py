"""Policies: their expressions can be read, and every mistake in one is told at its own line and column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from reconciler.domain.diagnostic import Diagnostic, Location, error, warning
from reconciler.domain.kinds.policy import PolicySpec
from reconciler.domain.policy import Policy
from reconciler.domain.vocabulary import VARIABLES
from reconciler.expressions.interpolate import parse_template
from reconciler.expressions.parse import Variables, parse
from reconciler.expressions.tokens import ExpressionError
from reconciler.manifest.explain import found
from reconciler.manifest.shape import Shaped


def check_policies(resources: Sequence[Shaped], sources: Mapping[str, str]) -> Iterator[Diagnostic]:
    """``sources``: the text of the files, in which an expression's characters are found again."""
    for each in resources:
        if isinstance(each.spec, PolicySpec):
            yield from _expressions(each, each.spec, sources)
            yield from _tests(each, each.spec)


def policies(resources: Sequence[Shaped]) -> tuple[Policy, ...]:
    """By name."""
    declared = [
        Policy(name=each.name, spec=each.spec, where=each.where)
        for each in resources
        if isinstance(each.spec, PolicySpec) and each.name is not None
    ]
    return tuple(sorted(declared, key=lambda policy: policy.name))


def _expressions(each: Shaped, spec: PolicySpec, sources: Mapping[str, str]) -> Iterator[Diagnostic]:
    readers: dict[str, tuple[str, Callable[[str, Variables], object]]] = {
        "rule": (spec.rule, parse),
        "message": (spec.message, parse_template),
    }
    for field, (text, read) in readers.items():
        try:
            read(text, VARIABLES[spec.for_each])
        except ExpressionError as wrong:
            where = each.document.at(("spec", field))
            yield error(
                "invalid-expression",
                "An expression cannot be read",
                detail=f"In `{where.path}` of {each.address}: {wrong.message}.",
                hint=wrong.hint,
                where=place(sources.get(where.file, ""), where, wrong.offset),
                address=each.address,
            )


def _tests(each: Shaped, spec: PolicySpec) -> Iterator[Diagnostic]:
    known = VARIABLES[spec.for_each]
    twice = {name for name, count in Counter(test.name for test in spec.tests).items() if count > 1}
    for number, test in enumerate(spec.tests):
        path = ("spec", "tests", number)
        for name in (name for name in test.given if name not in known):
            detail = f"`given` has {found(name)}; a rule for each {spec.for_each} knows {', '.join(known)}."
            where = each.document.at_key((*path, "given", name))
            yield error(
                "invalid-policy-test", "A policy's test is wrong", detail=detail, where=where, address=each.address
            )
        if test.name in twice:
            detail = f"{found(test.name)} is the name of more than one test of {each.address}."
            where = each.document.at((*path, "name"))
            yield error("duplicate-name", "Two tests have one name", detail=detail, where=where, address=each.address)
    if not spec.tests:
        yield warning(
            "untested-policy",
            "A policy has no tests",
            detail=f"Nothing shows that the rule of {each.address} lets pass what should pass, and stops the rest.",
            hint="add `tests`, and run `reconciler policy test`",
            where=each.where,
            address=each.address,
        )


def place(source: str, where: Location, offset: int) -> Location:
    """Where the character of a scalar stands in its file. ``where`` is the scalar's beginning.

    ==============================  =========================================================================
    plain, on one line or more      line by line, each without its indentation; a line break is one character
    ``|`` or ``>``                  from the next line on, without the indentation of the first
    in quotes                       after the quote; exact up to the first escape
    ==============================  =========================================================================
    """
    lines = source.splitlines()
    if not 0 < where.line <= len(lines):
        return where
    row, column = where.line - 1, where.column - 1
    first = lines[row][column : column + 1]
    is_block = first in ("|", ">")
    row, column = (row + 1, 0) if is_block else (row, column + (first in ("'", '"')))
    margin = _indentation(lines[row]) if is_block and row < len(lines) else 0
    while row < len(lines):
        column += min(margin, len(lines[row])) if is_block else _indentation(lines[row][column:])
        length = len(lines[row].rstrip()) - column
        if offset <= length or row == len(lines) - 1:
            return where.model_copy(update={"line": row + 1, "column": column + min(offset, max(length, 0)) + 1})
        row, column, offset = row + 1, 0, offset - length - 1
    return where


def _indentation(text: str) -> int:
    return len(text) - len(text.lstrip(" ")) if text.strip() else 0
