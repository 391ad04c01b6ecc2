"""How fast training data is checked, split, converted and digested, beside plain readers. ``make bench-datasets``.

They only read it and write JSON Lines. A CSV is made from a seed: questions and answers of 1 to 40 sentences, about 660 bytes a record,
with quoted cells, commas, doubled quotes, line breaks within cells, characters beyond ASCII, some e-mail addresses, and 1 record in 10,000
that came before. Each reader is a process of its own, one after the other, and reads the file from the page cache; of three runs the
median counts. Peak memory is the largest sum, over a process and all that it started, of proportional set sizes (PSS, from ``/proc``),
looked at 20 times a second in a run of its own. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reconciler.datasets.engines import processors

_VOCABULARY = """
the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were all
her she there would their we him been has when who will no more if out so up said what its about than into them can only other
time new some could these two may first then do any like my now over such our man me even most made after also did many off before
must well back through years much where your way down should because long each just state those people too mr how little good
world make account payment invoice delivery refund customer service support ticket password email address subscription renewal
charge balance transfer transaction device update install error message screen battery charger warranty replacement shipping
carrier tracking package warehouse return policy agent chat phone call minutes hours tomorrow yesterday please thanks sorry
understand issue problem resolve check confirm settings menu button click browser version network connection router café naïve
résumé Zürich straße
"""
WORDS = _VOCABULARY.split()
RARE = ("日本語のテキスト", "Привет", "🙂", "iPhone", "JavaScript", "v2.1", "ask.us@example.com")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--size", default="1GB", help="of the CSV: 1GB, 200MB")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--only", choices=READERS, help=argparse.SUPPRESS)
    asked.add_argument("--csv", type=Path, help="this file instead of one that is made")
    asked.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.only:
        READERS[given.only](given.csv, given.into)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.csv or Path(folder, "data.csv")
        if not given.csv:
            records = write_csv(path, _bytes(given.size), given.seed)
            print(f"{records:,} records, {path.stat().st_size / 1e6:,.0f} MB of CSV from seed {given.seed}")
        compare(path)


def compare(path: Path) -> None:
    print(
        f"{platform.processor() or platform.machine()}, {processors()} processors, Python {platform.python_version()}\n"
    )
    print(f"{'':34}{'wall':>9}{'':12}{'CPU':>9}{'':14}{'peak memory':>12}")
    measured = dict(_measured(path))
    plain = {name: each for name, each in measured.items() if name != OWN}
    if plain:
        fastest = min(plain, key=lambda name: plain[name].wall)
        thrifty = min(plain, key=lambda name: plain[name].cpu)
        print(
            f"\nspeed   {plain[fastest].wall / measured[OWN].wall:.0%} of {fastest}'s, the fastest that only reads and writes (target 50%)"
        )
        print(f"CPU     {measured[OWN].cpu / plain[thrifty].cpu:.1f} times {thrifty}'s, the thriftiest")
    print(f"memory  {measured[OWN].memory / 1e6:,.0f} MB (target below 300 MB)")


def _measured(path: Path) -> Iterator[tuple[str, Measured]]:
    for name in READERS:
        if name != OWN and not find_spec(name):
            print(f"{name} is not installed: left out")
            continue
        try:
            yield name, run(name, path)
        except Failed:
            if name == OWN:
                raise
            print(f"{name} cannot read this: left out")


@dataclass(frozen=True)
class Measured:
    wall: float
    cpu: float
    memory: int


class Failed(Exception):
    """A reader ended with an error, which it printed."""


def run(name: str, path: Path) -> Measured:
    """Timed three times, of which the median counts, and once more for memory: to look at that takes time from whom it is looked at."""
    wall, cpu = sorted(_timed(name, path) for _ in range(3))[1]
    found = Measured(wall, cpu, _peak(name, path))
    size = path.stat().st_size / 1e6
    told = "check + split + convert + digest" if name == OWN else f"{name}: read, write JSON Lines"
    print(
        f"{told:34}{found.wall:8.2f} s {size / found.wall:6.0f} MB/s {found.cpu:9.2f} s {size / found.cpu:6.0f} MB/CPU-s "
        f"{found.memory / 1e6:9.0f} MB",
        flush=True,
    )
    return found


def _timed(name: str, path: Path) -> tuple[float, float]:
    """Wall and CPU time in seconds."""
    spent: dict[int, float] = {}
    with _started(name, path, subprocess.DEVNULL) as process:
        began = time.monotonic()
        while process.poll() is None:
            spent |= {pid: _cpu(pid) for pid in _session(process.pid)}
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        wall = time.monotonic() - began
    return wall, sum(spent.values())


def _peak(name: str, path: Path) -> int:
    """In bytes."""
    peak = 0
    with _started(name, path) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_memory, _session(process.pid))))
            time.sleep(0.05)
    return peak


@contextmanager
def _started(name: str, path: Path, out: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """What it writes is removed: so the next one finds the page cache as this one did."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [sys.executable, "-m", "benchmarks.datasets", "--only", name, "--csv", str(path), "--into", folder]
        with subprocess.Popen(command, stdout=out, start_new_session=True) as process:
            yield process
    if process.returncode:
        raise Failed(name)


