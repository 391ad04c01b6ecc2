"""``measured.json`` beside the artifacts of each version: what its training took. Read once: what is there is not changed but replaced."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from reconciler.domain.base import Value
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.measurement import History, Measurement
from reconciler.stores.files import read_small, write_private
from reconciler.stores.s3 import ObjectStore, Stored

FILE = "measured.json"
MAX_BYTES = 4 * 1024 * 1024


class _Entry(Value):
    etag: str
    measurement: Measurement


def remembered(cache: Path) -> History:
    """What was read last; nothing where that cannot be told."""
    return History(measurements=tuple(entry.measurement for entry in _load(cache).values()))


class MeasuredFiles:
    """``cache``: where to remember what was read, ``.reconciler/cache/measured.json``; it may be deleted at any time."""

    def __init__(self, store: ObjectStore, *, cache: Path | None = None) -> None:
        self._store = store
        self._cache = cache
        self._known: dict[str, _Entry] | None = None

    def read(self, listed: Iterable[Stored]) -> tuple[Measurement, ...]:
        """Of all that is listed. What another version wrote, and we cannot read, is as if it were not there."""
        before = self._remembered()
        found = dict(self._entries([each for each in listed if each.key.endswith(f"/{FILE}")], before))
        self._known = found
        if found != before:
            self._remember(found)
        return tuple(entry.measurement for entry in found.values())

    def write(self, key: str, measurement: Measurement) -> None:
        self._store.put(key, measurement.model_dump_json(by_alias=True, indent=1).encode())

    def _entries(self, listed: Iterable[Stored], before: dict[str, _Entry]) -> Iterator[tuple[str, _Entry]]:
        for each in listed:
            uri, known = self._store.uri(each.key), before.get(self._store.uri(each.key))
            entry = known if known is not None and known.etag == each.etag else self._fetched(each.key)
            if entry is not None:
                yield uri, entry

    def _fetched(self, key: str) -> _Entry | None:
        fetched = self._store.get(key)
        try:
            return (
                _Entry(etag=fetched.stored.etag, measurement=Measurement.model_validate_json(fetched.body))
                if fetched
                else None
            )
        except ValidationError:
            return None

    def _remembered(self) -> dict[str, _Entry]:
        if self._known is None:
            self._known = _load(self._cache)
        return self._known

    def _remember(self, found: dict[str, _Entry]) -> None:
        if self._cache is None:
            return
        document = {uri: entry.model_dump(mode="json", by_alias=True) for uri, entry in found.items()}
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            write_private(self._cache, json.dumps(document).encode())
        except (OSError, ReconcilerError):  # a cache that cannot be written only costs time
            return


def _load(cache: Path | None) -> dict[str, _Entry]:
    """What cannot be read is as good as not there."""
    try:
        text = read_small(cache, MAX_BYTES) if cache else b"{}"
        return {uri: _Entry.model_validate(entry) for uri, entry in json.loads(text).items()}
    except (ReconcilerError, ValueError, AttributeError, RecursionError):
        return {}
