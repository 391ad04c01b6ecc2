import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.manifest.parse import ParsedFile, parse
from reconciler.manifest.scalars import ScalarRefused, plain


def values(text: str | bytes) -> list[Any]:
    result = parse(text, "f.yaml")
    assert not result.diagnostics, result.diagnostics
    return [document.value for document in result.documents]


def told(result: ParsedFile) -> list[str]:
    return [f"{d.where.line}:{d.where.column} {d.code}" for d in result.diagnostics if d.where]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0", 0),
        ("0o14", 12),
        ("0xff", 255),
        ("1e-5", 1e-5),
        ("2e-5", 2e-5),
        ("2.0e-5", 2e-5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1_000", "1_000"),
        ("22:22", "22:22"),
        ("2026-11-24", "2026-11-24"),
        ("0b11", "0b11"),
        ("1.2.3", "1.2.3"),
        ("１２", "１２"),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("08", "ambiguous-number"),
        ("010", "ambiguous-number"),
        ("-012", "ambiguous-number"),
        (".nan", "invalid-number"),
        ("-.inf", "invalid-number"),
        ("1e999", "invalid-number"),
        ("1e-999", "invalid-number"),
        ("9223372036854775808", "invalid-number"),
        ("0x" + "f" * 200, "invalid-number"),
    ],
)
def test_numbers_without_one_clear_meaning_are_refused(text: str, code: str) -> None:
    with pytest.raises(ScalarRefused) as refused:
        plain(text)
    assert refused.value.code == code
    assert len(str(refused.value)) < 200


def test_quoted_scalars_are_texts() -> None:
    assert values("a: '1'\nb: \"true\"\nc: |\n  12\nd: !!str 3\n") == [{"a": "1", "b": "true", "c": "12\n", "d": "3"}]


def test_documents_and_the_empty_ones_between() -> None:
    assert values("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n") == [{"a": 1}, {"b": 2}]


def test_a_byte_order_mark_is_fine() -> None:
    assert values(b"\xef\xbb\xbfa: 1\n") == [{"a": 1}]


def test_positions_of_keys_and_values() -> None:
    [document] = parse("# c\n---\na:\n  - b: 1\n    c: {d: é, e: 2}\n", "f.yaml").documents
    assert str(document.at(("a", 0, "c", "e"))) == "f.yaml:5:18"
    assert str(document.at_key(("a", 0, "c", "e"))) == "f.yaml:5:15"
    assert document.at(("a", 0, "c", "e")).path == "a[0].c.e"
    assert str(document.at(("a", 0, "missing"))) == "f.yaml:4:5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: *x\n", ["1:4 yaml-alias"]),
        ("a: &x [*x]\n", ["1:4 yaml-alias"]),
        ("a: *x\n", ["1:4 yaml-alias"]),
        ("<<: {a: 1}\n", ["1:1 yaml-alias"]),
        ("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", ["1:4 yaml-alias"]),
        ("a: !!python/object/apply:os.system [ls]\n", ["1:4 yaml-tag"]),
        ("a: !!binary aGk=\n", ["1:4 yaml-tag"]),
        ("a: !custom x\n", ["1:4 yaml-tag"]),
        ("a: !!set {x}\n", ["1:4 yaml-tag"]),
        ("a: !!int x\n", ["1:4 yaml-tag"]),
        ("a: !!map [x]\n", ["1:4 yaml-tag"]),
        ("a: 1\nb: 2\na: 3\n", ["3:1 duplicate-key"]),
        ("a: [{b: 1, c: 2, b: 3}]\n", ["1:18 duplicate-key"]),
        ("1: a\n", ["1:1 invalid-key"]),
        ("true: a\n", ["1:1 invalid-key"]),
        ("~: a\n", ["1:1 invalid-key"]),
        ("? [a]\n: b\n", ["1:3 invalid-key"]),
        ("a: .nan\nb: 08\n", ["1:4 invalid-number", "2:4 ambiguous-number"]),
        ("a: \0\n", ["1:4 control-character"]),
        ("a: x\u202ey\n", ["1:5 control-character"]),
        ('a: "\\u202e"\n', ["1:4 control-character"]),
        ("a:\n\tb: 1\n", ["2:1 invalid-yaml"]),
        ("a: 1\n b: 2\n", ["2:3 invalid-yaml"]),
        ("a: b: c\n", ["1:5 invalid-yaml"]),
        ("a: @x\n", ["1:4 invalid-yaml"]),
        (b"a: ok\nb: \xff\n", ["2:4 invalid-encoding"]),
        ("a: é\n".encode("utf-16"), ["1:1 invalid-encoding"]),
    ],
)
def test_what_is_refused_is_told_at_its_place(text: str | bytes, expected: list[str]) -> None:
    assert told(parse(text, "f.yaml")) == expected


