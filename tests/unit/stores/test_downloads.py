"""Downloads that break off, over real connections: they go on where they were, and end with the same bytes or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from reconciler.domain.errors import CloudUnavailable, ReconcilerError
from reconciler.stores.downloads import ATTEMPTS, download_file, download_folder
from reconciler.stores.s3 import ObjectStore
from tests.unit.stores.conftest import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

SIZE = 3 * 1024 * 1024 + 17
CONTENT = random.Random(1).randbytes(SIZE)
KEY = "acme/models/bot/1a2b3c4d/output/model.tar.gz"


def quiet(done: int, total: int) -> None:
    """Nobody watches."""


def no_sleep(seconds: float) -> None:
    """Nobody waits."""


@dataclass
class Flaky:
    """One object behind HTTP. ``cuts``: after how many bytes each of the next connections breaks; then they hold."""

    content: bytes = CONTENT
    cuts: list[int] = field(default_factory=list)
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    """``Range`` and ``If-Match`` of every GET."""

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'

    def handler(self) -> type[BaseHTTPRequestHandler]:
        flaky = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self._head(200, len(flaky.content))

            def do_GET(self) -> None:
                wanted, match = self.headers.get("Range"), self.headers.get("If-Match")
                flaky.asked.append((wanted, match))
                if match not in (None, flaky.etag):
                    self._head(412, 0)
                    return
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
                body = flaky.content[start:]
                self._head(206 if wanted else 200, len(body))
                cut = flaky.cuts.pop(0) if flaky.cuts else len(body)
                self.wfile.write(body[:cut])
                self.close_connection = cut < len(body)

            def _head(self, status: int, length: int) -> None:
                self.send_response(status)
                self.send_header("ETag", flaky.etag)
                self.send_header("Last-Modified", "Wed, 04 Mar 2026 12:00:00 GMT")
                self.send_header("Content-Length", str(length))
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        return Handler


@pytest.fixture
def flaky() -> Iterator[tuple[Flaky, ObjectStore]]:
    served = Flaky()
    server = ThreadingHTTPServer(("127.0.0.1", 0), served.handler())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    try:
        yield served, ObjectStore(client, BUCKET)
    finally:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()


def fetch(store: ObjectStore, target: Path, tell: Any = quiet) -> Any:
    return download_file(store, KEY, target, tell, sleep=no_sleep)


def test_a_connection_that_breaks_is_made_again_from_where_it_was(
    flaky: tuple[Flaky, ObjectStore], tmp_path: Path
) -> None:
    served, store = flaky
    served.cuts = [1_000_000, 7, 0, 500_000]
    told: list[int] = []
    done = fetch(store, tmp_path / "m.tar.gz", lambda at, _total: told.append(at))
    assert (tmp_path / "m.tar.gz").read_bytes() == CONTENT
    assert done.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (done.size_bytes, done.checks, done.new) == (SIZE, ("size", "MD5"), True)
    starts = ["1000000", "1000007", "1000007", "1500007"]
    assert served.asked == [(None, served.etag), *((f"bytes={start}-", served.etag) for start in starts)]
    assert told == sorted(told)
    assert told[-1] == SIZE
    assert [path.name for path in tmp_path.iterdir()] == ["m.tar.gz"]


def test_what_broke_off_for_good_is_continued_by_the_next_run(flaky: tuple[Flaky, ObjectStore], tmp_path: Path) -> None:
    served, store = flaky
    served.cuts = [1_000_000] + [0] * ATTEMPTS
    with pytest.raises(CloudUnavailable):
        fetch(store, tmp_path / "m.tar.gz")
    assert not (tmp_path / "m.tar.gz").exists()
    assert (tmp_path / "m.tar.gz.part").read_bytes() == CONTENT[:1_000_000]
    served.asked.clear()
    fetch(store, tmp_path / "m.tar.gz")
    assert served.asked == [("bytes=1000000-", served.etag)]
    assert (tmp_path / "m.tar.gz").read_bytes() == CONTENT


def test_of_another_object_nothing_is_continued(flaky: tuple[Flaky, ObjectStore], tmp_path: Path) -> None:
    served, store = flaky
    served.cuts = [1_000_000] + [0] * ATTEMPTS
    with pytest.raises(CloudUnavailable):
        fetch(store, tmp_path / "m.tar.gz")
    served.content = CONTENT[::-1]
    fetch(store, tmp_path / "m.tar.gz")
    assert served.asked[-1] == (None, served.etag)
    assert (tmp_path / "m.tar.gz").read_bytes() == CONTENT[::-1]


def test_an_object_that_changes_meanwhile_is_noticed(flaky: tuple[Flaky, ObjectStore], tmp_path: Path) -> None:
    served, store = flaky
    served.cuts = [1_000_000]

    def change(done: int, total: int) -> None:
        served.content = CONTENT[::-1]

    with pytest.raises(CloudUnavailable, match="was replaced while it was read"):
        fetch(store, tmp_path / "m.tar.gz", change)
    assert not (tmp_path / "m.tar.gz").exists()
    fetch(store, tmp_path / "m.tar.gz")
    assert (tmp_path / "m.tar.gz").read_bytes() == CONTENT[::-1]


def test_what_the_disk_spoilt_is_not_kept(flaky: tuple[Flaky, ObjectStore], tmp_path: Path) -> None:
    served, store = flaky
    served.cuts = [1_000_000] + [0] * ATTEMPTS
    with pytest.raises(CloudUnavailable):
        fetch(store, tmp_path / "m.tar.gz")
    with (tmp_path / "m.tar.gz.part").open("r+b") as file:
        file.write(b"spoilt")
    with pytest.raises(ReconcilerError, match="is not what S3 has"):
        fetch(store, tmp_path / "m.tar.gz")
    fetch(store, tmp_path / "m.tar.gz")
    assert (tmp_path / "m.tar.gz").read_bytes() == CONTENT


def test_what_is_there_already_is_checked_and_never_overwritten(
    flaky: tuple[Flaky, ObjectStore], tmp_path: Path
) -> None:
    served, store = flaky
    (tmp_path / "same").write_bytes(CONTENT)
    assert fetch(store, tmp_path / "same").new is False
    (tmp_path / "other").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("other", "link"):
        with pytest.raises(ReconcilerError, match="is there already"):
            fetch(store, tmp_path / name)
    assert (tmp_path / "other").read_bytes() == b"mine"
    assert served.asked == []


def test_a_part_that_is_a_link_is_not_followed(flaky: tuple[Flaky, ObjectStore], tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "m.part").symlink_to(tmp_path / "precious")
    with pytest.raises(ReconcilerError, match="cannot write"):
        fetch(flaky[1], tmp_path / "m")
    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_two_do_not_write_one_part(flaky: tuple[Flaky, ObjectStore], tmp_path: Path) -> None:
    with (tmp_path / "m.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ReconcilerError, match="another process is writing"):
            fetch(flaky[1], tmp_path / "m")
    fetch(flaky[1], tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == CONTENT


def test_what_does_not_fit_is_told_before_anything_comes(
    flaky: tuple[Flaky, ObjectStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: _Usage(SIZE - 1))
    with pytest.raises(ReconcilerError, match=r"3,145,745 bytes of .* are missing and 3,145,744 are free"):
        fetch(flaky[1], tmp_path / "m")
    assert flaky[0].asked == []


@dataclass
class _Usage:
    free: int


def test_a_disk_that_fills_up_keeps_what_came(
    flaky: tuple[Flaky, ObjectStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(done: int, total: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ReconcilerError, match="No space left") as refused:
        fetch(flaky[1], tmp_path / "m", full)
    assert "goes on from there" in refused.value.hint
    assert 0 < (tmp_path / "m.part").stat().st_size < SIZE
    fetch(flaky[1], tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == CONTENT


# -- what S3 tells of its objects


def test_an_object_that_was_uploaded_in_parts_is_checked_by_parts(s3: S3Client, tmp_path: Path) -> None:
    store, part = ObjectStore(s3, BUCKET), 5 * 1024 * 1024
    content = CONTENT * 4
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
    pieces = [content[at : at + part] for at in range(0, len(content), part)]
    tags = [
        s3.upload_part(Bucket=BUCKET, Key=KEY, UploadId=upload, PartNumber=n, Body=piece)["ETag"]
        for n, piece in enumerate(pieces, start=1)
    ]
    parts: Any = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, start=1)]
    s3.complete_multipart_upload(Bucket=BUCKET, Key=KEY, UploadId=upload, MultipartUpload={"Parts": parts})
    assert fetch(store, tmp_path / "m").checks == ("size", "MD5")
    assert (tmp_path / "m").read_bytes() == content


def test_a_checksum_that_was_stored_is_held_against_it(s3: S3Client, tmp_path: Path) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT, ChecksumAlgorithm="SHA256")
    assert fetch(ObjectStore(s3, BUCKET), tmp_path / "m").checks == ("size", "SHA-256", "MD5")


def test_under_a_kms_key_the_etag_says_nothing(s3: S3Client, tmp_path: Path) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT, ServerSideEncryption="aws:kms", ChecksumAlgorithm="CRC32")
    assert fetch(ObjectStore(s3, BUCKET), tmp_path / "m").checks == ("size",)


def test_a_digest_that_somebody_knows_must_be_met(s3: S3Client, tmp_path: Path) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT)
    with pytest.raises(ReconcilerError, match="is not what S3 has"):
        download_file(ObjectStore(s3, BUCKET), KEY, tmp_path / "m", quiet, sha256="0" * 64)
    assert list(tmp_path.iterdir()) == [tmp_path / "m.part.json"]


def test_an_empty_object_and_one_that_is_gone(s3: S3Client, tmp_path: Path) -> None:
    store = ObjectStore(s3, BUCKET)
    with pytest.raises(ReconcilerError, match="there is no s3://"):
        fetch(store, tmp_path / "m")
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"")
    fetch(store, tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == b""


# -- all that lies below a prefix


def test_a_prefix_becomes_a_folder_once_all_is_there(s3: S3Client, tmp_path: Path) -> None:
    store, files = ObjectStore(s3, BUCKET), {"config.json": b"{}", "adapters/a.safetensors": CONTENT, "z.txt": b"z"}
    for name, content in files.items():
        s3.put_object(Bucket=BUCKET, Key=f"model/{name}", Body=content)
    s3.put_object(Bucket=BUCKET, Key="model/", Body=b"")
    told: list[tuple[int, int]] = []

    def interrupted(done: int, total: int) -> None:
        told.append((done, total))
        if done > len(CONTENT):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_folder(store, "model/", tmp_path / "m", interrupted)
    assert not (tmp_path / "m").exists()
    done = download_folder(store, "model/", tmp_path / "m", quiet)
    assert {
        str(p.relative_to(tmp_path / "m")): p.read_bytes() for p in (tmp_path / "m").rglob("*") if p.is_file()
    } == files
    assert (done.files, done.size_bytes) == (3, sum(map(len, files.values())))
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert told[-1][1] == done.size_bytes
    with pytest.raises(ReconcilerError, match="is there already"):
        download_folder(store, "model/", tmp_path / "m", quiet)


@pytest.mark.parametrize("name", ["../escaped", "a/../../escaped", "/escaped", "a//b", "a\\..\\b"])
def test_no_key_leads_out_of_the_folder(s3: S3Client, tmp_path: Path, name: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"model/{name}", Body=b"x")
    with pytest.raises(ReconcilerError, match="no name of a file"):
        download_folder(ObjectStore(s3, BUCKET), "model/", tmp_path / "m", quiet)
    assert list(tmp_path.rglob("*")) == []


def test_a_prefix_without_anything(s3: S3Client, tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match="there is nothing below"):
        download_folder(ObjectStore(s3, BUCKET), "model/", tmp_path / "m", quiet)
