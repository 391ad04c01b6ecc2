"""``.reconciler/cache/files.json``: SHA-256 of large files that have not changed since. It may be deleted at any time."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from reconciler.domain.errors import ReconcilerError
from reconciler.stores.files import read_small, write_private

MAX_ENTRIES = 1000
MAX_BYTES = 1024 * 1024
SETTLED_SECONDS = 2.0
"""A file that was written so recently may be written again without its time of change telling."""


def sha256(path: Path) -> str:
    """In hexadecimal, of any size of file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Digests(Protocol):
    def of(self, path: Path) -> str:
        """Changes where the file does. Raises OSError."""
        ...


class Unread:
    """Where nothing is planned on a file, which may have many gigabytes: its size and times stand for its digest."""

    def of(self, path: Path) -> str:
        return _stamp(path)


class FileDigests:
    """Remembers by path; valid as long as size and times of change are the same."""

    def __init__(self, cache: Path, *, now: Callable[[], float] = time.time) -> None:
        self._cache = cache
        self._now = now

    def of(self, path: Path) -> str:
        """Raises OSError."""
        key, stamp = str(path.resolve()), _stamp(path)
        known = self._read()
        if known.get(key, ("", ""))[0] == stamp:
            return known[key][1]
        found = sha256(path)
        if stamp == _stamp(path) and self._is_settled(path):
            known.pop(key, None)
            self._save({**known, key: (stamp, found)})
        return found

    def _is_settled(self, path: Path) -> bool:
        return self._now() - path.stat().st_ctime > SETTLED_SECONDS

    def _read(self) -> dict[str, tuple[str, str]]:
        """What cannot be read is as good as not there."""
        try:
            entries = json.loads(read_small(self._cache, MAX_BYTES))
            return {str(key): (str(stamp), str(digest)) for key, (stamp, digest) in entries.items()}
        except (ReconcilerError, ValueError, TypeError, AttributeError):
            return {}

    def _save(self, entries: dict[str, tuple[str, str]]) -> None:
        kept = dict([*entries.items()][-MAX_ENTRIES:])
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            write_private(self._cache, json.dumps(kept).encode())
        except (OSError, ReconcilerError):  # a cache that cannot be written only costs time
            return


def _stamp(path: Path) -> str:
    told = path.stat()
    return f"{told.st_dev}:{told.st_ino}:{told.st_size}:{told.st_mtime_ns}:{told.st_ctime_ns}"
