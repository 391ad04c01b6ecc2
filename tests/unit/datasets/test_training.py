from __future__ import annotations

import csv
import itertools
import json
import os
import time
import tracemalloc
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.datasets.examine import Examined, Open, Question, examine
from reconciler.datasets.split import Split
from reconciler.datasets.training import Part, has_part
from reconciler.domain.desired import DatasetSource, ValidationPlan
from reconciler.domain.diagnostic import error
from reconciler.domain.errors import InvalidInput, PlanChanged

from .builders import Pair, a_model, a_source, as_csv, as_jsonl, checked, converted, desired, rules, serving, some_pairs

texts = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: not text.isspace())
pairs = st.lists(st.tuples(texts, texts), min_size=2, max_size=20, unique=True)


def lines(open: Open, format: str, part: Part = Part.TRAINING, validation: ValidationPlan | None = None) -> list[Any]:
    model = a_model(a_source(), validation)
    found = checked(model, rules(format), open)
    assert not any(problem.is_error for problem in found.problems)
    made = converted(desired(model, found.data), rules(format), open)[part]
    return [json.loads(line) for line in made.splitlines()]


def codes(
    data: bytes, validation: ValidationPlan | None = None, format: str = "chat", **limits: int | bool
) -> list[str]:
    found = checked(a_model(a_source(), validation), rules(format, **limits), serving(data_csv=data))
    assert (found.data is None) is any(problem.is_error for problem in found.problems)
    return [problem.code for problem in found.problems]


@given(pairs)
def test_converting_loses_and_alters_nothing(rows: list[Pair]) -> None:
    open = serving(data_csv=as_csv(rows))
    assert [(line["prompt"], line["completion"]) for line in lines(open, "prompt-completion")] == rows
    assert [tuple(turn["content"] for turn in line["messages"]) for line in lines(open, "chat")] == rows
    bedrock = lines(open, "bedrock-conversation-2024")
    assert [tuple(turn["content"][0]["text"] for turn in line["messages"]) for line in bedrock] == rows


@given(pairs, st.integers(1, 99))
def test_the_two_parts_of_a_split_make_the_whole(rows: list[Pair], percent: int) -> None:
    open, split = serving(data_csv=as_csv(rows)), ValidationPlan(split_percent=percent)
    parts = [
        [(line["prompt"], line["completion"]) for line in lines(open, "prompt-completion", part, split)]
        for part in Part
    ]
    assert sorted(itertools.chain(*parts)) == sorted(rows)
    assert all(parts)


@pytest.mark.parametrize("format", ["chat", "bedrock-conversation-2024"])
def test_what_was_converted_reads_back_as_the_same_data(format: str) -> None:
    conversation = {
        "messages": [
            {"role": role, "content": text}
            for role, text in (("system", "s"), ("user", "1"), ("assistant", "2"), ("user", "é\n"), ("assistant", "b"))
        ]
    }
    data = json.dumps(conversation).encode() + b"\n" + as_jsonl(some_pairs(3))
    model, source = a_model(a_source("data.jsonl")), a_source("data.jsonl")
    found = checked(model, rules(format), serving(data_jsonl=data)).data
    again = converted(desired(model, found), rules(format), serving(data_jsonl=data))[Part.TRAINING]
    read_back, _ = examine(serving(data_jsonl=again), source)
    assert found is not None
    assert read_back is not None
    assert read_back.facts.digest == found.training.digest


def test_the_bedrock_format_to_the_letter() -> None:
    open = serving(data_csv=as_csv([("Hi", "Hello")]))
    assert lines(open, "bedrock-conversation-2024") == [
        {
            "schemaVersion": "bedrock-conversation-2024",
            "messages": [
                {"role": "user", "content": [{"text": "Hi"}]},
                {"role": "assistant", "content": [{"text": "Hello"}]},
            ],
        }
    ]


def test_validation_data_of_its_own() -> None:
    validation = ValidationPlan(source=a_source("held.csv"))
    open = serving(data_csv=as_csv(some_pairs(5)), held_csv=as_csv([("v", "w")]))
    data = checked(a_model(a_source(), validation), rules(), open).data
    assert data is not None
    assert (data.training_records, data.validation_records) == (5, 1)
    assert lines(open, "prompt-completion", Part.VALIDATION, validation) == [{"prompt": "v", "completion": "w"}]


def test_without_validation_there_is_no_such_part() -> None:
    open = serving(data_csv=as_csv(some_pairs(5)))
    model = a_model(a_source())
    data = checked(model, rules(), open).data
    assert lines(open, "prompt-completion", Part.VALIDATION) == []
    assert [has_part(desired(model, data), part) for part in Part] == [True, False]


def test_data_that_changed_since_it_was_examined_is_not_passed_off_as_the_planned() -> None:
    model, conversation = a_model(a_source()), b'{"messages": [{"role": "system", "content": "s"}]}'
    data = checked(model, rules(), serving(data_csv=as_csv(some_pairs(5)))).data
    for changed in (as_csv(some_pairs(6)), as_csv(some_pairs(4)), b"prompt,completion\n,\n", conversation):
        with pytest.raises(PlanChanged, match="changed while it was read"):
            converted(desired(model, data), rules(), serving(data_csv=changed))


def test_every_problem_of_both_sources_is_told_at_once() -> None:
    validation = ValidationPlan(source=a_source("held.csv"))
    open = serving(data_csv=b"prompt,completion\n,b\na,b,c\n", held_csv=b"question,answer\n")
    found = checked(a_model(a_source(), validation), rules(), open)
    data, problems = found.data, found.problems
    assert data is None
    assert [problem.code for problem in problems] == ["empty-cell", "wrong-cells", "missing-columns"]
    assert all(problem.hint for problem in problems)


