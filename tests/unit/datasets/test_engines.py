"""Whoever works on the blocks, the same is found and the same is written."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.datasets.engines import Engine, alone, processes
from reconciler.datasets.findings import Conversion
from reconciler.datasets.passing import Sinks, Totals, Wanted, pass_over
from reconciler.datasets.repeats import Repeated, Repeats
from reconciler.datasets.source import Stream
from reconciler.datasets.split import Split

from .builders import as_csv, some_pairs

BLOCK = 4_000


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = random.Random(7)
    pairs = [
        (f'{drawn.random()}, "{number}"\n{"é" * drawn.randrange(90)}', f"answer {number % 900}")
        for number in range(1_000)
    ]
    pairs += pairs[100:120]
    file = tmp_path_factory.mktemp("data") / "data.csv"
    file.write_bytes(as_csv(pairs) + b"lonely\r\n" + as_csv(some_pairs(300)).partition(b"\r\n")[2])
    return file


def passed(path: Path, engine: Engine, into: Path) -> tuple[Totals, Repeated, bytes, bytes]:
    wanted = Wanted(Split(20), conversion=Conversion("chat", system="Be brief."))
    files = into / "training.jsonl", into / "validation.jsonl"
    with (
        Repeats() as repeats,
        Stream(path.open("rb")) as stream,
        files[0].open("wb") as one,
        files[1].open("wb") as other,
    ):
        totals = pass_over(
            stream, str(path), wanted, repeats=repeats, sinks=Sinks(one, other), engine=engine, block=BLOCK
        )
        return totals, repeats.found(), files[0].read_bytes(), files[1].read_bytes()


def told(totals: Totals, repeated: Repeated) -> list[object]:
    flaws = [flaw for code in totals.flaws.counts for flaw in totals.flaws.first(code)]
    sides = totals.sides.validation if totals.sides else None
    return [str(totals.digest), totals.records, totals.lengths, flaws, sides, totals.rows, totals.size, repeated]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Engine]:
    """Three workers, each a process of its own."""
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'llm-reconciler[distributed]'")
    from distributed import Client, LocalCluster

    from reconciler.datasets.distributed import on_cluster

    options = {"dashboard_address": None, "host": "127.0.0.1", "silence_logs": 50}
    with LocalCluster(n_workers=3, threads_per_worker=1, processes=True, **options) as local, Client(local) as client:
        yield on_cluster(client)


@pytest.mark.slow
def test_several_processes_find_and_write_what_one_does(path: Path, tmp_path: Path) -> None:
    compare(path, tmp_path, processes(2))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_several_workers_of_a_cluster_find_and_write_what_one_process_does(
    path: Path, tmp_path: Path, cluster: Engine
) -> None:
    compare(path, tmp_path, cluster)


def compare(path: Path, into: Path, engine: Engine) -> None:
    for name in ("one", "many"):
        (into / name).mkdir()
    totals, repeated, *files = passed(path, alone, into / "one")
    again, found, *written = passed(path, engine, into / "many")
    assert told(again, found) == told(totals, repeated)
    assert written == files
    assert totals.records == 1_320
    assert repeated.trained.count + repeated.held_out.count == 20
