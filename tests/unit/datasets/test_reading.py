"""However a source is cut and read, nothing is lost, doubled or altered."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.datasets import arrow
from reconciler.datasets.blocks import Block, Cutter
from reconciler.datasets.columns import read_block
from reconciler.datasets.digest import content
from reconciler.datasets.layout import Layout
from reconciler.datasets.passing import Wanted, pass_over
from reconciler.datasets.records import Record
from reconciler.datasets.source import Flaw, Stream
from reconciler.datasets.split import Sides, Split
from reconciler.datasets.training import Part
from reconciler.domain.desired import ValidationPlan

from .builders import (
    Pair,
    a_model,
    a_source,
    as_csv,
    as_jsonl,
    checked,
    converted,
    desired,
    found_in,
    rules,
    serving,
    some_pairs,
)

TWO = Layout(is_csv=True, width=2, prompt=0, completion=1)

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
awkward = st.text(st.sampled_from('a",\n\r é'), min_size=1, max_size=8).filter(lambda text: bool(text.strip()))
pairs = st.lists(st.tuples(texts | awkward, texts | awkward), min_size=1, max_size=30)
sizes = st.integers(8, 200)
formats = st.sampled_from(["prompt-completion", "chat", "bedrock-conversation-2024"])


# not minimally quoted with "\n": Python 3.11 then writes a cell that ends in "\r" without quotes, which reads as "\r\n"
written = st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\n")])


@given(pairs, sizes, written)
def test_wherever_csv_is_cut_the_records_are_the_same(rows: list[Pair], size: int, how: tuple[int, str]) -> None:
    data = as_csv(rows, quoting=how[0], ending=how[1])
    assert found_in(data, block=size) == [Record(*row, number) for number, row in enumerate(rows, start=2)]


@given(pairs, sizes, st.booleans())
def test_wherever_json_lines_are_cut_the_records_are_the_same(rows: list[Pair], size: int, ascii_only: bool) -> None:
    data = as_jsonl(rows, ascii_only=ascii_only)
    expected = [Record(*row, number) for number, row in enumerate(rows, start=1)]
    assert found_in(data, "data.jsonl", block=size) == expected


@given(st.text(st.sampled_from('ab",\n\r é'), max_size=60), sizes)
def test_wherever_broken_csv_is_cut_the_same_is_found(text: str, size: int) -> None:
    """Stray quotes make the quick cut wrong; it is noticed, and the csv module cuts."""
    data = b"prompt,completion\n" + text.encode()
    assert found_in(data, block=size) == found_in(data, block=10_000)


@given(st.text(st.sampled_from('ab",\n\r é'), max_size=60))
def test_what_is_read_quickly_is_what_the_csv_module_reads(text: str) -> None:
    read = arrow.pairs(Block(0, text.encode(), is_last=True), TWO)
    if read is not None and all(
        texts.all_say_something for texts in read
    ):  # else it is read again: Arrow widens empty lines
        expected = list(csv.reader(io.StringIO(text, newline="\n"), strict=True))
        assert list(zip(read[0].decoded, read[1].decoded, strict=True)) == [tuple(row) for row in expected]


def test_arrow_is_asked_where_it_is_installed() -> None:
    pytest.importorskip("pyarrow")
    read = arrow.pairs(Block(0, b'a,"b\nc"\n"d ""e""",f\n'), TWO)
    assert read is not None
    assert [texts.decoded for texts in read] == [["a", 'd "e"'], ["b\nc", "f"]]
    assert [texts.utf8 for texts in read] == [[b"a", b'd "e"'], [b"b\nc", b"f"]]
    assert [bytes(texts.together) for texts in read] == [b'ad "e"', b"b\ncf"]
    assert [texts.sizes.tolist() for texts in read] == [[1, 5], [3, 1]]


@pytest.mark.parametrize("data", [b'"a"b,c\n', b"a\n", b"a,b,c\n", b"a,b\rc\n", b'a,"b\n', b"a,b"])
def test_arrow_is_not_trusted_with_what_is_not_well_formed(data: bytes) -> None:
    assert arrow.pairs(Block(0, data, is_last=True), TWO) is None


