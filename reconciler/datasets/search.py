"""Which of many texts are worth a look. By Hyperscan where it is installed (``[data]``), else by ``re``, which takes ten times as long."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy

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
    elif matches := _matches(texts.together):
        kinds, ends = zip(*matches, strict=True)
        positions = numpy.searchsorted(numpy.cumsum(texts.sizes), ends)
        yield from zip(positions.tolist(), map(KINDS.__getitem__, kinds), strict=True)


def _matches(data: Any) -> list[tuple[int, int]]:
    """Of each the kind's number, and where it ends, exclusive. Some begin in one text and end in another: no harm, those are looked at."""
    found: list[tuple[int, int]] = []
    _database().scan(data, match_event_handler=lambda kind, _start, end, _flags, _context: found.append((kind, end)))
    return found


_of_thread = threading.local()
"""A database must not be used by two threads at once."""


def _database() -> Any:
    if not hasattr(_of_thread, "database"):
        made, patterns = hyperscan.Database(), [pattern.encode() for pattern in WORTH_A_LOOK.values()]
        made.compile(patterns, ids=range(len(patterns)), flags=[hyperscan.HS_FLAG_UTF8] * len(patterns))
        _of_thread.database = made
    return _of_thread.database
