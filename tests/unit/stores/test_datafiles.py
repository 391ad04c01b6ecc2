from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import pytest

from reconciler.datasets.engines import alone
from reconciler.datasets.examine import Examined, Open, look
from reconciler.datasets.split import Split
from reconciler.domain.desired import DatasetSource, ValidationPlan
from reconciler.domain.diagnostic import Location
from reconciler.domain.errors import CloudUnavailable, InvalidInput
from reconciler.domain.ports import Event
from reconciler.stores.datafiles import DataFiles
from reconciler.stores.digests import DigestCache
from reconciler.stores.s3 import ObjectStore
from tests.unit.datasets.builders import a_base, a_model, as_csv, some_pairs

from .conftest import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def no_s3() -> NoReturn:
    pytest.fail("S3 was asked for")


def local(path: Path | str) -> DatasetSource:
    return DatasetSource(name=None, uri=str(path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def refused(files: DataFiles, source: DatasetSource) -> str:
    with pytest.raises(InvalidInput) as caught:
        files.open_source(source)
    (problem,) = caught.value.diagnostics
    return problem.code


def test_files_of_the_project_are_opened(root: Path) -> None:
    (root / "a.csv").write_bytes(b"hello")
    (root / "link.csv").symlink_to("a.csv")
    files = DataFiles(root, no_s3)
    for uri in ("a.csv", str(root / "a.csv"), "link.csv"):
        with files.open_source(local(uri)) as stream:
            assert stream.read() == b"hello"


def test_what_is_not_to_be_read_is_refused(root: Path) -> None:
    (root.parent / "secret.csv").write_text("secret")
    (root / "leaves.csv").symlink_to("../secret.csv")
    (root / "folder").mkdir()
    (root / "outside").symlink_to("..")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    files = DataFiles(root, no_s3)
    found = {
        uri: refused(files, local(uri))
        for uri in (
            "nope.csv",
            "leaves.csv",
            "../secret.csv",
            "/etc/hostname",
            "outside/secret.csv",
            "folder",
            "pipe",
            "loop",
        )
    }
    assert found == {
        "nope.csv": "data-not-found",
        "leaves.csv": "outside-project",
        "../secret.csv": "outside-project",
        "/etc/hostname": "outside-project",
        "outside/secret.csv": "outside-project",
        "folder": "data-unreadable",
        "pipe": "data-unreadable",
        "loop": "data-unreadable",
    }


def test_a_path_that_counts_from_another_folder_is_told_how_to_write_it(root: Path) -> None:
    (root / "data").mkdir()
    (root / "data" / "a.csv").write_bytes(as_csv(some_pairs(5)))
    where = Location(file="models/bots/a.yaml", line=1, column=1)
    hints = []
    for uri in ("models/bots/data/a.csv", "models/bots/data/b.csv"):
        with pytest.raises(InvalidInput) as caught:
            DataFiles(root, no_s3).open_source(DatasetSource(name=None, uri=uri, where=where))
        hints.append(caught.value.diagnostics[0].hint)
    assert hints == [
        "paths count from the manifest's folder: write ../../data/a.csv",
        "correct the path, or put the data there",
    ]


def test_s3(root: Path, s3: S3Client) -> None:
    ObjectStore(s3, BUCKET).put("data/x.csv", as_csv(some_pairs(5)))
    files = DataFiles(root, lambda: s3)
    data, problems = files.training_data(a_model(local(f"s3://{BUCKET}/data/x.csv")), a_base())
    assert not problems
    assert data is not None
    assert data.training_records == 5
    assert refused(files, local(f"s3://{BUCKET}/nope.csv")) == "data-not-found"
    with pytest.raises(CloudUnavailable, match="NoSuchBucket"):
        files.open_source(local("s3://nobucket/x.csv"))


def test_s3_data_that_is_examined_again_is_only_looked_at(
    root: Path, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"s3://{BUCKET}/x.csv"
    store = ObjectStore(s3, BUCKET)
    store.put("x.csv", as_csv(some_pairs(5)))
    first, _ = files_with_cache(root, s3).training_data(a_model(local(uri)), a_base())
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "open", lambda *_: pytest.fail("read again"))
        assert files_with_cache(root, s3).training_data(a_model(local(uri)), a_base())[0] == first
    store.put("x.csv", as_csv(some_pairs(6)))
    changed, _ = files_with_cache(root, s3).training_data(a_model(local(uri)), a_base())
    assert changed is not None
    assert changed.training_records == 6


def test_s3_data_that_was_written_again_as_it_was_is_not_read_again(
    root: Path, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, store = f"s3://{BUCKET}/x.csv", ObjectStore(s3, BUCKET)
    store.put_stream("x.csv", io.BytesIO(as_csv(some_pairs(5))))
    first, _ = files_with_cache(root, s3).training_data(a_model(local(uri)), a_base())
    before = store.head("x.csv")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    store.put_stream("x.csv", io.BytesIO(as_csv(some_pairs(5))))
    after = store.head("x.csv")
    assert before is not None
    assert after is not None
    assert before.version != after.version
    monkeypatch.setattr(ObjectStore, "open", lambda *_: pytest.fail("read again"))
    assert files_with_cache(root, s3).training_data(a_model(local(uri)), a_base())[0] == first


def files_with_cache(root: Path, s3: S3Client) -> DataFiles:
    return DataFiles(root, lambda: s3, cache=root / ".reconciler" / "cache" / "datasets.json")


class Watched:
    """Local data with a cache whose clock stands far ahead, so that every file counts as settled; counts what is read."""

    def __init__(self, root: Path, ahead: float = 3600) -> None:
        import time

        self.reads = 0
        self.files = DataFiles(root, no_s3)
        self.cache = DigestCache(root / "cache.json", self.files.stamp, now=lambda: time.time() + ahead)
        self.open: Open = self._open

    def _open(self, source: DatasetSource) -> BinaryIO:
        self.reads += 1
        return self.files.open_source(source)

    def examine(self, uri: str, split: Split | None = None) -> Examined | None:
        from reconciler.datasets.examine import examine

        return examine(self.open, local(uri), split, memory=self.cache)[0]


def test_unchanged_files_are_not_read_again(root: Path) -> None:
    (root / "a.csv").write_bytes(as_csv(some_pairs(5)))
    watched = Watched(root)
    first = watched.examine("a.csv")
    assert watched.examine("a.csv") == Watched(root).examine("a.csv") == first
    assert watched.reads == 1
    watched.examine("a.csv", Split(10))
    assert watched.reads == 2
    assert (root / "cache.json").stat().st_mode & 0o077 == 0


def test_a_file_that_changed_is_read_again_even_at_equal_size(root: Path) -> None:
    path = root / "a.csv"
    path.write_bytes(b"prompt,completion\na,b\n")
    watched = Watched(root)
    first = watched.examine("a.csv")
    before = path.stat()
    path.write_bytes(b"prompt,completion\na,c\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = watched.examine("a.csv")
    assert first is not None
    assert second is not None
    assert first.facts.digest != second.facts.digest


def test_a_file_written_just_now_is_not_remembered(root: Path) -> None:
    (root / "a.csv").write_bytes(as_csv(some_pairs(5)))
    watched = Watched(root, ahead=0)
    watched.examine("a.csv")
    watched.examine("a.csv")
    assert watched.reads == 2


def test_a_file_that_changes_while_it_is_read_is_not_remembered(root: Path) -> None:
    path = root / "a.csv"
    path.write_bytes(as_csv(some_pairs(5)))
    watched = Watched(root)
    opened = watched.open

    def meddled(source: DatasetSource) -> BinaryIO:
        stream = opened(source)
        path.write_bytes(as_csv(some_pairs(6)))
        return stream

    watched.open = meddled
    watched.examine("a.csv")
    assert not (root / "cache.json").exists()


@pytest.mark.parametrize(
    "garbage", ["", "[]", "{}", '{"version": 1, "entries": {"a": 5}}', '{"version": 0}', "[" * 100_000]
)
def test_a_broken_cache_costs_only_time(root: Path, garbage: str) -> None:
    (root / "a.csv").write_bytes(as_csv(some_pairs(5)))
    (root / "cache.json").write_text(garbage)
    assert Watched(root).examine("a.csv") is not None
    watched = Watched(root)
    assert watched.examine("a.csv") is not None
    assert watched.reads == 0


def test_a_cache_that_cannot_be_written_costs_only_time(root: Path) -> None:
    (root / "a.csv").write_bytes(as_csv(some_pairs(5)))
    (root / "cache.json").symlink_to("elsewhere")
    assert Watched(root).examine("a.csv") is not None


def test_every_problem_is_told_at_once(root: Path) -> None:
    (root / "held.csv").write_text("question,answer\n")
    model = a_model(local("nope.csv"), ValidationPlan(source=local("held.csv")))
    no_rules = a_base()
    data, problems = DataFiles(root, no_s3).training_data(model, no_rules)
    assert data is None
    assert [problem.code for problem in problems] == ["data-not-found", "missing-columns"]


def test_compressed_files_are_read_and_closed(root: Path) -> None:
    (root / "a.csv.gz").write_bytes(gzip.compress(as_csv(some_pairs(5))))
    data, problems = DataFiles(root, no_s3).training_data(a_model(local("a.csv.gz")), a_base())
    assert not problems
    assert data is not None
    assert data.training_records == 5


def test_it_is_told_how_far_large_data_was_read(root: Path) -> None:
    (root / "large.csv").write_text("prompt,completion\n" + f"{'why? ' * 200},because\n" * 25_000)
    told: list[Event] = []
    files = DataFiles(root, no_s3, engine=alone, progress=Told(told))
    how = files.looking(watching=files.reading().watching)
    look(how, local("large.csv"))
    (root / "small.csv").write_bytes(as_csv(some_pairs(4)))
    look(how, local("small.csv"))
    assert [event.message for event in told] == [
        "Reading large.csv: 10 of 25 MB",
        "Reading large.csv: 21 of 25 MB",
    ]


class Told:
    def __init__(self, told: list[Event]) -> None:
        self._told = told

    def report(self, event: Event) -> None:
        self._told.append(event)
