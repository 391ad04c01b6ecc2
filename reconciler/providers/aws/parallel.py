"""Several looks at once: where a service has no batch call, a project's models are asked for one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 8
"""The client for reading slows all of them down together when the cloud throttles."""


def together(look: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """``look`` at each of them, answers in their order. The first error is raised."""
    wanted = list(things)
    if len(wanted) < 2:
        return [look(thing) for thing in wanted]
    with ThreadPoolExecutor(max_workers=min(WORKERS, len(wanted))) as pool:
        return list(pool.map(look, wanted))
