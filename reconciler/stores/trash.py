"""The trash: versions that were deleted, kept in the project's bucket for 30 days.

::

    <project>/trash/<date>/models/<name>/<fp8>/…                   as it lay in <project>/models/, when it was deleted
    <project>/trash/<date>/models/<name>/<fp8>/version.json        what the cloud held of it then: its artifact, its metrics

Bucket rules expire it (``reconciler bootstrap``); where there are none, each deletion empties what is older.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from pydantic import ValidationError

from reconciler.domain.observation import Version
from reconciler.domain.ports import Clock, Discarded
from reconciler.stores.s3 import ObjectStore

TRASH_DAYS = 30
RECORD = "version.json"


class Place(NamedTuple):
    """``<name>/<fp8>``, deleted on a day."""

    day: date
    model: str
    version: str


def trashed(store: ObjectStore, project: str) -> Iterator[str]:
    """The folders of all versions in the trash, those without a record among them, as often as they have files."""
    for stored in store.list(_root(project)):
        place = _place(project, stored.key)
        if place is not None:
            yield _prefix(project, place)


class Trash:
    def __init__(self, store: ObjectStore, project: str, *, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def take(self, own: str, others: frozenset[str], version: Version) -> None:
        """Move the version's prefix ``own``, and what of it lies below ``others``, here. May be repeated after an interruption.

        Only what has a file that could serve again is recorded; of an imported version it may lie elsewhere, and stays there.
        """
        if version.artifact is not None and version.artifact.identifier.startswith("s3://"):
            self._store.put(f"{own}{RECORD}", version.model_dump_json(by_alias=True, indent=1).encode())
        today = self._clock.now().date()
        for prefix in sorted({own, *others}):
            self._store.move(
                prefix, f"{_root(self._project)}{today.isoformat()}/{prefix.removeprefix(f'{self._project}/')}"
            )
        self._empty(today - timedelta(days=TRASH_DAYS))

    def entries(self) -> Iterator[Discarded]:
        """Oldest first. What has no record could not be served again, and is left out."""
        sizes: dict[Place, int] = defaultdict(int)
        recorded: set[Place] = set()
        for stored in self._store.list(_root(self._project)) if self._store.exists() else ():
            place = _place(self._project, stored.key)
            if place is not None:
                sizes[place] += stored.size
                recorded |= {place} if stored.key == _prefix(self._project, place) + RECORD else set()
        for place in sorted(recorded):
            found = self._recorded(place)
            if found is not None:
                expires = place.day + timedelta(days=TRASH_DAYS)
                yield Discarded(
                    model=place.model, version=found, deleted_on=place.day, expires_on=expires, size_bytes=sizes[place]
                )

    def give_back(self, entry: Discarded, own: str) -> None:
        """Move it back to where it lay; its record stays until ``forget``. May be repeated after an interruption."""
        trash = f"{_root(self._project)}{entry.deleted_on.isoformat()}/"
        for folder in sorted({own, self._artifact_folder(entry) or own}):
            self._move_back(trash + folder.removeprefix(f"{self._project}/"), folder)

    def forget(self, entry: Discarded, own: str) -> None:
        """It is in use again."""
        self._store.delete(_prefix(self._project, self._place_of(entry, own)) + RECORD)

    def _move_back(self, prefix: str, to: str) -> None:
        for stored in list(self._store.list(prefix)):
            below = stored.key.removeprefix(prefix)
            if below != RECORD:
                self._store.move(stored.key, to + below)

    def _artifact_folder(self, entry: Discarded) -> str | None:
        """Of a model that was renamed it lies below the former name; ``None``: not in this project's part of the bucket."""
        artifact = entry.version.artifact
        match artifact.identifier.removeprefix(self._store.uri("")).split("/") if artifact else []:
            case [project, "models", model, version, *_] if project == self._project:
                return f"{project}/models/{model}/{version}/"
            case _:
                return None

    def _place_of(self, entry: Discarded, own: str) -> Place:
        return Place(entry.deleted_on, entry.model, own.rstrip("/").rpartition("/")[2])

    def _recorded(self, place: Place) -> Version | None:
        fetched = self._store.get(_prefix(self._project, place) + RECORD)
        try:
            return Version.model_validate_json(fetched.body) if fetched else None
        except ValidationError:  # another release's
            return None

    def _empty(self, before: date) -> None:
        for folder in self._store.folders(_root(self._project)):
            day = folder.removeprefix(_root(self._project)).rstrip("/")
            if _is_day(day) and date.fromisoformat(day) < before:
                self._store.delete_all(folder)


def _root(project: str) -> str:
    return f"{project}/trash/"


def _prefix(project: str, place: Place) -> str:
    return f"{_root(project)}{place.day.isoformat()}/models/{place.model}/{place.version}/"


def _place(project: str, key: str) -> Place | None:
    """Of a version's file; what else lies there is not ours."""
    match key.removeprefix(_root(project)).split("/"):
        case [day, "models", model, version, _, *_] if _is_day(day):
            return Place(date.fromisoformat(day), model, version)
        case _:
            return None


def _is_day(text: str) -> bool:
    """What is no day is not ours."""
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False
