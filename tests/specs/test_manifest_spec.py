"""Runs ``specs/manifest.md``: every manifest on the page gets exactly the diagnostics that stand below it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.catalog import load as load_catalog
from reconciler.domain.diagnostic import Diagnostic
from reconciler.manifest.load import SourceFile, load

PAGE = Path(__file__).parents[2] / "specs" / "manifest.md"
PROJECT = SourceFile(path="reconciler.yaml", text="apiVersion: reconciler/v1\nkind: Project\nmetadata: {name: acme}\n")
BLOCKS = re.compile(
    r"^```yaml manifest\n(?P<manifest>.*?)^```\n\s*^```text\n(?P<expected>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Example(NamedTuple):
    line: int
    manifest: str
    expected: str


def examples() -> list[Example]:
    page = PAGE.read_text()
    return [Example(page.count("\n", 0, m.start()) + 1, m["manifest"], m["expected"]) for m in BLOCKS.finditer(page)]


def told(problem: Diagnostic) -> str:
    where = f"{problem.where.line}:{problem.where.column} " if problem.where else ""
    lines = [
        f"{where}{problem.severity} {problem.code}: {problem.summary}",
        problem.detail,
        problem.hint and f"→ {problem.hint}",
    ]
    return "\n  ".join(filter(None, lines)) + "\n"


@pytest.mark.parametrize("example", examples(), ids=lambda example: f"line {example.line}")
def test_the_page_tells_what_happens(example: Example) -> None:
    """A block without a Project is read beside one on the embedded cloud."""
    file = SourceFile(path="manifest.yaml", text=example.manifest)
    files = [file] if "kind: Project" in example.manifest else [PROJECT, file]
    result = load(files, load_catalog())
    assert ("".join(map(told, result.diagnostics)) or "no problems\n") == example.expected


def test_every_manifest_on_the_page_is_run() -> None:
    assert PAGE.read_text().count("```yaml manifest") == len(examples()) > 10