def test_many_flaws_of_one_kind_are_one_diagnostic_with_the_first_rows() -> None:
    _, (problem,) = examine(serving(data_csv=b"prompt,completion\n" + b",b\n" * 500), a_source())
    assert problem.detail.startswith("data.csv: row 2: empty prompt; row 3: empty prompt;")
    assert problem.detail.endswith("and 490 more")


@pytest.mark.parametrize("data", [b"", b"prompt,completion\n", b"\n\n"])
def test_no_records(data: bytes) -> None:
    assert codes(data) == ["no-records"]


def test_a_header_alone_is_not_told_as_an_empty_file() -> None:
    _, (problem,) = examine(serving(data_csv=b"prompt,completion\n"), a_source())
    assert problem.detail == "data.csv: nothing is there to read"


def test_json_lines_in_a_csv_file_are_told_as_such() -> None:
    _, (problem,) = examine(serving(data_csv=b'{"prompt": "a", "completion": "b"}\n'), a_source())
    assert problem.code == "missing-columns"
    assert "JSON Lines" in problem.detail


def test_a_source_that_cannot_be_opened_is_a_problem_among_others() -> None:
    def refuse(source: DatasetSource) -> BinaryIO:
        raise InvalidInput([error("data-not-found", f"{source.uri} is not there")])

    found = checked(a_model(a_source(), ValidationPlan(source=a_source("held.csv"))), rules(), refuse)
    problems = found.problems
    assert [problem.summary for problem in problems] == ["data.csv is not there", "held.csv is not there"]


def test_limits_hold_after_the_split() -> None:
    data, half = as_csv(some_pairs(100)), ValidationPlan(split_percent=50)
    assert codes(data, min_records=100, max_records=100) == []
    assert codes(data, half, min_records=100) == ["too-few-records"]
    assert codes(data, half, min_records=100, max_records=100, records_count_validation=True) == []
    assert codes(data, max_records=99) == ["too-many-records"]
    assert codes(data, half, max_validation_records=10) == ["too-many-records"]


def test_limits_of_size_and_length() -> None:
    data = as_csv([*some_pairs(5), ("p" * 400, "c" * 400)])
    assert codes(data, max_training_bytes=len(data)) == []
    assert codes(data, max_training_bytes=len(data) - 1) == ["too-large"]
    assert codes(data, max_tokens_per_record=200, max_input_tokens=100, max_output_tokens=100) == []
    assert (
        codes(data, max_tokens_per_record=199, max_input_tokens=99, max_output_tokens=99)
        == ["record-may-be-too-long"] * 3
    )


def test_equal_records_cannot_be_split() -> None:
    assert codes(as_csv([("a", "b")] * 50), ValidationPlan(split_percent=10)) == [
        "duplicate-record",
        "nothing-to-split",
    ]


def test_validating_on_the_training_data_is_warned_of() -> None:
    assert codes(as_csv(some_pairs(9)), ValidationPlan(source=a_source())) == [
        "prompt-on-both-sides",
        "validation-is-training",
    ]


def test_conversations_need_a_base_model_for_conversations() -> None:
    data = b'{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
    found = {}
    for format in ("prompt-completion", "chat"):
        problems = checked(a_model(a_source("d.jsonl")), rules(format), serving(d_jsonl=data)).problems
        found[format] = [problem.code for problem in problems]
    assert found == {"prompt-completion": ["conversation-not-supported"], "chat": []}


class Remembering:
    def __init__(self) -> None:
        self.kept: dict[str, Examined] = {}

    def recall(self, question: Question) -> Examined | None:
        return self.kept.get(str(question))

    def remember(self, question: Question, examined: Examined) -> None:
        self.kept[str(question)] = examined


def test_what_is_remembered_is_not_read_again_and_the_source_is_the_one_asked_for() -> None:
    memory = Remembering()
    first, _ = examine(serving(data_csv=as_csv(some_pairs(5))), a_source(), memory=memory)
    again, _ = examine(serving(), a_source(name="support"), memory=memory)
    assert first is not None
    assert again is not None
    assert again.facts == first.facts.model_copy(update={"source": a_source(name="support")})


def test_flawed_data_is_not_remembered() -> None:
    memory = Remembering()
    examine(serving(data_csv=b"prompt,completion\n,b\n"), a_source(), memory=memory)
    assert not memory.kept


def test_a_hundred_thousand_rows_take_about_a_second_and_little_memory() -> None:
    rows = as_csv((f"what about order number {n}, please?", f"it is on its way {n}") for n in range(100_000))
    start = time.process_time()
    found, _ = examine(serving(data_csv=rows), a_source())
    assert time.process_time() - start < 3  # about 0.5 s on an idle core
    assert found is not None
    assert found.facts.records == 100_000
    tracemalloc.start()
    examine(serving(data_csv=rows[: len(rows) // 4]), a_source())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16_000_000  # a block of 1 MB as 16,000 small records, and the bytes themselves


def test_real_data() -> None:
    folder = os.environ.get("RECONCILER_TEST_DATA")
    if not folder:
        pytest.skip("RECONCILER_TEST_DATA names no folder with banking77_train.csv")
    path = Path(folder) / "banking77_train.csv"
    source = DatasetSource(name=None, uri=str(path))
    found, problems = examine(lambda each: Path(each.uri).open("rb"), source, Split(10))  # noqa: SIM115
    with path.open(encoding="utf-8", newline="") as file:
        expected = len(list(csv.reader(file))) - 1
    assert not problems
    assert found is not None
    assert found.facts.records == expected
    assert 0.08 < found.validation_records / expected < 0.12
