from __future__ import annotations

import gzip
import json

import pytest

from reconciler.datasets.records import Record
from reconciler.datasets.source import MAX_LINE, Flaw

from .builders import found_in


def found(data: bytes, name: str = "data.csv") -> list[Record | Flaw]:
    return [each for each in found_in(data, name) if not (isinstance(each, Flaw) and each.code == "no-records")]


def codes(data: bytes, name: str = "data.csv") -> list[tuple[str, int]]:
    return [(each.code, each.row) for each in found(data, name) if isinstance(each, Flaw)]


@pytest.mark.parametrize(
    "header",
    [
        b"prompt,expected completion",
        b"Prompt,Expected Completion",
        b"PROMPT,completion",
        b"\xef\xbb\xbfprompt,completion",
        b" prompt , expected_completion ",
    ],
)
def test_columns_are_found_by_name_in_any_case(header: bytes) -> None:
    assert found(header + b"\na,b\n") == [Record("a", "b", 2)]


def test_columns_stand_in_any_order_beside_others() -> None:
    assert found(b"id,completion,prompt\n1,b,a\n") == [Record("a", "b", 2)]


def test_a_cell_may_hold_commas_quotes_and_line_breaks() -> None:
    assert found(b'prompt,completion\r\n"a, ""b""\r\nc",d\r\n') == [Record('a, "b"\r\nc', "d", 2)]


def test_white_space_in_cells_is_kept() -> None:
    assert found(b"prompt,completion\n a , b\n") == [Record(" a ", " b", 2)]


def test_blank_rows_are_skipped_but_counted() -> None:
    assert found(b"prompt,completion\n\na,b\n") == [Record("a", "b", 3)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"question,answer\na,b\n", [("missing-columns", 1)]),
        (b"prompt;completion\na;b\n", [("missing-columns", 1)]),
        (b"prompt,prompt,completion\na,b,c\n", [("repeated-columns", 1)]),
        (b"prompt,completion,expected completion\na,b,c\n", [("repeated-columns", 1)]),
        (b"prompt,completion\n,b\na,\n \xc2\xa0,b\na,b\n", [("empty-cell", 2), ("empty-cell", 3), ("empty-cell", 4)]),
        (b"prompt,completion\na\na,b,c\n", [("wrong-cells", 2), ("wrong-cells", 3)]),
        (b'prompt,completion\n"a"b,c\nd,e\n', [("bad-quoting", 2)]),
        (b'prompt,completion\na,"b\nc,d\n', [("bad-quoting", 2)]),
        (b"prompt,completion\ra,b\r", [("bad-quoting", 1)]),
        (b"PK\x03\x04rest", [("not-text", 0)]),
        (b"PAR1rest", [("not-text", 0)]),
        ("prompt,completion\na,b".encode("utf-16"), [("not-utf-8", 0)]),
        (b"\x1f\x8b\x08broken", [("damaged-gzip", 0)]),
        (gzip.compress(b"prompt,completion\n" + b"a,b\n" * 9, mtime=0)[:-9], [("damaged-gzip", 0)]),
        (b"prompt,completion\n" + b"a" * (MAX_LINE + 1), [("line-too-long", 0)]),
    ],
)
def test_what_is_wrong_with_csv(data: bytes, expected: list[tuple[str, int]]) -> None:
    assert codes(data) == expected


def test_after_a_flaw_reading_goes_on() -> None:
    assert [each.row for each in found(b'prompt,completion\n"a"b,c\nd,e\n,f\ng,h\n')] == [3, 5, 2, 4]


def test_bad_encoding_is_told_with_row_and_byte_offset() -> None:
    flaws = [each for each in found(b"prompt,completion\na,b\ncaf\xe9,c\n") if isinstance(each, Flaw)]
    assert flaws == [Flaw("not-utf-8", 3, "byte 0xe9 at offset 25, likely Latin-1 (ISO-8859-1)")]


def test_a_separator_of_semicolons_is_recognised() -> None:
    (flaw,) = found(b"prompt;completion\na;b\n")
    assert isinstance(flaw, Flaw)
    assert "separated by `;`" in flaw.detail


def test_gzip_is_read_whatever_the_file_is_called() -> None:
    assert found(gzip.compress(b"prompt,completion\na,b\n", mtime=0)) == [Record("a", "b", 2)]
    assert found(gzip.compress(b'{"prompt": "a", "completion": "b"}', mtime=0), "x.jsonl.gz") == [Record("a", "b", 1)]


@pytest.mark.parametrize("name", ["s3://bucket/data", "data.txt"])
def test_without_a_telling_name_a_brace_tells_the_format(name: str) -> None:
    assert found(b'\xef\xbb\xbf \n{"prompt": "a", "completion": "b"}\n', name) == [Record("a", "b", 2)]
    assert found(b"prompt,completion\na,b\n", name) == [Record("a", "b", 2)]


def test_an_empty_file_has_nothing() -> None:
    assert found(b"") == found(b"", "x.jsonl") == found(b"", "x") == []


def chat(*messages: tuple[str, object], **more: object) -> bytes:
    return json.dumps({"messages": [{"role": role, "content": text} for role, text in messages], **more}).encode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"completion": "b", "prompt": "a", "id": 7}', Record("a", "b", 1)),
        (b'{"Prompt": "a", "expected_completion": "b"}', Record("a", "b", 1)),
        (b'{"prompt": "\\ud83d\\ude00", "completion": "b"}', Record("\U0001f600", "b", 1)),
        (chat(("user", "a"), ("assistant", "b")), Record("a", "b", 1)),
        (chat(("system", "s"), ("user", "a"), ("assistant", "b")), Record("a", "b", 1, "s")),
        (
            chat(("user", "1"), ("assistant", "2"), ("user", "a"), ("assistant", "b")),
            Record("a", "b", 1, "", (("1", "2"),)),
        ),
        (
            chat(("user", [{"text": "a"}]), ("assistant", [{"text": "b"}]), system=[{"text": "s"}]),
            Record("a", "b", 1, "s"),
        ),
        (chat(("user", [{"type": "text", "text": "a"}]), ("assistant", "b")), Record("a", "b", 1)),
    ],
)
def test_a_line_of_jsonl(line: bytes, expected: Record) -> None:
    assert found(line, "data.jsonl") == [expected]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "not-json"),
        (b"[" * 100_000, "not-json"),
        (b"[]", "not-an-object"),
        (b'{"prompt": "a"}', "missing-field"),
        (b'{"prompt": "a", "completion": 5}', "wrong-type"),
        (b'{"prompt": null, "completion": "b"}', "wrong-type"),
        (b'{"prompt": "a", "completion": "  "}', "empty-cell"),
        (b'{"prompt": "\\ud800", "completion": "b"}', "invalid-text"),
        (b'{"messages": "hello"}', "wrong-type"),
        (b'{"messages": []}', "wrong-turns"),
        (chat(("user", 5), ("assistant", "b")), "wrong-type"),
        (chat(("user", "a"), ("assistant", "b"), system=5), "wrong-type"),
        (chat(("assistant", "b"), ("user", "a")), "wrong-turns"),
        (chat(("user", "a")), "wrong-turns"),
        (chat(("user", "a"), ("tool", "b")), "wrong-turns"),
        (chat(("user", "a"), ("assistant", "")), "empty-cell"),
    ],
)
def test_what_is_wrong_with_jsonl(line: bytes, code: str) -> None:
    assert codes(b"\n" + line, "data.jsonl") == [(code, 2)]
