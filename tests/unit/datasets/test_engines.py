"""Whoever works on the blocks, the same is found and the same is written."""

from __future__ import annotations

import os
import pickle
import random
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.datasets import engines
from reconciler.datasets.blocks import Block
from reconciler.datasets.engines import Engine, _Shelf, _worked_on, alone, processes
from reconciler.datasets.findings import Conversion, Findings
from reconciler.datasets.passing import Sinks, Totals, Wanted, pass_over
from reconciler.datasets.repeats import Repeated, Repeats
from reconciler.datasets.source import Stream
from reconciler.datasets.split import Split
from reconciler.domain.errors import ReconcilerError

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
def test_what_is_large_is_begun_alone_and_ended_by_several(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "processors", lambda: 2)
    assert path.stat().st_size > 2 * engines.FEW * BLOCK
    compare(path, tmp_path, engines.usual)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_several_workers_of_a_cluster_find_and_write_what_one_process_does(
    path: Path, tmp_path: Path, cluster: Engine
) -> None:
    compare(path, tmp_path, cluster)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_whose_workers_are_killed_is_told(cluster: Engine) -> None:
    with pytest.raises(ReconcilerError, match="lost what it worked on"):
        list(cluster(killed, iter([Block(0, b"")])))


def killed(block: Block) -> Findings:
    os.kill(os.getpid(), signal.SIGKILL)
    return Findings()


@pytest.mark.slow
def test_a_process_that_is_killed_is_told_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ReconcilerError, match="was ended from outside"):
        list(processes(2)(killed, iter([Block(0, b"")] * 20)))
    assert list(tmp_path.iterdir()) == []


def test_little_goes_through_the_pipe_that_the_processes_share(tmp_path: Path) -> None:
    """More than it takes at once, and one that is killed while it writes would leave the others waiting."""
    (shelf,) = _Shelf.several(tmp_path, 1)
    found = Findings(digests=b"d" * 1_000_000, training=b"t" * 1_000_000, validation=b"v")
    shelved = _worked_on(Block(0, b""), lambda _: found, shelf)
    assert len(pickle.dumps(shelved)) < select.PIPE_BUF
    taken = shelved.taken()
    assert (taken.digests, taken.training, taken.validation) == (found.digests, found.training, found.validation)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_with_the_place() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        _Shelf(Path("/dev/full")).put(Findings(training=b"t" * 100_000))
    assert caught.value.filename == "/dev/full"


WORKING = """
import os, signal
from functools import partial
from reconciler.datasets.blocks import Block
from reconciler.datasets.engines import _context, processes
from reconciler.datasets.findings import Task, find
from reconciler.datasets.layout import Layout
from reconciler.datasets.tokens import ROUGHLY

def working():
    line = b'{"prompt": "why?", "completion": "because"}\\n'
    return processes(2)(partial(find, task=Task(Layout(), ROUGHLY)), iter([Block(0, line * 100)] * 50))
"""


def ran(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """With all its processes: each holds the pipe that is read to its end."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-c", WORKING + program]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, start_new_session=True, check=False
    )


@pytest.mark.slow
def test_processes_end_when_who_started_them_is_killed(tmp_path: Path) -> None:
    ended = ran("for _ in working(): os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    assert ended.returncode == -signal.SIGKILL
    assert not list(tmp_path.glob("reconciler-*"))


@pytest.mark.slow
def test_ctrl_c_on_a_terminal_reaches_no_process_that_just_begins(tmp_path: Path) -> None:
    """A terminal sends it to all of the group."""
    program = """
_context()
signal.signal(signal.SIGINT, lambda *_: None)
os.killpg(0, signal.SIGINT)
print(sum(found.records for _, found in working()))
"""
    ended = ran(program, tmp_path)
    assert (ended.stdout, ended.stderr) == ("5000\n", "")
    assert list(tmp_path.iterdir()) == []


def compare(path: Path, into: Path, engine: Engine) -> None:
    for name in ("one", "many"):
        (into / name).mkdir()
    totals, repeated, *files = passed(path, alone, into / "one")
    again, found, *written = passed(path, engine, into / "many")
    assert told(again, found) == told(totals, repeated)
    assert written == files
    assert totals.records == 1_320
    assert repeated.trained.count + repeated.held_out.count == 20
