"""The archive with the training program: what is in it, and that the same program is the same bytes at the same address."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.stores.program import archive, digest, packed
from reconciler.training.archive import PROGRAM

from .conftest import BUCKET
from .test_artifacts import World

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def names(content: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return tar.getnames()


def test_the_entry_point_lies_at_the_root_beside_the_package_and_nothing_else() -> None:
    found = names(archive())
    assert {PROGRAM, "reconciler/__init__.py", "reconciler/training/__init__.py"} <= set(found)
    assert all(name.startswith("reconciler/training/") for name in found[:-1] if name != "reconciler/__init__.py")
    assert found == sorted(found)


def test_the_same_files_are_the_same_bytes_whatever_their_order() -> None:
    assert packed({"b": b"2", "a": b"1"}) == packed({"a": b"1", "b": b"2"})
    assert packed({"a": b"1"}) != packed({"a": b"2"})


def test_no_time_owner_or_name_of_this_machine_is_in_it() -> None:
    content = packed({"a.py": b"1"})
    assert content[4:8] == b"\0\0\0\0", "gzip's time"
    assert not content[3] & 0x08, "gzip's file name"
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        entry = tar.getmembers()[0]
    assert (entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname, entry.mode) == (0, 0, 0, "", "", 0o644)


def test_another_process_packs_the_same_bytes() -> None:
    code = "from reconciler.stores.program import archive, digest; print(digest(archive()))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == digest(archive())


def test_the_program_is_whole_by_itself(tmp_path: Path) -> None:
    """Nothing of the rest of the reconciler comes along, and nothing of it is missed where the program says what it wants."""
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        tar.extractall(tmp_path, filter="data")
    code = "import reconciler, reconciler.training.archive as a; print(a.__file__, reconciler.__version__)"
    told = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith(str(tmp_path))


def test_it_is_uploaded_under_its_digest_and_only_once(tmp_path: Path, s3: S3Client) -> None:
    world = World(tmp_path, s3)
    uri = world.artifacts.put_program()
    assert uri == f"s3://{BUCKET}/acme/code/{digest(archive())}.tar.gz"
    first = s3.head_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))
    s3.put_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"), Body=b"untouched")
    assert world.artifacts.put_program() == uri
    kept = world.store.get(uri.removeprefix(f"s3://{BUCKET}/"))
    assert first["ContentType"] == "application/gzip"
    assert kept is not None
    assert kept.body == b"untouched"
    assert world.keys("acme/code/") == [uri.removeprefix(f"s3://{BUCKET}/")]


def test_it_is_a_gzip_that_the_launcher_can_read() -> None:
    assert gzip.decompress(archive())
