"""What CEL's expressions come to, and that every one of them ends."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.expressions.evaluate import TooMuchWork, evaluate
from reconciler.expressions.interpolate import parse_template, render
from reconciler.expressions.parse import MAX_DEPTH, MAX_LENGTH, MAX_TOKENS, parse
from reconciler.expressions.tokens import ExpressionError

DATA: dict[str, Any] = {
    "change": {"action": "train", "type": "ml.p5.48xlarge", "items": [*range(50)], "cost": 1.5, "fit": None}
}
NAMES = {"change": ()}


def value(text: str) -> Any:
    return evaluate(parse(text, NAMES), DATA)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("change.action == 'train' && change.cost > 1", True),
        ("change.fit == null", True),
        ('change["action"]', "train"),
        ("change.items[3]", 3),
        ("1 + 2 * 3 - 4 / 3", 6),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("7.5 % 2", 1.5),
        ("1 == 1.0", True),
        ("true == 1", False),
        ("1 == '1'", False),
        ("[1, {'a': 2}] == [1.0, {'a': 2}]", True),
        ("[1] != [2]", True),
        ("!true || !!true", True),
        ("1 < 2 ? 'y' : 'n'", "y"),
        ("1 in [1, 2] && 'a' in {'a': 1} && !(3 in [1])", True),
        ("size([1, 2]) + 'abc'.size()", 5),
        ("change.type.startsWith('ml.p5') && change.type.contains('48') && change.type.endsWith('large')", True),
        ("change.items.exists(x, x > 48)", True),
        ("change.items.all(x, x < 50)", True),
        ("[].all(x, false) && ![].exists(x, true)", True),
        ("[1, 2, 3].exists_one(x, x == 2)", True),
        ("[1, 2, 3].filter(x, x > 1).map(y, y * 2)", [4, 6]),
        ("{'a': 1, 'b': 2}.exists(k, k == 'b')", True),
        ("has(change.nope) || has(change.action)", True),
        ("'it\\'s' + ' \\u00e4' + \"\\n\"", "it's ä\n"),
        ("string(1.50) + string(true) + string(null)", "1.5truenull"),
        ("int('42') + int(1.9)", 43),
        ("double('0.5')", 0.5),
        ("type([]) + type({}) + type(1) + type(1.0) + type('') + type(true) + type(null)", "listmapintdoublestringboolnull"),
        ("true // the rest is a comment", True),
        ("9223372036854775807", 2**63 - 1),
    ],
)  # fmt: skip
def test_values(text: str, expected: Any) -> None:
    found = value(text)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("text", ["change.nope || true", "true || change.nope", "!(change.nope && false)"])
def test_an_error_does_not_matter_where_the_other_side_decides(text: str) -> None:
    assert value(text) is True


def test_an_error_in_one_item_does_not_matter_where_another_decides() -> None:
    assert value("[1, 'a'].exists(x, x == 'a' || x.size() == 9)") is True
    with pytest.raises(ExpressionError, match="has no size"):
        value("[1, 'a'].exists(x, x.size() == 9)")


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("change.nope == 1", "there is no `nope` here", 7),
        ("change.action.nope", "a string has no fields", 14),
        ("has(change.nope.deep)", "there is no `nope`", 11),
        ("1 / 0", "division by zero", 2),
        ("9223372036854775807 + 1", "does not fit 64 bits", 20),
        ("'a' < 1", "cannot compare a string with an int", 4),
        ("'a' - 'b'", "cannot take a string and a string", 4),
        ("1 && true", "should be true or false, not an int", 2),
        ("change.items[50]", "no item 50 in a list of 50", 13),
        ("change.items[true]", "has no items named by a bool", 13),
        ("1 in 2", "looks into a list or a map", 2),
        ("size(1)", "size: int has no size", 0),
        ("int('x')", "int: ", 0),
        ("int(double('1e400'))", "does not fit", 0),
        ("change.cost.exists(x, x)", "goes over a list or a map, not over a double", 12),
        ("{1: 2}", "a key is a string", 1),
    ],
)
def test_what_does_not_fit_the_data_is_told_with_its_place(text: str, message: str, offset: int) -> None:
    with pytest.raises(ExpressionError) as wrong:
        value(text)
    assert message in wrong.value.message
    assert wrong.value.offset == offset


@pytest.mark.parametrize(
    ("text", "message", "offset", "hint"),
    [
        ("chnge.action", "`chnge` is not known; there are change", 0, "did you mean `change`?"),
        ("change.items.exist(x, x)", "there is no function `exist`", 13, "did you mean `exists`?"),
        ("1 +", "it ends too early", 3, ""),
        ("(1", "here should be `)`, not the end", 2, ""),
        ("1 2", "`2` is one too many here", 2, ""),
        ("change.", "here should be a name", 7, ""),
        ("a = 1", "a single `=`", 2, ""),
        ("true & true", "a single `&`", 5, ""),
        ("'abc", "a quote is opened and not closed", 0, ""),
        ("'a\\d'", "there is no escape", 2, ""),
        ("1 # 2", "'#' begins nothing here", 2, ""),
        ("99999999999999999999", "does not fit 64 bits", 0, ""),
        ("has(change)", "`has` takes one field", 0, ""),
        ("size()", "`size` takes 1 value", 0, ""),
        ("[1].map(change, 1)", "`change` means something else", 8, ""),
        ("[1].map(1, 1)", "here should be a name", 8, ""),
        ("[1].map(x, x) == x", "`x` is not known", 17, ""),
        ("change.action.matches('a+')", "there is no function `matches`", 14, ""),
        ("(" * (MAX_DEPTH + 1) + "1", "nested deeper", MAX_DEPTH, ""),
        ("1+" * MAX_TOKENS, "more than", MAX_TOKENS, ""),
        (" " * (MAX_LENGTH + 1), "characters", MAX_LENGTH, ""),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, message: str, offset: int, hint: str) -> None:
    with pytest.raises(ExpressionError) as wrong:
        parse(text, NAMES)
    assert message in wrong.value.message
    assert (wrong.value.offset, wrong.value.hint) == (offset, hint)


def test_known_fields_are_checked_before_there_is_data() -> None:
    with pytest.raises(ExpressionError) as wrong:
        parse("change.actoin == 'train'", {"change": ("action", "target")})
    assert (wrong.value.message, wrong.value.hint) == ("`change` has no `actoin`", "did you mean `action`?")


@pytest.mark.parametrize(
    "bomb",
    [
        "['x']" + ".map(a, a + a)" * 30 + ".size() > 0",
        "[1]" + ".map(a, [a, a, a, a])" * 20 + " == [1]",
        "change.items.all(a, change.items.all(b, change.items.all(c, change.items.all(d, true))))",
        "change.items.map(a, change.items.map(b, change.items.map(c, change.items))).size() > 0",
    ],
)
def test_every_expression_ends_soon(bomb: str) -> None:
    began = time.monotonic()
    with pytest.raises(TooMuchWork):
        value(bomb)
    assert time.monotonic() - began < 5


def test_the_longest_chain_is_not_too_deep() -> None:
    assert value("+".join(["1"] * (MAX_TOKENS // 2))) == MAX_TOKENS // 2
    assert value("!" * (MAX_TOKENS - 2) + "true") is True


@given(st.text(alphabet="ab.()[]{}!&|=<>?:+-*/%,'\"$ 019eExhas\\", max_size=60))
def test_any_text_is_read_or_refused_at_a_place_within_it(text: str) -> None:
    offset = 0
    try:
        node = parse(text, {"a": (), "b": ()})
        evaluate(node, {"a": {"b": [1, "x"]}, "b": None}, max_steps=1000)
    except ExpressionError as wrong:
        offset = wrong.offset
    except TooMuchWork:
        pass
    assert 0 <= offset <= len(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("${change.action}: ${size(change.items)} of ${{'a': '}'}.a}", "train: 50 of }"),
        ("$${change.action}", "${change.action}"),
        ("${change.nope}!", "?!"),
        ("${[1, 2.50, 'x']}", "1, 2.5, x"),
    ],
)
def test_messages(text: str, shown: str) -> None:
    assert render(parse_template(text, NAMES), DATA) == shown


@pytest.mark.parametrize(("text", "offset"), [("a ${", 2), ("a ${chnge}", 4), ("${change.action", 0)])
def test_a_message_that_cannot_be_read(text: str, offset: int) -> None:
    with pytest.raises(ExpressionError) as wrong:
        parse_template(text, NAMES)
    assert wrong.value.offset == offset
