"""One layout for manifests: two spaces a level, lists indented under their key; comments, order, quotes and line breaks stay.

Formatting never changes what a manifest means: the result is read again and compared, and where the two differ, or where a
second formatting would change it again, the text is left as it is.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

from reconciler.domain.diagnostic import has_errors
from reconciler.domain.errors import InvalidInput
from reconciler.manifest.document import Document
from reconciler.manifest.parse import parse

_WIDTH = 4096
"""Wide enough that no line is folded that the author did not fold."""


def format_text(text: str, file: str) -> str:
    """The text in canonical layout; the text itself where there is none. Raises InvalidInput where it is no valid YAML."""
    before = parse(text, file)
    if has_errors(before.diagnostics):
        raise InvalidInput(before.diagnostics)
    if not before.documents:
        return text
    laid_out = _laid_out(with_breaks(text, "\n"))
    if laid_out is None or _laid_out(laid_out) != laid_out:
        return text
    laid_out = with_breaks(laid_out, line_break(text))
    after = parse(laid_out, file)
    same = not after.diagnostics and _meaning(after.documents) == _meaning(before.documents)
    return laid_out if same else text


def line_break(text: str) -> str:
    """That of the first line: a file from Windows stays one, and all of a file is alike."""
    first = re.search(r"\r?\n", text)
    return first.group() if first else "\n"


def with_breaks(text: str, line_break: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", line_break)


def _meaning(documents: tuple[Document, ...]) -> str:
    """With types and the order of keys: ``repr`` tells 1 from 1.0 and from true."""
    return repr([document.value for document in documents])


def _laid_out(text: str) -> str | None:
    """``None`` where ruamel fails on a text that libyaml reads: it raises errors of many kinds, and the text then stays."""
    yaml = round_trip()
    laid_out = StringIO()
    try:
        yaml.dump_all(list(yaml.load_all(text)), laid_out)
        return tidied(laid_out.getvalue())
    except Exception:
        return None


def tidied(text: str) -> str:
    """One line break at the end, none before the text."""
    return _aligned(text).strip("\n") + "\n"


def _aligned(text: str) -> str:
    """Comments that have a line to themselves move with what they stand before."""
    lines = text.split("\n")
    inside = _inside_scalars(text)
    below = 0
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if number in inside or not line.strip():
            continue
        if line.lstrip(" ").startswith("#"):
            lines[number] = " " * below + line.strip()
        else:
            below = _indentation(line)
    return "\n".join(lines)


def _inside_scalars(text: str) -> set[int]:
    """Lines, from 0, that continue a scalar: a ``#`` there is text."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    scalars = (event for event in yaml.parse(text, Loader=loader) if isinstance(event, yaml.ScalarEvent))
    spans: list[Any] = [(event.start_mark, event.end_mark) for event in scalars]
    return {line for start, end in spans for line in range(start.line + 1, end.line + (1 if end.column else 0))}


def _indentation(line: str) -> int:
    return 0 if re.match(r"(---|\.\.\.)(\s|$)", line) else len(line) - len(line.lstrip(" "))


def round_trip() -> Any:
    """Every plain scalar is kept as it is written: what it means is not ruamel's to say."""
    from ruamel.yaml import YAML
    from ruamel.yaml.resolver import VersionedResolver

    class AsWritten(VersionedResolver):
        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            return super().resolve(kind, value, (False, False))

    yaml = YAML(typ="rt")
    yaml.Resolver = AsWritten
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
