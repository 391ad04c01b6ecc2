"""Training data beyond one machine: the engine of ``reconciler.datasets.engines`` on a Dask cluster. Needs ``[distributed]``.

What was found in the blocks comes back in their order, so the records, the digest and the files are those that one process makes.
Whoever asks reads the data and cuts it; the blocks travel to the workers, and the converted lines back.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from reconciler.datasets.blocks import Block
from reconciler.datasets.engines import Engine, Results, Work, in_order
from reconciler.domain.errors import ReconcilerError

if TYPE_CHECKING:
    from distributed import Client


def on_cluster(client: Client, *, ahead: int | None = None) -> Engine:
    """``ahead``: blocks under way at once; twice as many as the cluster has threads unless told otherwise."""
    wanted = ahead or 2 * max(1, sum(client.nthreads().values()))

    def engine(work: Work, blocks: Iterator[Block]) -> Results:
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        try:
            yield from in_order(lambda block: client.submit(work, block, pure=False), blocks, ahead=wanted)
        except (KilledWorker, CommClosedError, CancelledError) as trouble:
            raise ReconcilerError(
                "the Dask cluster lost what it worked on",
                hint="Its log says why: most often workers had too little memory. Run the command again.",
            ) from trouble

    return engine
