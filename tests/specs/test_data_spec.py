"""Runs ``specs/data.md``: what is told about each piece of data, and what it is converted to."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.datasets.examine import examine
from reconciler.datasets.findings import Conversion
from reconciler.datasets.passing import Sinks, Wanted, pass_over
from reconciler.datasets.remarks import warnings
from reconciler.datasets.source import Stream
from reconciler.domain.desired import DatasetSource
from reconciler.domain.diagnostic import Diagnostic

PAGE = Path(__file__).parents[2] / "specs" / "data.md"
BLOCK = re.compile(
    r"^```(?P<kind>csv data|jsonl data|jsonl as \S+|text)\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Example(NamedTuple):
    line: int
    name: str
    data: bytes
    kind: str
    expected: str


def examples() -> list[Example]:
    """Each expectation with the data block above it."""
    page, found = PAGE.read_text(), []
    name, data = "", b""
    for block in BLOCK.finditer(page):
        kind, _, what = block["kind"].partition(" ")
        if what == "data":
            name, data = f"data.{kind}", block["content"].encode()
        else:
            found.append(Example(page.count("\n", 0, block.start()) + 1, name, data, what or kind, block["content"]))
    return found


def told(name: str, data: bytes) -> str:
    found, problems = examine(lambda _: io.BytesIO(data), DatasetSource(name=None, uri=name))
    if found is None:
        return "".join(map(_problem, problems))
    facts = found.facts
    noticed = "".join(map(_problem, warnings(found.remarks, facts.source)))
    return f"{facts.records} records, {facts.characters} characters, about {facts.tokens} tokens\n{noticed}"


def _problem(problem: Diagnostic) -> str:
    return f"{problem.severity} {problem.code}: {problem.summary}\n  {problem.detail}\n  → {problem.hint}\n"


def converted(name: str, data: bytes, format: str) -> str:
    made = io.BytesIO()
    with Stream(io.BytesIO(data)) as stream:
        pass_over(stream, name, Wanted(conversion=Conversion(format)), sinks=Sinks(made))
    return made.getvalue().decode()


@pytest.mark.parametrize("example", examples(), ids=lambda example: f"line {example.line}")
def test_the_page_tells_what_happens(example: Example) -> None:
    if example.kind == "text":
        assert told(example.name, example.data) == example.expected
    else:
        assert converted(example.name, example.data, example.kind.removeprefix("as ")) == example.expected


def test_every_piece_of_data_on_the_page_is_run() -> None:
    page = PAGE.read_text()
    assert len(examples()) == page.count("```text") + page.count("jsonl as ") > 5
