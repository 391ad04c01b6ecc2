"""Which of many texts are worth a look. By Hyperscan where it is installed (``[data]``), else by ``re``, which takes ten times as long."""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from reconciler.datasets.patterns import WORTH_A_LOOK
from reconciler.datasets.texts import Texts

hyperscan: Any
try:
    import hyperscan
except ImportError:
    hyperscan = None

KINDS = tuple(WORTH_A_LOOK)
_ANY = re.compile("|".join(WORTH_A_LOOK.values()))


def worth_a_look(texts: Texts) -> Iterator[tuple[int, str]]:
    """Positions of texts that may hold something of a kind, each with the kind. All that do are among them."""
    if hyperscan is None:
        suspects = [position for position, text in enumerate(texts.decoded) if _ANY.search(text)]
        yield from ((position, kind) for position in suspects for kind in KINDS)
    elif sizes := texts.sizes.tolist():
        yield from _matches(texts.together, list(accumulate(sizes)))


def _matches(data: Any, ends: list[int]) -> set[tuple[int, str]]:
    """``ends``: of the texts in ``data``. Some match begins in one text and ends in another: no harm, that one is looked at.

    Each text and kind once: a text of digits has as many matches as digits.
    """
    found: set[tuple[int, str]] = set()

    def matched(kind: int, _start: int, end: int, _flags: int, _context: object) -> None:
        found.add((bisect_left(ends, end), KINDS[kind]))

    _database().scan(data, match_event_handler=matched)
    return found


_of_thread = threading.local()
"""A database must not be used by two threads at once."""


def _database() -> Any:
    if not hasattr(_of_thread, "database"):
        made, patterns = hyperscan.Database(), [pattern.encode() for pattern in WORTH_A_LOOK.values()]
        made.compile(patterns, ids=range(len(patterns)), flags=[hyperscan.HS_FLAG_UTF8] * len(patterns))
        _of_thread.database = made
    return _of_thread.database
