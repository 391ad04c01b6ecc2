"""``.reconciler/cache/datasets.json``: what was found in data that has not changed since. It may be deleted at any time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from reconciler.datasets.examine import Examined
from reconciler.datasets.split import Split
from reconciler.domain.base import Value
from reconciler.domain.desired import DatasetSource
from reconciler.domain.errors import ReconcilerError
from reconciler.stores.files import read_small, write_private

VERSION = 1
"""Raise it when what is found in the same data changes: another reader, another digest, another estimate of tokens."""

MAX_ENTRIES = 1000
MAX_BYTES = 16 * 1024 * 1024

_SETTLED_SECONDS = 2
"""A file that was written so recently may be written again without its time of change telling."""


class _Entry(Value):
    stamp: str
    examined: Examined


class DigestCache:
    """Remembers by source and split; valid as long as the source's stamp is the same before, after and later."""

    def __init__(
        self, path: Path, stamp: Callable[[DatasetSource], str | None], *, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._stamp = stamp
        self._now = now
        self._before: dict[str, tuple[str | None, float]] = {}
        self._entries: dict[str, _Entry] | None = None

    def recall(self, source: DatasetSource, split: Split | None) -> Examined | None:
        key, stamp = _key(source, split), self._stamp(source)
        self._before[key] = (stamp, self._now())
        entry = self._loaded().get(key)
        return entry.examined if entry and entry.stamp == stamp else None

    def remember(self, source: DatasetSource, split: Split | None, examined: Examined) -> None:
        key = _key(source, split)
        before, looked_at = self._before.get(key, (None, 0.0))
        if before is None or before != self._stamp(source) or not _is_settled(before, source, looked_at):
            return
        entries = self._loaded()
        entries.pop(key, None)
        entries[key] = _Entry(stamp=before, examined=examined)
        while len(entries) > MAX_ENTRIES:
            del entries[next(iter(entries))]
        self._save(entries)

    def _loaded(self) -> dict[str, _Entry]:
        if self._entries is None:
            self._entries = self._read()
        return self._entries

    def _read(self) -> dict[str, _Entry]:
        """What cannot be read is as good as not there."""
        try:
            document = json.loads(read_small(self._path, MAX_BYTES))
            if document["version"] != VERSION:
                return {}
            return {key: _Entry.model_validate(entry) for key, entry in document["entries"].items()}
        except (ReconcilerError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ValidationError):
            return {}

    def _save(self, entries: dict[str, _Entry]) -> None:
        kept = {key: entry.model_dump(mode="json", by_alias=True) for key, entry in entries.items()}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_private(self._path, json.dumps({"version": VERSION, "entries": kept}).encode())
        except (OSError, ReconcilerError):  # a cache that cannot be written only costs time
            self._entries = entries


def _key(source: DatasetSource, split: Split | None) -> str:
    return f"{source.uri} {split or 'whole'}"


def _is_settled(stamp: str, source: DatasetSource, looked_at: float) -> bool:
    """S3's stamps hold an ETag. A local one ends with the time of change, in nanoseconds."""
    return source.is_s3 or looked_at - int(stamp.rpartition(":")[2]) / 1e9 > _SETTLED_SECONDS
