from __future__ import annotations

import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.datasets import search, sensitive
from reconciler.datasets.columns import Columns
from reconciler.datasets.examine import Looking
from reconciler.datasets.records import Record
from reconciler.datasets.repeats import Repeats
from reconciler.datasets.texts import Texts
from reconciler.datasets.training import Part, check
from reconciler.domain.desired import DatasetSource, ValidationPlan

from .builders import a_model, a_source, as_csv, checked, converted, desired, found_in, rules, serving, some_pairs

KEY = "AKIA" + "IOSFODNN7EXAMPLE"  # AWS's own example, in two parts so that no scanner takes this file for a leak


def noticed(text: str) -> list[str]:
    return [kind for kind, _ in sensitive.found(Columns.of([Record("prompt", text, 1)]))]


@pytest.fixture(params=["hyperscan", "without"])
def _engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(search, "hyperscan", None)
    else:
        pytest.importorskip("hyperscan")


@pytest.mark.usefixtures("_engine")
@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"use {KEY} for it", ["secret"]),
        ("-----BEGIN RSA PRIVATE " + "KEY-----", ["secret"]),
        ("ghp_" + "a1B2" * 9, ["secret"]),
        ("hf_" + "a1B2" * 8, ["secret"]),
        ("sk-" + "proj-" + "a1B2" * 8, ["secret"]),
        ("xoxb-" + "1234567890-abcdef", ["secret"]),
        ("eyJ" + "a" * 12 + ".eyJ" + "b" * 12 + "." + "c" * 12, ["secret"]),
        ("write to joe.doe@example.com, please", ["email-address"]),
        ("my card is 4111 1111 1111 1111.", ["card-number"]),
        ("5500-0000-0000-0004", ["card-number"]),
        ("378282246310005", ["card-number"]),
        ("bell \x07", ["control-character"]),
        ("next line \x85", ["control-character"]),
        (f"{KEY} a@b.example", ["email-address", "secret"]),
        ("then User: asked", ["reserved-text"]),
        ("a User asked: <b>", []),
        ("4111 1111 1111 1112", []),
        ("order 0000 0000 0000 0000", []),
        ("risk-free task-based meeting @ noon, 12:30", []),
        ("tab\tand\r\nline\nbreaks, naïve café", []),
    ],
)
def test_what_is_noticed(text: str, kinds: list[str]) -> None:
    assert noticed(text) == kinds


pieces = st.sampled_from(
    ["@", "a.b", "-", " ", "4111", "sk-", "AKIA", "A" * 16, "User:", "\x85", "\x07", "é", "🙂", "\n", "1"]
)


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=3) | st.lists(pieces, max_size=9).map("".join), min_size=1)
)
def test_hyperscan_overlooks_nothing_that_re_finds(texts: list[str]) -> None:
    """A match may begin in one text and end in the next: that hides none."""
    pytest.importorskip("hyperscan")
    columns = Columns.of([Record(text, text[::-1], row) for row, text in enumerate(texts)])
    quick = list(sensitive.found(columns))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "hyperscan", None)
        assert list(sensitive.found(columns)) == quick


def test_of_a_text_that_is_full_of_matches_each_kind_is_told_once() -> None:
    """Else a block of digits would take two hundred times its size in memory."""
    texts = Texts(["7" * 1_000, "plain", "a@" * 500 + "b", "a@b" + "\x07" * 9])
    told = [(0, "card-number"), (2, "email-address"), (3, "control-character"), (3, "email-address")]
    pytest.importorskip("hyperscan")
    assert sorted(search.worth_a_look(texts)) == told


def test_what_begins_like_a_web_token_over_and_over_takes_no_quadratic_time() -> None:
    begun = time.process_time()
    assert noticed("eyJ-" * 100_000) == []
    assert time.process_time() - begun < 8  # about 0.5; it was 21


@pytest.mark.usefixtures("_engine")
def test_it_is_counted_and_its_rows_are_told_and_never_itself() -> None:
    data = as_csv([*some_pairs(3), ("who?", "joe@example.com"), ("key?", KEY)])
    found = check(a_source(), ValidationPlan(), Looking(serving(data_csv=data)))
    assert [(problem.code, problem.detail) for problem in found.problems] == [
        ("secret", "data.csv: 1 record with what looks like a key, token or private key: row 6."),
        ("email-address", "data.csv: 1 record with an e-mail address: row 5."),
    ]
    assert "joe" not in str(found)
    assert KEY not in str(found)


def test_reserved_texts_are_an_error_where_the_base_model_refuses_them() -> None:
    data = as_csv([*some_pairs(3), ("what does it print?", "Assistant: hello [EOS]")])
    model, open = a_model(a_source()), serving(data_csv=data)
    assert checked(model, rules("chat"), open).problems == ()
    (problem,) = checked(model, rules("chat", refuses_reserved_texts=True), open).problems
    assert (problem.code, problem.is_error) == ("reserved-text", True)
    assert problem.detail == "data.csv: 1 record with a reserved text: row 5."


def test_duplicates_are_told_with_the_row_that_they_repeat() -> None:
    data = as_csv([*some_pairs(4), *some_pairs(2)])
    found = check(a_source(), ValidationPlan(), Looking(serving(data_csv=data)))
    assert [problem.detail for problem in found.problems] == [
        "data.csv: 2 records that came before: row 6 (as 2), 7 (as 3)."
    ]


