"""Flaws → Diagnostics: one for each kind of flaw in a file, with the rows."""

from __future__ import annotations

from reconciler.datasets.flaws import Flaws
from reconciler.datasets.source import Flaw
from reconciler.domain.desired import DatasetSource
from reconciler.domain.diagnostic import Diagnostic, error

_MEANING: dict[str, tuple[str, str]] = {
    "missing-columns": (
        "Training data lacks a column",
        "name the columns `prompt` and `expected completion` in the first row, separated by commas",
    ),
    "repeated-columns": ("Training data has a column twice", "keep one of them"),
    "empty-cell": ("Training data has empty texts", "fill or remove these rows"),
    "wrong-cells": (
        "Rows have more or fewer cells than the header",
        "put texts that contain a comma into double quotes",
    ),
    "bad-quoting": (
        "Training data is not well-formed CSV",
        'double the quotes within a quoted text ("…""…"), close every quote, and end lines with LF or CRLF',
    ),
    "not-utf-8": ("Training data is not UTF-8 text", "save the file as UTF-8"),
    "not-text": (
        "Training data is neither CSV nor JSON Lines",
        "export it as CSV or JSONL; gzip (.gz) is read as well",
    ),
    "damaged-gzip": ("Training data cannot be decompressed", "compress the file again"),
    "line-too-long": ("Training data has a line that is too long", "write one record a line"),
    "not-json": ("Lines are not valid JSON", "write one JSON object a line (JSON Lines)"),
    "not-an-object": ("Lines are not JSON objects", 'write one object a line: {"prompt": "…", "completion": "…"}'),
    "missing-field": ("Records lack a field", "each needs `prompt` and `completion`, or `messages`"),
    "wrong-type": ("Records have a field of the wrong type", "write texts as JSON strings"),
    "wrong-turns": (
        "Conversations are not in turns",
        "begin with the user, alternate, and end with the assistant; one system message may come first",
    ),
    "invalid-text": ("Records contain what is no text", "remove the broken escape sequences"),
    "no-records": ("Training data has no records", "write at least one record; in CSV, below the header"),
}


def errors(flaws: Flaws, source: DatasetSource) -> tuple[Diagnostic, ...]:
    return tuple(_diagnostic(flaws, code, source) for code in flaws.counts)


def _diagnostic(flaws: Flaws, code: str, source: DatasetSource) -> Diagnostic:
    summary, hint = _MEANING[code]
    first = flaws.first(code)
    hidden = flaws.counts[code] - len(first)
    rows = "; ".join(_told(flaw) for flaw in first) + (f"; and {hidden:,} more" if hidden else "")
    return error(code, summary, detail=f"{named(source)}: {rows}", hint=hint, where=source.where)


def named(source: DatasetSource) -> str:
    """For people: the Dataset's name with the place it is read from."""
    return f"Dataset {source.name} ({source.uri})" if source.name else source.uri


def _told(flaw: Flaw) -> str:
    place = f"row {flaw.row:,}" if flaw.row else ""
    return ": ".join(part for part in (place, flaw.detail) if part) or "nothing is there to read"
