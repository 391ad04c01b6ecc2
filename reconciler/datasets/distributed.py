"""Training data beyond one machine: the engine of ``reconciler.datasets.engines`` on a Dask cluster. Needs ``[distributed]``.

What was found in the blocks comes back in their order, so the records, the digest and the files are those that one process makes. Where
every worker can open the source (a shared file system, S3 through fsspec), only the places of blocks travel there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from reconciler.datasets.blocks import Block
from reconciler.datasets.engines import Engine, Results, Work, in_order
from reconciler.datasets.findings import Findings

if TYPE_CHECKING:
    from distributed import Client


def on_cluster(client: Client, *, ahead: int | None = None, reads: Callable[[], BinaryIO] | None = None) -> Engine:
    """``ahead``: blocks under way at once; twice as many as the cluster has threads unless told otherwise.

    ``reads`` opens the source on a worker, plain and not compressed; without it the blocks themselves are sent.
    """
    wanted = ahead or 2 * max(1, sum(client.nthreads().values()))

    def engine(work: Work, blocks: Iterator[Block]) -> Results:
        def submit(block: Block) -> Any:
            sent = _Elsewhere(block.offset, len(block.data), block.is_last, reads) if reads else block
            return client.submit(_worked_on, sent, work, pure=False)

        yield from in_order(submit, blocks, ahead=wanted)

    return engine


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A block that the worker reads itself."""

    offset: int
    length: int
    is_last: bool
    reads: Callable[[], BinaryIO]

    def fetched(self) -> Block:
        with self.reads() as stream:
            stream.seek(self.offset)
            return Block(self.offset, stream.read(self.length), self.is_last)


def _worked_on(sent: Block | _Elsewhere, work: Work) -> Findings:
    return work(sent.fetched() if isinstance(sent, _Elsewhere) else sent)
