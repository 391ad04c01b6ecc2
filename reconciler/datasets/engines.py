"""Who works on the blocks: this process, or several on this machine. See ``reconciler.datasets.distributed`` for several machines.

An engine is a function: it takes what is to be done with a block, and blocks; and gives each block with what was found in it, in
the order of the blocks. So the same records give the same digest and the same files, whoever works.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, cycle, islice
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from reconciler.datasets.blocks import Block, Place
from reconciler.datasets.findings import Findings
from reconciler.datasets.temporary import place_told

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

T = TypeVar("T")
Work = Callable[[Block], Findings]
Results = Generator[tuple[Block, Findings], None, None]
Engine = Callable[[Work, Iterator[Block]], Results]

FEW = 16
"""Blocks that are not worth another process. To start some takes as long as twice as many do."""

MOST_PROCESSES = 4
"""Each takes about 60 MB."""


def alone(work: Work, blocks: Iterator[Block]) -> Results:
    for block in blocks:
        yield block, work(block)


def usual(work: Work, blocks: Iterator[Block]) -> Results:
    """This process for what is small; for what is not, as many as there are processors, up to four."""
    first = list(islice(blocks, FEW))
    count = min(processors(), MOST_PROCESSES)
    if len(first) < FEW or count == 1 or not _begins():
        yield from alone(work, chain(first, blocks))
        return
    yield from alone(work, chain(_emptied(first), islice(blocks, FEW)))
    yield from processes(count)(work, blocks)


def _begins() -> bool:
    """Whether processes can be started: they are told to through a socket, in a temporary folder whose path may be too long for one.

    What they are started from gets ready while this process works on blocks itself.
    """
    try:
        _context()
    except OSError:
        return False
    return True


def _emptied(blocks: list[Block]) -> Iterator[Block]:
    """One after the other, none being kept."""
    blocks.reverse()
    while blocks:
        yield blocks.pop()


def processes(count: int) -> Engine:
    """Processes of their own, which end with the work."""

    def engine(work: Work, blocks: Iterator[Block]) -> Results:
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool

        with TemporaryDirectory(prefix="reconciler-") as folder:
            shelves = cycle(_Shelf.several(Path(folder), ahead := count + 2))
            pool = ProcessPoolExecutor(count, mp_context=_context(), initializer=_begin_to_work, initargs=(folder,))

            def submit(block: Block) -> Future[_Shelved]:
                return pool.submit(_worked_on, Place.of(block), work, next(shelves))

            try:
                for block, shelved in in_order(submit, blocks, ahead=ahead):
                    yield block, shelved.taken()
            except BrokenProcessPool as trouble:
                raise _ended_from_outside() from trouble
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    return engine


def _ended_from_outside() -> Exception:
    from reconciler.domain.errors import ReconcilerError  # what workers import is quickly imported

    return ReconcilerError(
        "a process that worked on training data was ended from outside",
        hint="Most often for want of memory: free some, and run the command again.",
    )


class _Shelf(NamedTuple):
    """A file in which what was found is handed over, again and again: new files, or a pipe, take twice as long.

    There are as many as blocks under way: whose turn comes again has been taken from. Only little goes through the pipe that all
    processes share: one that is killed while it writes more than the pipe holds would leave the others waiting for ever.
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
        with place_told(self.path), self.path.open("r+b") as file:
            file.writelines(lines)
            pickle.dump(replace(found, training=b"", validation=b""), file, pickle.HIGHEST_PROTOCOL)
        return _Shelved(self, *map(len, lines))


class _Shelved(NamedTuple):
    shelf: _Shelf
    training: int
    validation: int

    def taken(self) -> Findings:
        with self.shelf.path.open("rb") as file:
            lines = file.read(self.training), file.read(self.validation)
            found: Findings = pickle.load(file)  # noqa: S301 - written by our own process into a folder that is ours alone
            return replace(found, training=lines[0], validation=lines[1])


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
    from multiprocessing import forkserver, resource_tracker

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reconciler.datasets.apart", "reconciler.datasets.engines", "pyarrow.csv"])
    resource_tracker.ensure_running()  # else the server starts it, which lets interrupts through again
    with _interrupts_held_back():  # as the server and all its children inherit it: a Ctrl-C on a terminal goes to all
        forkserver.ensure_running()
    return context


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_to_work(folder: str) -> None:
    """Interrupts are left to the parent; when it is ended, however that comes about, this process ends too, and so does the folder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, args=[folder], daemon=True).start()


def _end_with_the_parent(folder: str) -> None:
    from multiprocessing import parent_process

    if parent := parent_process():
        parent.join()
        rmtree(folder, ignore_errors=True)
        os._exit(1)
