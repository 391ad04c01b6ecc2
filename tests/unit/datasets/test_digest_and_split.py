from __future__ import annotations

import csv
import hashlib
import random

from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.datasets.digest import content
from reconciler.datasets.examine import Examined, examine
from reconciler.datasets.records import Record
from reconciler.datasets.split import Sides, Split

from .builders import Pair, a_source, as_csv, as_jsonl, serving, some_pairs

texts = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: not text.isspace())
pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=20)


def examined(data: bytes, uri: str = "data.csv", split: Split | None = None) -> Examined:
    found, problems = examine(serving(**{uri.replace(".", "_"): data}), a_source(uri), split)
    assert found is not None, problems
    return found


def digest(data: bytes, uri: str = "data.csv") -> str:
    return examined(data, uri).facts.digest


@given(pairs)
def test_quoting_line_endings_column_order_and_format_do_not_change_the_digest(rows: list[Pair]) -> None:
    plain = digest(as_csv(rows))
    assert plain == digest(as_csv(rows, quoting=csv.QUOTE_ALL, ending="\n"))
    assert plain == digest(as_csv(rows, swapped=True), "other.csv")
    assert plain == digest(as_jsonl(rows), "data.jsonl") == digest(as_jsonl(rows, ascii_only=True), "data.jsonl")


@given(pairs, pairs)
def test_other_records_or_another_order_have_another_digest(one: list[Pair], other: list[Pair]) -> None:
    assume(one != other)
    assert digest(as_csv(one)) != digest(as_csv(other))


def test_the_digest_is_pinned() -> None:
    """A change here retrains every model there is."""
    pinned = "sha256:fcdd225d"
    assert digest(b"prompt,completion\nHello,World\n").startswith(pinned)


records = st.builds(
    Record,
    texts,
    texts,
    st.just(1),
    st.text(st.characters(codec="utf-8")),
    st.just(()) | st.tuples(st.tuples(texts, texts)),
)


@given(records, records)
def test_no_two_records_share_their_content(one: Record, other: Record) -> None:
    assert (content(one) == content(other)) is (one == other)


def sides(rows: list[Pair], split: Split) -> tuple[set[Pair], set[Pair]]:
    digests = [hashlib.sha256(content(Record(*row, 1))).digest() for row in rows]
    drawn = split.keys(b"".join(digests))
    counted, keys = Sides(split), dict(zip(rows, drawn.tolist(), strict=True))
    for position in range(len(rows)):
        counted.add(drawn[position : position + 1])
    held_out = [row for row in rows if keys[row] < counted.cutoff]
    assert counted.validation == len(held_out)
    return {row for row in rows if keys[row] >= counted.cutoff}, set(held_out)


splits = st.builds(Split, st.integers(1, 99), st.integers(0, 5))


@given(pairs, splits, st.randoms())
def test_the_split_does_not_depend_on_the_order(rows: list[Pair], split: Split, shuffled: random.Random) -> None:
    other = list(rows)
    shuffled.shuffle(other)
    assert sides(rows, split) == sides(other, split)


@given(pairs, splits)
def test_equal_records_are_on_one_side_and_both_sides_are_filled(rows: list[Pair], split: Split) -> None:
    training, validation = sides(rows * 2, split)
    assert not training & validation
    assert training
    assert bool(validation) is (len(set(rows)) > 1)


def test_adding_records_moves_none_of_the_others() -> None:
    split = Split(10)
    before, after = sides(some_pairs(300), split), sides(some_pairs(500), split)
    assert before[0] <= after[0]
    assert before[1] <= after[1]


def test_the_share_is_about_what_was_asked_for_and_the_seed_matters() -> None:
    held_out = [sides(some_pairs(5000), Split(20, seed))[1] for seed in (0, 1)]
    assert all(850 < len(each) < 1150 for each in held_out)
    assert held_out[0] != held_out[1]


def test_examining_counts_what_the_split_holds_out() -> None:
    rows = some_pairs(200)
    assert examined(as_csv(rows), split=Split(10)).validation_records == len(sides(rows, Split(10))[1])
