"""``.reconciler/cache/datasets.json``: what was found in data that has not changed since. It may be deleted at any time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from reconciler.datasets.examine import Examined, Question
from reconciler.domain.base import Value
from reconciler.domain.desired import DatasetSource
from reconciler.domain.errors import ReconcilerError
from reconciler.stores.files import read_small, write_private

VERSION = 4
"""Raise it when what is found in the same data changes: another reader, another digest, another estimate of tokens."""

MAX_ENTRIES = 1000
MAX_BYTES = 16 * 1024 * 1024

_SETTLED_SECONDS = 2
"""A file that was written so recently may be written again without its time of change telling."""


class _Entry(Value):
    stamp: str
    examined: Examined


class DigestCache:
    """Remembers what was asked; valid as long as the sources' stamps are the same before, after and later."""

    def __init__(
        self, path: Path, stamp: Callable[[DatasetSource], str | None], *, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._stamp = stamp
        self._now = now
        self._before: dict[str, tuple[str | None, float]] = {}
        self._entries: dict[str, _Entry] | None = None

    def recall(self, question: Question) -> Examined | None:
        key, stamp = str(question), self._stamps(question)
        self._before[key] = (stamp, self._now())
        entry = self._loaded().get(key)
        return entry.examined if entry and entry.stamp == stamp else None

    def remember(self, question: Question, examined: Examined) -> None:
        key = str(question)
        before, looked_at = self._before.get(key, (None, 0.0))
        if before is None or before != self._stamps(question) or not _are_settled(before, question, looked_at):
            return
        entries = self._loaded()
        entries.pop(key, None)
        entries[key] = _Entry(stamp=before, examined=examined)
        while len(entries) > MAX_ENTRIES:
            del entries[next(iter(entries))]
        self._save(entries)

    def _stamps(self, question: Question) -> str | None:
        """Of all that is asked about; ``None`` where something is not there."""
        stamps = [self._stamp(source) for source in _sources(question)]
        return _BETWEEN.join(stamp for stamp in stamps if stamp) if all(stamps) else None

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


_BETWEEN = " | "


def _sources(question: Question) -> list[DatasetSource]:
    return [question.source, *([question.against] if question.against else [])]


def _are_settled(stamps: str, question: Question, looked_at: float) -> bool:
    """S3's stamps hold an ETag. A local one ends with the time of change, in nanoseconds."""
    return all(
        source.is_s3 or looked_at - int(stamp.rpartition(":")[2]) / 1e9 > _SETTLED_SECONDS
        for source, stamp in zip(_sources(question), stamps.split(_BETWEEN), strict=True)
    )
