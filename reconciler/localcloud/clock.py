"""The embedded cloud's time: it runs at the speed it is told, and can be set ahead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

MAX_SPEED = 1_000_000.0
"""Eleven days in a second."""
MAX_JUMP = 10 * 366 * 86_400.0


class Clock:
    """Cloud time = time at the anchor + (wall time since the anchor) x speed. Seconds since the epoch.

    A speed of 0 stands still: then only `advance` moves it, which is what tests want. A clock that was pickled goes on
    where it stood: time does not pass while the cloud is down.
    """

    def __init__(
        self, *, speed: float = 1.0, start: float | None = None, wall: Callable[[], float] = time.monotonic
    ) -> None:
        _check_speed(speed)
        self._wall = wall
        self._speed = speed
        self._anchor = time.time() if start is None else start
        self._anchor_wall = wall()
        self._held: float | None = None

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> float:
        if self._held is not None:
            return self._held
        return self._anchor + (self._wall() - self._anchor_wall) * self._speed

    @property
    def held(self) -> bool:
        """Whether this is a moment that is being caught up with."""
        return self._held is not None

    @contextmanager
    def held_at(self, moment: float) -> Iterator[None]:
        """Within, it is that moment: what happens late, because nobody asked earlier, happens at its own time."""
        self._held = moment
        try:
            yield
        finally:
            self._held = None

    def run_at(self, speed: float) -> None:
        """Go on from now at another speed. Raises ValueError for one that is not from 0 to MAX_SPEED."""
        _check_speed(speed)
        self._move_anchor()
        self._speed = speed

    def advance(self, seconds: float) -> None:
        """Jump ahead. Raises ValueError for a negative number, as time never runs backwards, and beyond MAX_JUMP."""
        if seconds < 0:
            raise ValueError(f"a clock cannot go back by {-seconds} seconds")
        if not seconds <= MAX_JUMP:
            raise ValueError(f"a clock is set ahead by at most {MAX_JUMP:g} seconds (ten years) at once, not {seconds}")
        self._move_anchor()
        self._anchor += seconds

    def _move_anchor(self) -> None:
        self._anchor = self.now()
        self._anchor_wall = self._wall()

    def __getstate__(self) -> dict[str, Any]:
        return {"speed": self._speed, "now": self.now()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._wall = time.monotonic
        self._speed = state["speed"]
        self._anchor = state["now"]
        self._anchor_wall = self._wall()
        self._held = None


def _check_speed(speed: float) -> None:
    if not 0 <= speed <= MAX_SPEED:  # NaN is neither
        raise ValueError(f"the speed of a clock is from 0 to {MAX_SPEED:,.0f}, not {speed}")


def moment(seconds: float | None) -> datetime | None:
    """Cloud time as the aware datetime that answers carry; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
