"""Truth tables in Markdown, read from docstrings and specs."""

from __future__ import annotations

from itertools import groupby

Row = dict[str, str]


def tables(text: str) -> list[list[Row]]:
    """Every Markdown table of a text, each row by column name."""
    lines = [line.strip() for line in text.splitlines()]
    blocks = [list(block) for is_row, block in groupby(lines, key=lambda line: line.startswith("|")) if is_row]
    return [_rows(block) for block in blocks]


def _rows(block: list[str]) -> list[Row]:
    header, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in block]
    return [dict(zip(header, cells, strict=True)) for cells in body]
