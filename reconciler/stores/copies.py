"""An artifact from one bucket into another: streamed, checked, and not copied twice.

The two buckets may belong to two accounts, whose credentials see only their own: so the bytes come through this machine. What was
written is read back; only where it has the digest of what was read is the copy recorded, beside it, and used. A copy that was cut off
has no record, and is made again.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, cast

from reconciler.domain.errors import CloudUnavailable
from reconciler.stores.s3 import ObjectStore, Stored

ARTIFACT = "model.tar.gz"
RECORD = "promotion.json"
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Copy:
    uri: str
    size: int
    sha256: str
    new: bool


def copied(source: tuple[ObjectStore, str], target: ObjectStore, prefix: str, *, now: datetime) -> Copy:
    """The object as ``<prefix>model.tar.gz``. Raises CloudUnavailable, also where what arrived is not what was sent."""
    store, key = source
    there = store.head(key)
    if there is None:
        raise CloudUnavailable(
            f"there is no {store.uri(key)}", hint="The artifact was deleted: train that version again."
        )
    origin = {"source": store.uri(key), "sourceEtag": there.etag, "sizeBytes": there.size}
    known = _known(target, prefix, origin)
    if known is not None:
        return Copy(target.uri(prefix + ARTIFACT), there.size, known, new=False)
    digest = _streamed(store, there, target, prefix + ARTIFACT)
    arrived = _verified(target, prefix + ARTIFACT, digest, there.size)
    record = origin | {"sha256": digest, "etag": arrived.etag, "copiedAt": now.isoformat()}
    target.put(prefix + RECORD, json.dumps(record, indent=1).encode())
    return Copy(target.uri(prefix + ARTIFACT), there.size, digest, new=True)


def promoted_digest(store: ObjectStore, key: str) -> str | None:
    """SHA-256 of a copy that was made and checked here, and is untouched since."""
    record, there = _record(store, key.removesuffix(ARTIFACT)), store.head(key)
    digest = record.get("sha256")
    untouched = there is not None and (record.get("etag"), record.get("sizeBytes")) == (there.etag, there.size)
    return digest if untouched and isinstance(digest, str) else None


def _known(target: ObjectStore, prefix: str, origin: Mapping[str, Any]) -> str | None:
    """The digest of the same artifact, copied and checked before, and untouched since."""
    record, there = _record(target, prefix), target.head(prefix + ARTIFACT)
    if there is None or {key: record.get(key) for key in origin} != origin:
        return None
    untouched = (record.get("etag"), record.get("sizeBytes")) == (there.etag, there.size)
    digest = record.get("sha256")
    return digest if untouched and isinstance(digest, str) else None


def _record(target: ObjectStore, prefix: str) -> Mapping[str, Any]:
    found = target.get(prefix + RECORD)
    try:
        record = json.loads(found.body) if found else {}
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _streamed(store: ObjectStore, there: Stored, target: ObjectStore, key: str) -> str:
    """SHA-256 of what was read, in hexadecimal."""
    stream = store.open(there.key)
    if stream is None:
        raise CloudUnavailable(f"{store.uri(there.key)} was deleted while it was copied")
    with stream:
        reader = _Hashing(stream)
        target.put_stream(key, cast(BinaryIO, io.BufferedReader(reader, _CHUNK)))
    if reader.count != there.size:
        told = f"{reader.count:,} of {there.size:,} bytes of {store.uri(there.key)} were read"
        raise CloudUnavailable(f"{told}: it was not copied", hint="Try again: nothing uses the copy.")
    return reader.hash.hexdigest()


def _verified(target: ObjectStore, key: str, digest: str, size: int) -> Stored:
    """What lies there now, read back."""
    there, stream = target.head(key), target.open(key)
    if there is None or stream is None:
        raise CloudUnavailable(f"{target.uri(key)} is gone right after it was written")
    with stream:
        found = hashlib.file_digest(cast(io.BufferedReader, stream), "sha256").hexdigest()
    if (there.size, found) != (size, digest):
        target.delete(key)
        told = (
            f"{target.uri(key)} has {there.size:,} bytes and the digest {found}; {size:,} bytes with {digest} were sent"
        )
        raise CloudUnavailable(told, hint="The copy was removed. Try again.")
    return there


class _Hashing(io.RawIOBase):
    """Counts and digests what passes through."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.hash = hashlib.sha256()
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        self.hash.update(chunk)
        self.count += len(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)
