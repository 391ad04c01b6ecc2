"""The catalog on a terminal: tables, and one page an entry."""

from __future__ import annotations

from reconciler.reports.screen import Screen
from reconciler.reports.view.catalog import CatalogPage
from reconciler.reports.view.model import Pairs, Table

_LABEL = 14


def draw_table(screen: Screen, table: Table, *, note: str = "") -> None:
    screen.table(table.header, table.rows)
    if note:
        screen.blank()
        screen.paragraph((note, "dim"))


def draw_page(screen: Screen, page: CatalogPage) -> None:
    screen.line((page.title, "bold"))
    _draw_pairs(screen, page.facts)
    for title, pairs in page.sections:
        screen.blank()
        screen.line((title, "bold"))
        _draw_pairs(screen, pairs)
    for title, table in page.tables:
        screen.blank()
        screen.line((title, "bold"))
        screen.table(table.header, table.rows, indent=2)
    if page.sources:
        screen.blank()
        screen.line(("Sources", "bold"))
        for source in page.sources:
            screen.line("  ", source)


def _draw_pairs(screen: Screen, pairs: Pairs) -> None:
    for label, text in pairs:
        screen.entry((label.ljust(_LABEL), "dim"), text, indent=2)