def test_one_broken_document_hides_no_others() -> None:
    result = parse("a: [\n---\nb: 1\n---\nc: 'x\n---\nd: *e\n---\nf: 2\n", "f.yaml")
    assert [document.value for document in result.documents] == [{"b": 1}, {"f": 2}]
    assert told(result) == ["2:1 invalid-yaml", "6:1 invalid-yaml", "7:4 yaml-alias"]
    assert str(result.documents[1].at(("f",))) == "f.yaml:9:4"
    assert not result.complete


def test_a_broken_first_line_of_a_document_is_told_once() -> None:
    assert told(parse("a: 1\n--- @x\n---\nb: 1\n", "f.yaml")) == ["2:5 invalid-yaml"]


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BOMB, id="alias bomb"),
        pytest.param("a: &a {<<: *a, x: 1}\n", id="merge of itself"),
        pytest.param("a: " + "x" * 10_000_000, id="10 MB scalar"),
        pytest.param("a: " + "x" * 100_000, id="100 kB scalar"),
        pytest.param("[" * 10_000, id="nested lists"),
        pytest.param("{a: " * 10_000, id="nested mappings"),
        pytest.param("- " * 10_000, id="nested items"),
        pytest.param("".join(" " * n + "a:\n" for n in range(1000)), id="nested keys"),
        pytest.param("a: 0x" + "f" * 200_000, id="200,000 digits"),
        pytest.param("a: 0x" + "f" * 50_000, id="50,000 digits"),
        pytest.param("a: " + "9" * 60_000, id="60,000 decimal digits"),
        pytest.param("? " * 10_000, id="nested complex keys"),
        pytest.param("---\na: [\n" * 100_000, id="a hundred thousand broken documents"),
        pytest.param("- x\n" * 200_000, id="two hundred thousand items"),
        pytest.param(", ".join("a: &a *a" for _ in range(10_000)), id="flow of aliases"),
        pytest.param("a: \0" * 100_000, id="nulls"),
        pytest.param("%TAG ! tag:x,2000:\n---\n!foo a: 1\n", id="tag directive"),
        pytest.param(b"\xff\xfe" * 1000, id="not UTF-8"),
    ],
)
def test_hostile_text_is_refused_in_less_than_a_second(text: str | bytes) -> None:
    started = time.process_time()
    result = parse(text, "f.yaml")
    assert result.diagnostics
    assert all(problem.is_error and problem.where for problem in result.diagnostics)
    assert len(result.diagnostics) <= 40
    assert all(len(problem.detail) < 500 for problem in result.diagnostics)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: " + "x" * 1024 * 1024, "1:1 file-too-large"),
        ("a: " + "x" * (64 * 1024 + 1), "1:4 value-too-long"),
        ("[" * 65 + "]" * 65, "1:65 nesting-too-deep"),
        ("- x\n" * 100_000, "100000:3 too-many-values"),
    ],
)
def test_sizes_have_limits(text: str, expected: str) -> None:
    assert told(parse(text, "f.yaml")) == [expected]


def test_the_limits_themselves_are_accepted() -> None:
    assert values("a: " + "x" * 64 * 1024)
    assert values("[" * 64 + "1" + "]" * 64)
    assert len(values("- x\n" * 99_999)[0]) == 99_999


YAML_BITS = st.sampled_from(
    ["a", "b", ": ", ":", "\n", "\n  ", "- ", "[", "]", "{", "}", ",", "'", '"', "#", "&x ", "*x", "!", "!!str ", "|", ">", "---\n",
     "...\n", "\t", "<<: ", "? ", "%", "@", "08", ".nan", "true", "\\", "\r", "é", "\u2028"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(YAML_BITS, max_size=40).map("".join)))
def test_any_text_is_read_or_told(text: str) -> None:
    result = parse(text, "f.yaml")
    lines = text.count("\n") + text.count("\r") + text.count("\u2028") + text.count("\x85") + text.count("\u2029") + 1
    for problem in result.diagnostics:
        assert problem.where is not None
        assert 1 <= problem.where.line <= lines + 1
    for document in result.documents:
        for path, position in document.values.items():
            assert position.line >= 1, path


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    parse(data, "f.yaml")
