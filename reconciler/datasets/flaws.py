"""What is wrong with data, counted: a broken file may have millions of flaws."""

from __future__ import annotations

from collections import Counter

from reconciler.datasets.source import Flaw

SHOWN = 10


class Flaws:
    """Counts flaws and keeps the first few of each kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._first: dict[str, list[Flaw]] = {}

    def __bool__(self) -> bool:
        return bool(self.counts)

    def add(self, flaw: Flaw) -> None:
        self.counts[flaw.code] += 1
        shown = self._first.setdefault(flaw.code, [])
        if len(shown) < SHOWN:
            shown.append(flaw)

    def add_all(self, other: Flaws, rows: int) -> None:
        """``other``: of what comes ``rows`` rows further down."""
        self.counts.update(other.counts)
        for code, flaws in other._first.items():
            shown = self._first.setdefault(code, [])
            shown.extend(flaw._replace(row=flaw.row + rows) for flaw in flaws[: SHOWN - len(shown)])

    def first(self, code: str) -> list[Flaw]:
        return sorted(self._first.get(code, ()), key=lambda flaw: flaw.row)
