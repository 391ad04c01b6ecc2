"""How a source is written: CSV with a header, or JSON Lines. Told by its name, its first character, and its first row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.datasets.blocks import Block
from reconciler.datasets.records import COMPLETION, plain
from reconciler.datasets.source import Flaw, Unreadable

PROMPT = "prompt"
_COMPLETIONS = (COMPLETION, "completion")


@dataclass(frozen=True, slots=True)
class Layout:
    """Of a CSV the columns that count; JSON Lines have none."""

    is_csv: bool = False
    width: int = 0
    prompt: int = 0
    completion: int = 0


def looks_like_csv(name: str, first_character: str) -> bool:
    """By the name (a path or address); where that does not tell, by a ``{``. Raises Unreadable where both disagree."""
    match name.lower().removesuffix(".gz").rpartition(".")[2]:
        case "csv" if first_character == "{":
            raise Unreadable(Flaw("missing-columns", 0, "the file begins with `{`: JSON Lines end in .jsonl"))
        case "csv":
            return True
        case "jsonl" | "ndjson" | "json":
            return False
        case _:
            return first_character not in ("{", "[")


def below_header(block: Block) -> tuple[Layout | Flaw | None, int, Block]:
    """What the header says, the rows down to it, and the block without them. ``None``: every row is empty."""
    lines = io.BytesIO(block.data).readlines()
    reader = csv.reader((line.decode(errors="replace") for line in lines), strict=True)
    row = 0
    while True:
        row += 1
        try:
            header = next(reader)
        except StopIteration:
            return None, row - 1, block._replace(data=b"")
        except csv.Error as trouble:
            return Flaw("bad-quoting", row, f"line {reader.line_num}: {trouble}"), row, block._replace(data=b"")
        if header:
            break
    taken = sum(map(len, lines[: reader.line_num]))
    return _layout(header), row, block._replace(offset=block.offset + taken, data=block.data[taken:])


def _layout(header: Iterable[str]) -> Layout | Flaw:
    names = [plain(cell) for cell in header]
    if flaw := _header_flaw(names):
        return flaw
    completion = next(position for position, name in enumerate(names) if name in _COMPLETIONS)
    return Layout(is_csv=True, width=len(names), prompt=names.index(PROMPT), completion=completion)


def _header_flaw(names: list[str]) -> Flaw | None:
    has_completion = any(name in _COMPLETIONS for name in names)
    missing = [f"`{name}`" for name, found in ((PROMPT, PROMPT in names), (COMPLETION, has_completion)) if not found]
    repeated = sorted({name for name in names if names.count(name) > 1 and name in (PROMPT, *_COMPLETIONS)})
    if missing:
        separated = " (it seems to be separated by `;`)" if len(names) == 1 and ";" in names[0] else ""
        shown = ", ".join(names)[:200]
        return Flaw("missing-columns", 1, f"{' and '.join(missing)} not found among: {shown}{separated}")
    if repeated or all(name in names for name in _COMPLETIONS):
        return Flaw("repeated-columns", 1, ", ".join(repeated) or "both `expected completion` and `completion`")
    return None
