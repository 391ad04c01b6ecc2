"""Problems, each with the lines it is about: what is wrong, where, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from reconciler.domain.diagnostic import Diagnostic, Location, Severity
from reconciler.reports.figures import counted
from reconciler.reports.screen import Screen, cells

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}
_NAMES = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.NOTE: "Note"}

_WINDOW = 90
"""Columns of a source line that are shown, around the place; a line may be megabytes long."""


def draw_diagnostics(screen: Screen, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str]) -> None:
    """Errors last, where the eye rests. Nothing where there is nothing to tell."""
    order = (Severity.NOTE, Severity.WARNING, Severity.ERROR)
    for diagnostic in sorted(diagnostics, key=lambda each: order.index(each.severity)):
        _draw_one(screen, diagnostic, sources)
        screen.blank()


def tally(diagnostics: Sequence[Diagnostic]) -> str:
    """``2 errors, 1 warning``; empty where there are none."""
    counts = Counter(diagnostic.severity for diagnostic in diagnostics)
    return ", ".join(counted(counts[severity], str(severity)) for severity in Severity if counts[severity])


def _draw_one(screen: Screen, diagnostic: Diagnostic, sources: Mapping[str, str]) -> None:
    screen.entry(
        (f"{_NAMES[diagnostic.severity]}: ", _STYLES[diagnostic.severity]),
        (diagnostic.summary, "bold"),
        (f"  [{diagnostic.code}]", "dim"),
    )
    if diagnostic.where:
        _draw_place(screen, diagnostic.where, sources)
    elif diagnostic.address:
        screen.line("  on ", diagnostic.address)
    for paragraph in diagnostic.detail.splitlines():
        screen.paragraph(paragraph, indent=2)
    for place in diagnostic.related:
        screen.line("  see ", str(place))
        _draw_excerpt(screen, place, sources)
    if diagnostic.hint:
        screen.entry(("hint: ", "green"), diagnostic.hint, indent=2)
    if diagnostic.overridable and diagnostic.is_error:
        screen.line("  ", ("override: ", "dim"), f"--allow {diagnostic.code}")


def _draw_place(screen: Screen, where: Location, sources: Mapping[str, str]) -> None:
    screen.line("  on ", (str(where), "bold"), f"  {where.path}" if where.path else "")
    _draw_excerpt(screen, where, sources)


def _draw_excerpt(screen: Screen, where: Location, sources: Mapping[str, str]) -> None:
    """The line before, the line, and a caret under the column."""
    lines = sources.get(where.file, "").splitlines()
    if not 1 <= where.line <= len(lines):
        return
    start = max(0, where.column - 1 - _WINDOW // 2)
    gutter = len(str(where.line))
    for number in range(max(1, where.line - 1), where.line + 1):
        screen.line(("    " + str(number).rjust(gutter) + " | ", "dim"), _clipped(lines[number - 1], start))
    before = _clipped(lines[where.line - 1], start)[: where.column - 1 - start + (1 if start else 0)]
    screen.line((f"    {' ' * gutter} | ", "dim"), " " * cells(before), ("^", "bold red"))


def _clipped(line: str, start: int) -> str:
    """``_WINDOW`` characters from ``start`` on, tabs as one space, with an ellipsis where something was cut."""
    shown = line[start : start + _WINDOW].replace("\t", " ")
    return ("…" if start else "") + shown + ("…" if start + _WINDOW < len(line) else "")