def test_quick_and_careful_reading_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    block = Block(0, b'a,"b\nc"\n"d ""e""",f\n')
    quick = read_block(block, TWO)
    monkeypatch.setattr(arrow, "pairs", lambda *_: None)
    assert list(read_block(block, TWO).columns.records()) == list(quick.columns.records())
    careful = read_block(block._replace(data=block.data + b",\n"), TWO)
    assert list(careful.columns.records()) == list(quick.columns.records())
    assert careful.flaws == (Flaw("empty-cell", 2, "empty prompt and completion"),)


def test_a_byte_order_mark_where_a_block_begins_is_kept() -> None:
    """Arrow would leave it out: the digest would hang on where blocks are cut, and on whether Arrow is installed."""
    data = "prompt,completion\n\ufeffa,b\n\ufeffc,d\n".encode()
    expected = [Record("\ufeffa", "b", 2), Record("\ufeffc", "d", 3)]
    assert found_in(data, block=8) == found_in(data) == expected


def test_other_columns_are_utf_8_too(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"prompt,note,completion\na,caf\xe9,b\n"
    flaw = Flaw("not-utf-8", 2, "byte 0xe9 at offset 28, likely Latin-1 (ISO-8859-1)")
    assert found_in(data)[-1] == flaw
    monkeypatch.setattr(arrow, "pairs", lambda *_: None)
    assert found_in(data)[-1] == flaw


@given(pairs, formats, st.integers(1, 99), st.integers(0, 3))
def test_no_conversion_loses_doubles_or_alters_a_record(
    rows: list[Pair], format: str, percent: int, system: int
) -> None:
    data = as_csv(rows)
    model = a_model(a_source(), ValidationPlan(split_percent=percent) if len({*rows}) > 1 else None)
    model = model.model_copy(update={"system_prompt": "\u2028" * system})
    found = checked(model, rules(format), serving(data_csv=data)).data
    made = converted(desired(model, found), rules(format), serving(data_csv=data))
    assert Counter(
        map(spoken, made[Part.TRAINING].split(b"\n")[:-1] + made[Part.VALIDATION].split(b"\n")[:-1])
    ) == Counter(rows)
    assert found is not None
    assert made[Part.TRAINING].count(b"\n") == found.training_records
    assert made[Part.VALIDATION].count(b"\n") == found.validation_records


def spoken(line: bytes) -> tuple[str, ...]:
    value = json.loads(line)
    if "messages" not in value:
        return value["prompt"], value["completion"]
    texts = [turn["content"] for turn in value["messages"] if turn["role"] != "system"]
    return tuple(text if isinstance(text, str) else text[0]["text"] for text in texts)


@pytest.mark.parametrize("percent", [1, 10, 50, 90])
@pytest.mark.parametrize("seed", range(4))
def test_the_share_of_a_split_is_right(percent: int, seed: int) -> None:
    """Within four standard deviations of a fair draw."""
    records = [content(Record(f"question {number}", "answer", 1)) for number in range(4_000)]
    digests = b"".join(hashlib.sha256(record).digest() for record in records)
    split, share = Split(percent, seed), percent / 100
    sides = Sides(split)
    sides.add(split.keys(digests))
    assert abs(sides.validation - 4_000 * share) <= 4 * (4_000 * share * (1 - share)) ** 0.5


class FromAfar(io.BytesIO):
    """A stream that only goes forward, as S3's do."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")


@pytest.mark.parametrize("source", [io.BytesIO, FromAfar])
def test_progress_counts_the_bytes_that_are_stored(source: type[io.BytesIO]) -> None:
    stored = gzip.compress(as_csv(some_pairs(5_000)))
    told: list[int] = []
    with Stream(source(stored)) as stream:
        pass_over(stream, "data.csv.gz", Wanted(), watch=told.append, block=1_000)
    assert told == sorted(told)
    assert told[-1] == len(stored)


def test_blocks_end_with_records() -> None:
    data = as_csv([('say "hi"', "line\nbreak")] * 200)
    blocks = list(Cutter(Stream(io.BytesIO(data)), is_csv=True, size=512))
    assert b"".join(block.data for block in blocks) == data
    assert len(blocks) > 10
    assert all(block.data.count(b'"') % 2 == 0 and block.data.endswith(b"\n") for block in blocks if block.data)
    assert [block.is_last for block in blocks] == [False] * (len(blocks) - 1) + [True]
