"""Where text leaves the program. Everything printed goes through :class:`Screen`, which makes it harmless and fits it to the place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reconciler.reports.sanitize import encodable, printable, uncommanding

Part = str | tuple[str, str]
"""Text, or text with a rich style. Text may be anything: it is escaped here."""

PIPE_WIDTH = 100
"""Of prose where the output is not a terminal, so that logs and golden files do not depend on who runs them."""

WIDEST = 140
"""Prose is not drawn wider than this, however wide the terminal."""


def wants_color(stream: TextIO, environment: Mapping[str, str], *, refused: bool = False) -> bool:
    """``--no-color``, then NO_COLOR, then FORCE_COLOR (each when set and not empty), then whether it is a terminal.

    NO_COLOR: https://no-color.org. FORCE_COLOR: any value but ``0``.
    """
    if refused or environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return environment["FORCE_COLOR"] != "0"
    return stream.isatty() and environment.get("TERM") != "dumb"


class Screen:
    """Lines, labelled entries and tables on one stream."""

    def __init__(
        self, stream: TextIO, *, color: bool = False, width: int | None = None, commanding: bool = False
    ) -> None:
        """``commanding``: what is printed goes into a log that obeys workflow commands."""
        terminal = stream.isatty()
        self._commanding = commanding
        self._is_terminal = terminal
        self.encoding = getattr(stream, "encoding", None) or "utf-8"
        self.console = Console(
            file=stream,
            force_terminal=terminal or color,
            color_system=("auto" if terminal else "standard") if color else None,
            width=width or (None if terminal else PIPE_WIDTH),
            markup=False,
            emoji=False,
            highlight=False,
            _environ={},
        )
        self.width = min(self.console.width, WIDEST)
        self.draws = terminal and self.encoding.lower().replace("-", "") == "utf8"
        """A person looks, and drawings can be shown."""

    def text(self, *parts: Part) -> Text:
        """The parts as rich text, escaped."""
        result = Text()
        for part in parts:
            content, style = (part, "") if isinstance(part, str) else part
            result.append(encodable(printable(content), self.encoding), style)
        return result

    def blank(self) -> None:
        self.console.print()

    def line(self, *parts: Part) -> None:
        """One line, never wrapped: names and addresses stay whole for whoever copies or greps them."""
        self._print(self.text(*parts))

    def entry(self, lead: Part, *parts: Part, indent: int = 0) -> None:
        """A paragraph behind a lead-in, its further lines aligned with its first. Long words are not broken."""
        head = Text(" " * indent) + self.text(lead)
        room = max(20, self.width - head.cell_len)
        body = self.text(*parts)
        for number, row in enumerate(body.divide(_breaks(body.plain, room))):
            row.rstrip()
            self._print((head if number == 0 else Text(" " * head.cell_len)) + row)

    def headline(self, lead: Part, *parts: Part) -> None:
        """An entry on a terminal, which would break a long line within a word; elsewhere one line, whole for ``grep``."""
        if self._is_terminal:
            self.entry(lead, *parts)
        else:
            self.line(lead, *parts)

    def paragraph(self, *parts: Part, indent: int = 0) -> None:
        self.entry("", *parts, indent=indent)

    def piece(self, content: str) -> None:
        """Part of a text that comes bit by bit, shown at once. Its line breaks and tabs are its own; anything else is escaped."""
        parts = re.split(r"([\n\t])", content)
        shown = (part if part in ("\n", "\t") else encodable(printable(part), self.encoding) for part in parts)
        self.console.file.write("".join(shown))
        self.console.file.flush()

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Part]], indent: int = 0) -> None:
        """Columns as wide as their widest cell, three spaces apart, the last one free; as ``kubectl get`` prints them."""
        cells = [[self.text((name, "bold")) for name in header], *([self.text(cell) for cell in row] for row in rows)]
        widths = [max(row[column].cell_len for row in cells) for column in range(len(header))]
        for row in cells:
            line = Text(" " * indent)
            for cell, width in zip(row, widths, strict=True):
                line += cell + Text(" " * (width - cell.cell_len + 3))
            line.rstrip()
            self._print(line)

    def _print(self, text: Text) -> None:
        if self._commanding and (harmless := uncommanding(text.plain)) != text.plain:
            text = Text(harmless)
        self.console.print(text, soft_wrap=True)


def _breaks(text: str, room: int) -> list[int]:
    """Where lines begin so that each takes at most ``room`` columns; a longer word has a line of its own."""
    offsets, used = [], 0
    for word in re.finditer(r"\S+\s*", text):
        if used and used + cell_len(word.group().rstrip()) > room:
            offsets.append(word.start())
            used = 0
        used += cell_len(word.group())
    return offsets


def cells(text: str) -> int:
    """Columns that a terminal takes for ``text`` once it is escaped."""
    return cell_len(printable(text))
