"""Training data, wherever it lies: files of the project and objects in S3."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from reconciler.catalog.query import described_by
from reconciler.datasets.check import demands
from reconciler.datasets.engines import Engine, usual
from reconciler.datasets.errors import named
from reconciler.datasets.examine import Looking, Memory, NoMemory, Reading, Watching
from reconciler.datasets.passing import Watch
from reconciler.datasets.tokens import ROUGHLY, TokenRule
from reconciler.datasets.training import check
from reconciler.domain.catalog import JUMPSTART, FoundationModel
from reconciler.domain.desired import DatasetSource, ResolvedModel, TrainingData
from reconciler.domain.diagnostic import Diagnostic, error
from reconciler.domain.errors import InvalidInput
from reconciler.domain.fingerprint import digest
from reconciler.domain.ports import Event, EventKind, Progress
from reconciler.stores.digests import DigestCache
from reconciler.stores.filedigests import Digests, FileDigests, Unread
from reconciler.stores.files import open_nofollow
from reconciler.stores.s3 import ObjectStore, Stored
from reconciler.stores.tokenizers import token_rule
from reconciler.stores.weights import examine

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class DataFiles:
    """``root``: the project's folder, which local data must not leave. ``s3``: makes a client when one is first needed."""

    def __init__(
        self,
        root: Path,
        s3: Callable[[], S3Client],
        *,
        cache: Path | None = None,
        engine: Engine = usual,
        progress: Progress | None = None,
    ) -> None:
        """``cache``: where to remember what was found in data that did not change, ``.reconciler/cache/datasets.json``;
        without one nothing is remembered, and nothing can be planned on weights.

        ``progress`` is told how far data has been read."""
        self._root = root.resolve()
        self._s3 = s3
        self._engine = engine
        self._watching = partial(_watch, progress, self.size) if progress else None
        self._digests: Digests = FileDigests(cache.with_name("files.json")) if cache else Unread()
        self._memory: Memory = DigestCache(cache, self.stamp) if cache else NoMemory()

    def training_data(
        self, model: ResolvedModel, base: FoundationModel
    ) -> tuple[TrainingData | None, tuple[Diagnostic, ...]]:
        """With the user's own base weights, where the model names some."""
        folder = self._root / model.weights.path if model.weights else None
        weights, unusable = examine(self._root, model.weights, self._digests) if model.weights else (None, ())
        how = self.looking(token_rule(base, weights=folder), self._watching)
        checked = check(model.training_data, model.validation, how, demands(model, described_by(base, weights)))
        data = checked.data.model_copy(update={"weights": weights}) if checked.data and not unusable else None
        return data, (*checked.problems, *unusable)

    def looking(self, tokens: TokenRule = ROUGHLY, watching: Watching | None = None) -> Looking:
        return Looking(self.open_source, self._engine, watching, tokens, self._memory)

    def reading(self) -> Reading:
        return Reading(self.open_source, self._engine, self._watching)

    def size(self, source: DatasetSource) -> int | None:
        """Bytes as they are stored; ``None``: nothing is there."""
        if source.is_s3:
            store, key = self._object(source)
            stored = store.head(key)
            return stored.size if stored else None
        try:
            return self._resolved(source).stat().st_size
        except (OSError, InvalidInput):
            return None

    def weights_digest(self, model: ResolvedModel) -> tuple[str | None, tuple[Diagnostic, ...]]:
        """Over names, sizes and ETags, as one listing tells them: no weights are read. An ETag changes with every change of the
        bytes; the same bytes uploaded in parts of another size get another one, and count as other weights.

        JumpStart's weights lie under the number of their version, and may not be listed: there the address counts."""
        assert model.weights_uri is not None
        if model.weights_uri.startswith(JUMPSTART):
            return digest(model.weights_uri), ()
        bucket, _, prefix = model.weights_uri.removeprefix("s3://").partition("/")
        store = ObjectStore(self._s3(), bucket)
        listed = store.list(prefix) if store.exists() else ()
        found = {stored.key.removeprefix(prefix): [stored.size, stored.etag] for stored in listed if stored.size}
        return (digest(found), ()) if found else (None, (_no_weights(model),))

    def open_source(self, source: DatasetSource) -> BinaryIO:
        """From the beginning. Raises InvalidInput where there is nothing to read, CloudUnavailable where S3 does not answer."""
        if source.is_s3:
            store, key = self._object(source)
            stream = store.open(key)
            if stream is None:
                raise InvalidInput([_missing(source)])
            return stream
        return self._open_file(source)

    def stamp(self, source: DatasetSource) -> str | None:
        """Changes whenever the data does, as far as can be told without reading it. ``None``: nothing is there."""
        if source.is_s3:
            store, key = self._object(source)
            stored = store.head(key)
            return _object_stamp(stored) if stored else None
        try:
            found = self._resolved(source).stat()
        except (OSError, InvalidInput):
            return None
        return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"

    def _open_file(self, source: DatasetSource) -> BinaryIO:
        try:
            return open_nofollow(self._resolved(source))
        except FileNotFoundError as trouble:
            raise InvalidInput([_missing(source, self._meant(source))]) from trouble
        except OSError as trouble:
            raise InvalidInput([_unreadable(source, trouble)]) from trouble

    def _meant(self, source: DatasetSource) -> str | None:
        """Where the path leads somewhere from the project's folder: the way there from the manifest's folder, which counts."""
        folder = Path(source.where.file).parent if source.where else Path()
        path = Path(source.uri)
        if not folder.name or not path.is_relative_to(folder) or not (self._root / path.relative_to(folder)).is_file():
            return None
        return Path(os.path.relpath(path.relative_to(folder), folder)).as_posix()

    def _resolved(self, source: DatasetSource) -> Path:
        """The file itself, symlinks followed; the last step is not followed again when it is opened."""
        path = Path(os.path.realpath(self._root / source.uri, strict=True))
        if not path.is_relative_to(self._root):
            raise InvalidInput([_outside(source, path)])
        return path

    def _object(self, source: DatasetSource) -> tuple[ObjectStore, str]:
        bucket, _, key = source.uri.removeprefix("s3://").partition("/")
        return ObjectStore(self._s3(), bucket), key


