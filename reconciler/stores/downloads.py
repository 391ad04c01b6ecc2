"""Objects of S3 as files: streamed, continued where they broke off, checked, and never half under their name.

::

    model.tar.gz.part          what came so far; written on by one process at a time
    model.tar.gz.part.json     of which object: its address, ETag and size
    model.tar.gz               whole and checked

What broke off is asked for again from its last byte, in this run and in the next, as long as the object is the same (``If-Match``);
of another object it begins anew. The check reads what lies on the disk.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from reconciler.domain.errors import CloudUnavailable, ReconcilerError
from reconciler.domain.ports import Downloaded, Tell
from reconciler.stores.files import open_nofollow, read_small, write_private
from reconciler.stores.s3 import LostRace, ObjectStore, Seal

CHUNK = 1024 * 1024
ATTEMPTS = 6
"""Connections in a row that may bring nothing before it is given up."""
MOST_OF_A_RECORD = 64 * 1024

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Origin:
    """Which object the bytes in a part are of."""

    uri: str
    etag: str
    size: int


def download_file(
    store: ObjectStore, key: str, target: Path, tell: Tell, *, sha256: str | None = None, sleep: Sleep = time.sleep
) -> Downloaded:
    """One object as ``target``. ``sha256``: its digest, where somebody knows it.

    Raises CloudUnavailable, and ReconcilerError where it cannot be kept or is not what S3 has.
    """
    seal = store.seal(key)
    if seal is None:
        raise ReconcilerError(f"there is no {store.uri(key)}", hint="It was deleted: train that version again.")
    seal = replace(seal, sha256=seal.sha256 or sha256)
    if os.path.lexists(target):
        return _checked_already(target, seal, store.uri(key), tell)
    part = target.with_name(f"{target.name}.part")
    origin = Origin(store.uri(key), seal.stored.etag, seal.stored.size)
    with _written(part) as file:
        _continue(file, part, origin)
        _fill(file, store, key, origin, tell, sleep)
        digests = _require_same(part, seal, origin.uri)
        os.replace(part, target)
        _record(part).unlink(missing_ok=True)
    return Downloaded(size_bytes=origin.size, sha256=digests.sha256, checks=_checks(seal), new=True)


def download_folder(
    store: ObjectStore, prefix: str, target: Path, tell: Tell, *, sleep: Sleep = time.sleep
) -> Downloaded:
    """Everything below ``prefix``, which ends in a slash, as the folder ``target``, which appears when all of it is there."""
    if os.path.lexists(target):
        raise ReconcilerError(f"{target} is there already", hint="Move it away, or name another folder with --out.")
    listed = [stored for stored in store.list(prefix) if not stored.key.endswith("/")]
    if not listed:
        raise ReconcilerError(f"there is nothing below {store.uri(prefix)}", hint="Train that version again.")
    staged = target.with_name(f"{target.name}.part")
    places = {each.key: _inside(staged, each.key.removeprefix(prefix)) for each in listed}
    whole, before = sum(each.size for each in listed), 0
    for each in listed:
        places[each.key].parent.mkdir(parents=True, exist_ok=True)
        download_file(store, each.key, places[each.key], _onward(tell, before, whole), sleep=sleep)
        before += each.size
    os.replace(staged, target)
    return Downloaded(size_bytes=whole, files=len(listed), checks=("size",))


def _onward(tell: Tell, before: int, whole: int) -> Tell:
    return lambda done, _: tell(before + done, whole)


def _inside(folder: Path, relative: str) -> Path:
    """A key may say anything: only what lies below ``folder`` is written."""
    parts = PurePosixPath(relative).parts
    if relative.startswith("/") or ".." in parts or "\\" in relative or "\0" in relative or "//" in relative:
        raise ReconcilerError(f"{relative!r} is no name of a file that could be written")
    return folder.joinpath(*parts)


@contextmanager
def _written(part: Path) -> Iterator[BinaryIO]:
    """The part, for this process alone. What the disk says against it is told."""
    try:
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as trouble:
        raise ReconcilerError(f"cannot write {part}: {trouble.strerror}") from trouble
    with os.fdopen(handle, "r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise ReconcilerError(f"another process is writing {part}", hint="Wait for it, or end it.") from held
        try:
            yield cast(BinaryIO, file)
        except OSError as trouble:
            raise _cannot_keep(part, trouble) from trouble


def _cannot_keep(part: Path, trouble: OSError) -> ReconcilerError:
    hint = ""
    if trouble.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Make room, or name another place with --out. What came so far is kept: the same command goes on from there."
    return ReconcilerError(f"cannot write {part}: {trouble.strerror}", hint=hint)


def _continue(file: BinaryIO, part: Path, origin: Origin) -> None:
    """Keeps what is there of the same object, drops anything else, and writes down of which it is."""
    there = os.fstat(file.fileno()).st_size
    if not there or _recorded(part) != origin or there > origin.size:
        file.truncate(0)
        write_private(_record(part), json.dumps(asdict(origin)).encode())
    file.seek(0, os.SEEK_END)
    missing, free = origin.size - file.tell(), shutil.disk_usage(part.parent).free
    if missing > free:
        told = f"{missing:,} bytes of {origin.uri} are missing and {free:,} are free in {part.parent}"
        raise ReconcilerError(told, hint="Make room, or name another place with --out.")


def _fill(file: BinaryIO, store: ObjectStore, key: str, origin: Origin, tell: Tell, sleep: Sleep) -> None:
    failures = 0
    while file.tell() < origin.size:
        before = file.tell()
        try:
            _receive(file, store, key, origin, tell)
        except LostRace as changed:
            raise CloudUnavailable(
                f"{origin.uri} was replaced while it was read",
                hint="The same command begins anew with what is there now.",
            ) from changed
        except CloudUnavailable:
            failures = 0 if file.tell() > before else failures + 1
            if failures >= ATTEMPTS:
                raise
            sleep(min(2.0**failures, 30.0))
    os.fsync(file.fileno())


def _receive(file: BinaryIO, store: ObjectStore, key: str, origin: Origin, tell: Tell) -> None:
    """As much as one connection brings. Raises CloudUnavailable where it breaks or ends early."""
    stream = store.open(key, start=file.tell(), if_match=origin.etag)
    if stream is None:
        raise LostRace(f"{origin.uri} was deleted")
    with stream:
        while chunk := stream.read1(CHUNK):  # type: ignore[attr-defined]
            file.write(chunk)
            tell(file.tell(), origin.size)
    if file.tell() != origin.size:
        raise CloudUnavailable(f"{origin.uri} ended after {file.tell():,} of {origin.size:,} bytes")


# -- checking


@dataclass(frozen=True)
class _Digests:
    size: int
    sha256: str
    md5: str


def _require_same(part: Path, seal: Seal, uri: str) -> _Digests:
    found = _digests(part, seal)
    if not _is_same(found, seal):
        part.unlink()
        raise ReconcilerError(f"what came of {uri} is not what S3 has", hint="It was removed: run the command again.")
    return found


def _checked_already(target: Path, seal: Seal, uri: str, tell: Tell) -> Downloaded:
    """The same file from a run before; nothing else is ever overwritten."""
    found = _digests(target, seal) if target.is_file() and not target.is_symlink() else None
    if found is None or not _is_same(found, seal):
        raise ReconcilerError(
            f"{target} is there already, and is not {uri}", hint="Move it away, or name another folder with --out."
        )
    tell(found.size, found.size)
    return Downloaded(size_bytes=found.size, sha256=found.sha256, checks=_checks(seal), new=False)


def _is_same(found: _Digests, seal: Seal) -> bool:
    return found.size == seal.stored.size and seal.sha256 in (None, found.sha256) and seal.md5 in (None, found.md5)


def _checks(seal: Seal) -> tuple[str, ...]:
    """What the file was held against."""
    known = {"size": True, "SHA-256": seal.sha256 is not None, "MD5": seal.md5 is not None}
    return tuple(name for name, is_known in known.items() if is_known)


def _digests(path: Path, seal: Seal) -> _Digests:
    """``md5`` as S3 makes an ETag: in parts, where the object was uploaded in parts."""
    in_parts = "-" in (seal.md5 or "")
    size, sha256, parts = 0, hashlib.sha256(), [b""] * 0
    with open_nofollow(path) as file:
        while (part := _part(file, seal.part_size if in_parts else sys.maxsize, sha256))[0]:
            size += part[0]
            parts.append(part[1])
    if in_parts:
        return _Digests(size, sha256.hexdigest(), f"{_md5(b''.join(parts)).hexdigest()}-{len(parts)}")
    return _Digests(size, sha256.hexdigest(), parts[0].hex() if parts else _md5().hexdigest())


def _part(file: BinaryIO, limit: int, sha256: Any) -> tuple[int, bytes]:
    """How much there was, and its MD5."""
    size, md5 = 0, _md5()
    while chunk := file.read(min(CHUNK, limit - size)):
        size += len(chunk)
        sha256.update(chunk)
        md5.update(chunk)
    return size, md5.digest()


def _md5(content: bytes = b"") -> Any:
    """To notice what went wrong on the way, as S3 uses it."""
    return hashlib.md5(content, usedforsecurity=False)


# -- the record beside a part


def _record(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _recorded(part: Path) -> Origin | None:
    """``None``: there is none, or it is not ours; then what the part holds is not known."""
    try:
        return Origin(**json.loads(read_small(_record(part), MOST_OF_A_RECORD)))
    except (ReconcilerError, ValueError, TypeError):
        return None
