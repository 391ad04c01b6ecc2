"""Who works on the blocks: this process, or several on this machine. See ``reconciler.datasets.distributed`` for several machines.

An engine is a function: it takes what is to be done with a block, and blocks; and gives each block with what was found in it, in
the order of the blocks. So the same records give the same digest and the same files, whoever works.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from itertools import chain, islice
from typing import TYPE_CHECKING

from reconciler.datasets.blocks import Block, Place
from reconciler.datasets.findings import Findings

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

Work = Callable[[Block], Findings]
Results = Generator[tuple[Block, Findings], None, None]
Engine = Callable[[Work, Iterator[Block]], Results]

FEW = 32
"""Blocks that this process works on alone: to start others takes as long."""

MOST_PROCESSES = 4
"""Each takes about 60 MB."""


def alone(work: Work, blocks: Iterator[Block]) -> Results:
    for block in blocks:
        yield block, work(block)


def usual(work: Work, blocks: Iterator[Block]) -> Results:
    """This process for what is small; for what is not, as many as there are processors, up to four."""
    first = list(islice(blocks, FEW))
    count = min(processors(), MOST_PROCESSES)
    if len(first) < FEW or count == 1:
        yield from alone(work, chain(first, blocks))
    else:
        yield from processes(count)(work, _emptied(first, blocks))


def _emptied(first: list[Block], rest: Iterator[Block]) -> Iterator[Block]:
    """One after the other, none being kept."""
    first.reverse()
    while first:
        yield first.pop()
    yield from rest


def processes(count: int) -> Engine:
    """Processes of their own, which end with the work."""

    def engine(work: Work, blocks: Iterator[Block]) -> Results:
        from concurrent.futures import ProcessPoolExecutor

        pool = ProcessPoolExecutor(count, mp_context=_context(), initializer=_leave_interrupts_to_the_parent)
        try:
            yield from in_order(lambda block: pool.submit(_worked_on, Place.of(block), work), blocks, ahead=count + 1)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    return engine


def _worked_on(sent: Block | Place, work: Work) -> Findings:
    return work(sent.read() if isinstance(sent, Place) else sent)


def in_order(submit: Callable[[Block], Future[Findings]], blocks: Iterable[Block], *, ahead: int) -> Results:
    """At most ``ahead`` blocks are under way at once."""
    under_way: deque[tuple[Block, Future[Findings]]] = deque()
    for block in blocks:
        under_way.append((block, submit(block)))
        if len(under_way) >= ahead:
            yield _finished(*under_way.popleft())
    while under_way:
        yield _finished(*under_way.popleft())


def _finished(block: Block, future: Future[Findings]) -> tuple[Block, Findings]:
    return block, future.result()


def processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _context() -> BaseContext:
    """Children of a process that has no threads and no open files of ours, whatever the platform."""
    import multiprocessing

    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reconciler.datasets.findings", "pyarrow.csv", "pyarrow.compute"])
    return context


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