def _watch(progress: Progress, size: Callable[[DatasetSource], int | None], source: DatasetSource) -> Watch:
    """Tells whenever another 10 MB has been read: nothing of what takes a moment."""
    of = cache(lambda: f" of {stored / _MB:,.0f}" if (stored := size(source)) else "")
    told = 0

    def watch(position: int) -> None:
        nonlocal told
        if position - told >= 10 * _MB:
            told = position
            message = f"Reading {named(source)}: {position / _MB:,.0f}{of()} MB"
            progress.report(Event(kind=EventKind.READING, message=message))

    return watch


_MB = 1_000_000


def _no_weights(model: ResolvedModel) -> Diagnostic:
    return error(
        "weights-not-found",
        "The base model's weights are not there",
        detail=f"nothing lies below {model.weights_uri}.",
        hint="correct `baseModel.weights`, or copy the model's files there (aws s3 cp --recursive)",
        where=model.where,
        address=model.address,
    )


def _object_stamp(stored: Stored) -> str:
    """A checksum of the whole object says all, whenever it was written; an ETag does not where S3 encrypts or parts were many."""
    if stored.checksum:
        return f"{stored.checksum}:{stored.size}"
    return f"{stored.etag}:{stored.version or ''}:{stored.size}:{stored.modified.isoformat()}"


def _missing(source: DatasetSource, meant: str | None = None) -> Diagnostic:
    return error(
        "data-not-found",
        "Training data is not there",
        detail=f"{named(source)} does not exist.",
        hint=f"paths count from the manifest's folder: write {meant}"
        if meant
        else "correct the path, or put the data there",
        where=source.where,
    )


def _outside(source: DatasetSource, path: Path) -> Diagnostic:
    return error(
        "outside-project",
        "Training data lies outside the project's folder",
        detail=f"{named(source)} leads to {path}. What is trained on must be what is reviewed.",
        hint="copy the data into the project, or name an s3:// address",
        where=source.where,
    )


def _unreadable(source: DatasetSource, trouble: OSError) -> Diagnostic:
    told = {errno.EINVAL: "it is not a file", errno.EISDIR: "it is a folder", errno.ELOOP: "its symlinks lead nowhere"}
    return error(
        "data-unreadable",
        "Training data cannot be read",
        detail=f"{named(source)}: {told.get(trouble.errno or 0) or trouble.strerror or trouble}.",
        hint="name a file that you may read",
        where=source.where,
    )