def test_prompts_on_both_sides_are_told() -> None:
    held = as_csv([("question 3", "another answer"), ("new", "answer")])
    validation = ValidationPlan(source=a_source("held.csv"))
    found = check(a_source(), validation, Looking(serving(data_csv=as_csv(some_pairs(5)), held_csv=held)))
    assert [(problem.code, problem.detail) for problem in found.problems] == [
        ("prompt-on-both-sides", "data.csv: 1 record held out, of which the prompt is trained on: row 2 (as 5).")
    ]


@pytest.mark.parametrize("in_memory", [1_000_000, 7])
def test_repetitions_are_found_in_memory_and_on_disk(in_memory: int) -> None:
    with Repeats(in_memory=in_memory) as repeats:
        for start in range(0, 100, 5):
            keys = numpy.array([hash_like(number % 40) for number in range(start, start + 5)], numpy.uint64)
            places = numpy.array([2 * place + (start >= 80) for place in range(5)], numpy.uint64)
            repeats.add(keys, keys, places, rows=start)
        found = repeats.found()
    assert (found.trained.count, found.held_out.count, found.leaks.count) == (40, 0, 20)
    assert found.trained.first[0] == (40, 0)
    assert found.leaks.first[0] == (80, 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(Path("/dev/full").open, "w+b"))

    def spilled() -> None:
        keys = numpy.arange(10, dtype=numpy.uint64)
        with Repeats(in_memory=5) as repeats:
            repeats.add(keys, keys, keys, rows=0)
            repeats.found()

    with pytest.raises(OSError, match="No space left") as caught:
        spilled()
    assert caught.value.filename == str(tmp_path)


def hash_like(number: int) -> int:
    return (number * 0x9E3779B97F4A7C15) % 2**64


@pytest.mark.parametrize(
    ("text", "encoding", "likely"),
    [
        ("Où est ma carte ?", "latin-1", "Latin-1 (ISO-8859-1)"),
        ("It’s “here”", "cp1252", "Windows-1252"),
        ("Где моя карта?", "cp1251", "Windows-1251"),
        ("私のカードはどこですか。", "cp932", "Shift_JIS"),
        ("我的卡在哪里？是不是丢了", "gb18030", "GB18030"),
    ],
)
def test_the_likely_encoding_of_what_is_not_utf_8(text: str, encoding: str, likely: str) -> None:
    data = b"prompt,completion\n" + f"{text},x\n".encode(encoding)
    (flaw,) = [each for each in found_in(data) if not hasattr(each, "prompt")]
    assert str(flaw.detail).endswith(f"likely {likely}")


BANKING = pytest.mark.skipif(
    "RECONCILER_TEST_DATA" not in os.environ, reason="RECONCILER_TEST_DATA names no folder with banking77_train.csv"
)


def banking(name: str) -> Path:
    return Path(os.environ["RECONCILER_TEST_DATA"], name)


@BANKING
def test_a_broken_copy_of_real_data_gets_one_report(tmp_path: Path) -> None:
    """Missing cells, a Latin-1 byte, and a prompt that stands on both sides."""
    lines = banking("banking77_train.csv").read_bytes().splitlines(keepends=True)
    held = banking("banking77_test.csv").read_bytes().splitlines(keepends=True)
    lines[10] = b",card_arrival\n"
    lines[20] = b"Where is my card?,\n"
    lines[30] = b"O\xf9 est ma carte ?,card_arrival\n"
    lines[40] = held[7]
    lines[50] = b"only a prompt\n"
    (tmp_path / "broken.csv").write_bytes(b"".join(lines))

    def opened(source: DatasetSource) -> BinaryIO:
        return Path(source.uri).open("rb")

    training = DatasetSource(name=None, uri=str(tmp_path / "broken.csv"))
    validation = DatasetSource(name=None, uri=str(banking("banking77_test.csv")))
    found = check(training, ValidationPlan(source=validation), Looking(opened))
    told = {problem.code: problem.detail.removeprefix(f"{training.uri}: ") for problem in found.problems}
    offset = sum(map(len, lines[:30])) + 1
    assert found.data is None
    assert told == {
        "empty-cell": "row 11: empty prompt; row 21: empty completion",
        "wrong-cells": "row 51: 1 cells, the header has 2",
        "not-utf-8": f"row 31: byte 0xf9 at offset {offset:,}, likely Latin-1 (ISO-8859-1)",
        "prompt-on-both-sides": "1 record held out, of which the prompt is trained on: row 8 (as 41).",
    }


@BANKING
@pytest.mark.parametrize("format", ["prompt-completion", "chat", "bedrock-conversation-2024"])
@pytest.mark.parametrize(("name", "records"), [("banking77_train.csv", 10_003), ("banking77_test.csv", 3_080)])
def test_real_data_through_every_format(format: str, name: str, records: int) -> None:
    data = banking(name).read_bytes()
    model = a_model(a_source(), ValidationPlan(split_percent=10))
    found = checked(model, rules(format), serving(data_csv=data))
    assert found.data is not None
    assert found.data.training_records + found.data.validation_records == found.data.training.records == records
    made = converted(desired(model, found.data), rules(format), serving(data_csv=data))
    assert [made[part].count(b"\n") for part in Part] == [found.data.training_records, found.data.validation_records]
    whole = made[Part.TRAINING] + made[Part.VALIDATION]
    again = found_in(whole, "data.jsonl")
    assert sorted(each[:2] for each in again) == sorted(each[:2] for each in found_in(data))
