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
from dataclasses import replace
from itertools import chain, cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from reconciler.datasets.blocks import Block, Place
from reconciler.datasets.findings import Findings

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

T = TypeVar("T")
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
        return
    _context()  # starts while this process works on the first blocks itself
    yield from alone(work, _emptied(first))
    yield from processes(count)(work, blocks)


def _emptied(blocks: list[Block]) -> Iterator[Block]:
    """One after the other, none being kept."""
    blocks.reverse()
    while blocks:
        yield blocks.pop()


def processes(count: int) -> Engine:
    """Processes of their own, which end with the work."""

    def engine(work: Work, blocks: Iterator[Block]) -> Results:
        from concurrent.futures import ProcessPoolExecutor

        with TemporaryDirectory(prefix="reconciler-") as folder:
            shelves = cycle(_Shelf.several(Path(folder), ahead := 2 * count))
            pool = ProcessPoolExecutor(count, mp_context=_context(), initializer=_leave_interrupts_to_the_parent)

            def submit(block: Block) -> Future[_Shelved]:
                return pool.submit(_worked_on, Place.of(block), work, next(shelves))

            try:
                for block, shelved in in_order(submit, blocks, ahead=ahead):
                    yield block, shelved.taken()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    return engine


class _Shelf(NamedTuple):
    """A file in which lines are handed over, again and again: new files, or a pipe, take twice as long.

    There are as many as blocks under way: whose turn comes again has been taken from.
    """

    path: Path

    @classmethod
    def several(cls, folder: Path, count: int) -> list[_Shelf]:
        shelves = [cls(folder / str(number)) for number in range(count)]
        for shelf in shelves:
            shelf.path.touch()
        return shelves

    def put(self, found: Findings) -> _Shelved:
        lines = found.training, found.validation
        if any(lines):
            with self.path.open("r+b") as file:
                file.writelines(lines)
        return _Shelved(replace(found, training=b"", validation=b""), self, len(lines[0]), len(lines[1]))


class _Shelved(NamedTuple):
    found: Findings
    shelf: _Shelf
    training: int
    validation: int

    def taken(self) -> Findings:
        if self.training or self.validation:
            with self.shelf.path.open("rb") as file:
                return replace(self.found, training=file.read(self.training), validation=file.read(self.validation))
        return self.found


def _worked_on(sent: Block | Place, work: Work, shelf: _Shelf) -> _Shelved:
    return shelf.put(work(sent.read() if isinstance(sent, Place) else sent))


def in_order(
    submit: Callable[[Block], Future[T]], blocks: Iterable[Block], *, ahead: int
) -> Generator[tuple[Block, T], None, None]:
    """At most ``ahead`` blocks are under way at once, the one that was given last included."""
    under_way: deque[tuple[Block, Future[T]]] = deque()
    for block in blocks:
        under_way.append((block, submit(block)))
        if len(under_way) >= ahead:
            yield _finished(*under_way.popleft())
    while under_way:
        yield _finished(*under_way.popleft())


def _finished(block: Block, future: Future[T]) -> tuple[Block, T]:
    return block, future.result()


def processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _context() -> BaseContext:
    """Children of a process that has no threads and no open files of ours, whatever the platform."""
    import multiprocessing

    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reconciler.datasets.findings", "pyarrow.csv"])
    forkserver.ensure_running()
    return context


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