def _session(leader: int) -> list[int]:
    """The process and all that it started."""
    return [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and _stat(int(folder.name))[3:4] == [str(leader)]
    ]


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
    except (OSError, StopIteration):
        return 0


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` behind the program's name."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _own(path: Path, into: Path) -> None:
    from reconciler.datasets.findings import Conversion
    from reconciler.datasets.passing import Sinks, Wanted, pass_over
    from reconciler.datasets.repeats import Repeats
    from reconciler.datasets.source import Stream
    from reconciler.datasets.split import Split

    with (
        Repeats() as repeats,
        Stream(path.open("rb")) as stream,
        (into / "training.jsonl").open("wb") as training,
        (into / "validation.jsonl").open("wb") as validation,
    ):
        wanted = Wanted(Split(10), conversion=Conversion("prompt-completion"))
        totals = pass_over(stream, str(path), wanted, repeats=repeats, sinks=Sinks(training, validation))
        repeated = repeats.found()
    assert not totals.flaws
    again = repeated.trained.count + repeated.held_out.count
    held_out = totals.sides.validation if totals.sides else 0
    addresses = totals.remarks.counts["email-address"]
    print(
        f"  {totals.records:,} records, {held_out:,} held out, {again:,} that came before, {addresses:,} with an address"
    )


def _pyarrow(path: Path, into: Path) -> None:
    import orjson
    import pyarrow.csv

    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    with pyarrow.csv.open_csv(path, parse_options=parse) as batches, (into / "data.jsonl").open("wb") as out:
        for batch in batches:
            pairs = zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
            lines = [orjson.dumps({"prompt": prompt, "completion": completion}) for prompt, completion in pairs]
            out.write(b"\n".join(lines) + b"\n")


def _polars(path: Path, into: Path) -> None:
    import polars

    polars.scan_csv(path).rename({"expected completion": "completion"}).sink_ndjson(into / "data.jsonl")


def _duckdb(path: Path, into: Path) -> None:
    import duckdb

    # in parallel it refuses some files whose cells hold line breaks ("does not support a full read on this file")
    columns = 'prompt, "expected completion" as completion'
    read = f"select {columns} from read_csv('{path}', header=true, parallel=false)"
    duckdb.sql(f"copy ({read}) to '{into / 'data.jsonl'}' (format json)")


OWN = "reconciler"
READERS: Mapping[str, Callable[[Path, Path], Any]] = {
    "pyarrow": _pyarrow,
    "polars": _polars,
    "duckdb": _duckdb,
    OWN: _own,
}


def write_csv(path: Path, size: int, seed: int) -> int:
    """Returns how many records it has."""
    drawn, records, written = random.Random(seed), 0, 0
    sentences = [_sentence(drawn) for _ in range(20_000)]
    with path.open("wb") as file:
        file.write(b"prompt,expected completion\n")
        while written < size:
            rows = [_row(drawn, sentences, records + number) for number in range(2_000)]
            rows[-1] = rows[0] if drawn.random() < 0.2 else rows[-1]
            text = io.StringIO(newline="")
            csv.writer(text, lineterminator="\n").writerows(rows)
            written += file.write(text.getvalue().encode())
            records += len(rows)
    return records


def _row(drawn: random.Random, sentences: list[str], number: int) -> tuple[str, str]:
    asked = drawn.choices(sentences, k=min(12, max(1, int(drawn.lognormvariate(1.0, 0.7)))))
    answered = drawn.choices(sentences, k=min(40, max(1, int(drawn.lognormvariate(1.9, 0.7)))))
    return f"Ticket {number}: {' '.join(asked)}", ("\n" if drawn.random() < 0.15 else " ").join(answered)


def _sentence(drawn: random.Random) -> str:
    weights = [1 / (rank + 1) ** 0.8 for rank in range(len(WORDS))]
    words = drawn.choices(WORDS, weights, k=max(3, int(drawn.gauss(13, 5))))
    place, kind = drawn.randrange(len(words)), drawn.random()
    if kind < 0.25:
        words[place] += ","
    elif kind < 0.30:
        words[place] = f'"{words[place]}"'
    elif kind < 0.36:
        words[place] = str(drawn.randrange(1, 5_000))
    elif kind < 0.38:
        words[place] = f"${drawn.randrange(1, 900)}.{drawn.randrange(10, 99)}"
    elif kind < 0.385:
        words[place] = drawn.choice(RARE)
    return " ".join(words).capitalize() + drawn.choices(".?!", [8, 2, 1])[0]


def _bytes(size: str) -> int:
    units = {"GB": 10**9, "MB": 10**6, "kB": 10**3}
    return int(float(size[:-2]) * units[size[-2:]])


if __name__ == "__main__":
    main()
