"""The project's bucket: data under its digest, resolved specs beside artifacts, the trash.

::

    <project>/datasets/<digest16>/<format>-<split>/training.jsonl     same data, same address; after another system prompt another
    <project>/bases/<digest16>/                                       see reconciler.stores.bases
    <project>/code/<sha256>.tar.gz                                    the training program; same program, same address
    <project>/models/<name>/<fp8>/manifest.json                       what was asked for; the artifacts lie beside it
    <project>/models/<name>/<fp8>/measured.json                       what its training took, and what was predicted
    <project>/models/<name>/<fp8>/promotion.json                      of a promoted version: where its artifact came from
    <project>/trash/…                                                 see reconciler.stores.trash
    <project>/lock.json                                               see reconciler.stores.lock
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from contextlib import ExitStack
from pathlib import Path, PurePath
from typing import BinaryIO, cast

from pydantic import ValidationError

from reconciler.datasets.examine import Reading
from reconciler.datasets.split import Split
from reconciler.datasets.temporary import place_told
from reconciler.datasets.training import Part, convert, has_part
from reconciler.domain.catalog import DatasetRules
from reconciler.domain.desired import DatasetFacts, DatasetSource, DesiredModel, WeightsFacts, WeightsFolder
from reconciler.domain.diagnostic import Diagnostic, error
from reconciler.domain.errors import CloudUnavailable, InvalidInput
from reconciler.domain.measurement import History, Measurement
from reconciler.domain.naming import short, version_name
from reconciler.domain.observation import Artifact, Version
from reconciler.domain.ports import (
    ArtifactStore,
    Clock,
    Copied,
    DataLocation,
    Discarded,
    Downloaded,
    StoredArtifacts,
    Tell,
    UnusedWeights,
)
from reconciler.stores import program
from reconciler.stores.bases import MANIFEST, Bases
from reconciler.stores.copies import copied, promoted_digest
from reconciler.stores.downloads import download_file, download_folder
from reconciler.stores.measured import FILE as MEASURED
from reconciler.stores.measured import MeasuredFiles
from reconciler.stores.s3 import Fetched, ObjectStore, Stored
from reconciler.stores.trash import Trash

_IN_MEMORY = 32 * 1024 * 1024
"""Bytes of converted data; what is larger goes to a temporary file before it is uploaded."""


class S3Artifacts:
    """``embedded``: the bucket is on the embedded cloud, and made when missing. ``root``: the project's folder."""

    def __init__(
        self,
        store: ObjectStore,
        project: str,
        *,
        reading: Reading,
        clock: Clock,
        root: Path,
        embedded: bool = False,
        cache: Path | None = None,
    ) -> None:
        """``cache``: where to remember what was measured."""
        self._store = store
        self._project = project
        self._reading = reading
        self._clock = clock
        self._root = root
        self._embedded = embedded
        self._measured = MeasuredFiles(store, cache=cache)
        self._listed: tuple[Stored, ...] | None = None
        self._trash = Trash(store, project, clock=clock)
        self._bases = Bases(store, project)

    def prepare(self) -> None:
        if self._embedded:
            self._store.create()
        elif not self._store.exists():
            raise CloudUnavailable(
                f"there is no bucket {self._store.bucket}", hint="Make it, or correct spec.bucket of the Project."
            )

    def put_training_data(self, model: DesiredModel, rules: DatasetRules) -> DataLocation:
        """Raises InvalidInput where the converted data exceeds what the base model takes, PlanChanged where the source changed."""
        keys = {part: self._data_key(model, rules, part) for part in Part if has_part(model, part)}
        self._put_parts(model, rules, {part: key for part, key in keys.items() if self._store.head(key) is None})
        uris = {part: self._store.uri(key) for part, key in keys.items()}
        return DataLocation(training_uri=uris[Part.TRAINING], validation_uri=uris.get(Part.VALIDATION))

    def put_weights(self, model: DesiredModel) -> None:
        """Raises PlanChanged where the folder changed."""
        if model.data.weights is not None:
            self._bases.put(self._root, model.data.weights)

    def weights_uri(self, digest: str) -> str:
        return self._store.uri(self._bases.prefix(digest))

    def unused_weights(self, wanted: Set[str], versions: Set[tuple[str, str]]) -> tuple[UnusedWeights, ...]:
        """On AWS nothing is looked for: a folder is a base model on the embedded cloud alone."""
        return self._bases.unused(wanted, versions) if self._embedded else ()

    def delete_weights(self, unused: UnusedWeights) -> None:
        self._bases.delete(unused)

    def put_program(self) -> str:
        content = program.archive()
        key = f"{self._project}/code/{program.digest(content)}.tar.gz"
        if self._store.head(key) is None:
            self._store.put(key, content, content_type="application/gzip")
        return self._store.uri(key)

    def put_manifest(self, model: DesiredModel) -> str:
        key = self._manifest_key(model.name, model.fingerprint)
        portable = _portable(model, self._root)
        self._store.put(key, portable.model_dump_json(by_alias=True, indent=1).encode())
        return self._store.uri(key)

    def recorded(self, model: str, fingerprint: str) -> DesiredModel | None:
        """Paths of local data come relative to the project's folder, whatever machine wrote them."""
        fetched = self._fetched(self._manifest_key(model, fingerprint))
        try:
            found = DesiredModel.model_validate_json(fetched.body) if fetched else None
        except ValidationError:  # another version's, or not ours: nothing is known then
            return None
        same = found is not None and found.fingerprint == fingerprint
        return found if same else None

    def output_uri(self, model: str, fingerprint: str) -> str:
        return self._store.uri(self._version_prefix(model, fingerprint))

    def metric_files(self, model: str, fingerprint: str) -> Mapping[str, str]:
        listed = self._store.list(self._version_prefix(model, fingerprint)) if self._store.exists() else ()
        keys = [stored.key for stored in listed if stored.key.endswith("_metrics.csv")]
        fetched = {key: self._store.get(key) for key in keys}
        return {key: found.body.decode("utf-8", errors="replace") for key, found in fetched.items() if found}

    def receive(self, model: str, fingerprint: str, artifact: Artifact, source: ArtifactStore) -> Copied:
        """As ``model.tar.gz`` beside the manifest, with a record of where it came from."""
        assert isinstance(source, S3Artifacts), "artifacts in S3 come from S3"
        prefix = self._version_prefix(model, fingerprint)
        copy = copied(source.located(artifact), self._store, prefix, now=self._clock.now())
        placed = Artifact(identifier=copy.uri, name=version_name(model, fingerprint), size_bytes=copy.size)
        return Copied(artifact=placed, size_bytes=copy.size, sha256=copy.sha256, new=copy.new)

    def located(self, artifact: Artifact) -> tuple[ObjectStore, str]:
        """The bucket and the key of what a training left behind."""
        bucket, _, key = artifact.identifier.removeprefix("s3://").partition("/")
        return self._store.beside(bucket), key

    def holds(self, artifact: Artifact) -> bool:
        if not artifact.identifier.startswith("s3://"):
            return True
        store, key = self.located(artifact)
        return any(store.list(key)) if key.endswith("/") else store.head(key) is not None

    def download(self, artifact: Artifact, target: Path, tell: Tell) -> Downloaded:
        """Of a promoted version the digest is known that its copy had."""
        store, key = self.located(artifact)
        if key.endswith("/"):
            return download_folder(store, key, target, tell)
        return download_file(store, key, target, tell, sha256=promoted_digest(store, key))

    def discard(self, model: str, version: Version) -> None:
        """Also empties the trash of what has lain there for more than 30 days."""
        elsewhere = self._prefix_of(version.artifact)
        own = self._version_prefix(model, version.fingerprint)
        self._trash.take(own, frozenset({elsewhere} if elsewhere else ()), version)

    def discarded(self) -> tuple[Discarded, ...]:
        return tuple(self._trash.entries())

    def give_back(self, entry: Discarded) -> None:
        self._trash.give_back(entry, self._version_prefix(entry.model, entry.version.fingerprint))

    def forget(self, entry: Discarded) -> None:
        self._trash.forget(entry, self._version_prefix(entry.model, entry.version.fingerprint))

    def stored(self) -> StoredArtifacts:
        """Nothing where the bucket is not there yet."""
        prefix = f"{self._project}/models/"
        objects: list[str] = []
        sizes: Counter[str] = Counter()
        measured: list[Stored] = []
        for stored in self._store.list(prefix) if self._store.exists() else ():
            objects.append(self._store.uri(stored.key))
            if stored.key.endswith(f"/{MEASURED}"):  # of a training's figures, and so not of the same size each time
                measured.append(stored)
            else:
                sizes[self._store.uri(self._folder(stored.key))] += stored.size
        self._listed = tuple(measured)
        return StoredArtifacts(self._store.uri(prefix), frozenset(objects), sizes)

    def history(self) -> History:
        if self._listed is None:
            self.stored()
        return History(measurements=self._measured.read(self._listed or ()))

    def put_measurement(self, measurement: Measurement) -> None:
        prefix = self._version_prefix(measurement.model, measurement.fingerprint)
        self._measured.write(f"{prefix}{MEASURED}", measurement)

    def _fetched(self, key: str) -> Fetched | None:
        """A bucket of the embedded cloud that is not there yet is made by the next apply, and holds nothing."""
        try:
            return self._store.get(key)
        except CloudUnavailable:
            if self._embedded and not self._store.exists():
                return None
            raise

    def _put_parts(self, model: DesiredModel, rules: DatasetRules, keys: Mapping[Part, str]) -> None:
        """All of them, or none where what was read is not what was planned."""
        if not keys:
            return
        with ExitStack() as spools:
            files = {part: spools.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY)) for part in keys}
            sinks = {part: cast(BinaryIO, file) for part, file in files.items()}
            with place_told():
                convert(model, rules.format, self._reading, sinks)
            if problems := [problem for part in keys for problem in _size_problems(model, rules, part, sinks[part])]:
                raise InvalidInput(problems)
            for part, key in keys.items():
                sinks[part].seek(0)
                self._store.put_stream(key, sinks[part])

    def _data_key(self, model: DesiredModel, rules: DatasetRules, part: Part) -> str:
        data, split = model.data, Split.of(model.resolved.validation)
        own = data.validation if part is Part.VALIDATION else None
        facts = own or data.training
        digest = facts.digest.removeprefix("sha256:")[:16]
        kind = f"{rules.format}-{split}" if split and own is None else f"{rules.format}-all"
        if system := model.resolved.system_prompt:
            kind += f"-system{hashlib.sha256(system.encode()).hexdigest()[:8]}"
        return f"{self._project}/datasets/{digest}/{kind}/{part}.jsonl"

    def _manifest_key(self, model: str, fingerprint: str) -> str:
        return f"{self._version_prefix(model, fingerprint)}{MANIFEST}"

    def _version_prefix(self, model: str, fingerprint: str) -> str:
        return f"{self._project}/models/{model}/{short(fingerprint)}/"

    def _prefix_of(self, artifact: Artifact | None) -> str | None:
        """``None``: it is not in this project's part of the bucket."""
        key = artifact.identifier.removeprefix(self._store.uri("")) if artifact else ""
        return self._folder(key) if key.startswith(f"{self._project}/models/") else None

    def _folder(self, key: str) -> str:
        """``<project>/models/<name>/<fp8>/``, of anything that lies in it."""
        models = f"{self._project}/models/"
        model, version = f"{key.removeprefix(models)}/".split("/")[:2]
        return f"{models}{model}/{version}/"


def _size_problems(model: DesiredModel, rules: DatasetRules, part: Part, file: BinaryIO) -> Iterator[Diagnostic]:
    limit = rules.max_training_bytes if part is Part.TRAINING else rules.max_validation_bytes
    if limit is not None and file.tell() > limit:
        yield _too_large(model, part, file.tell(), limit)


def _too_large(model: DesiredModel, part: Part, size: int, limit: int) -> Diagnostic:
    return error(
        "too-large",
        "Too much data",
        detail=f"The {part} data of {model.name} has {size:,} bytes as {model.resolved.base_model} takes it; the limit is {limit:,}.",
        hint="use fewer records",
        where=model.resolved.where,
        address=model.address,
    )


def _portable(model: DesiredModel, root: Path) -> DesiredModel:
    """The model with paths relative to the project's folder: no machine's folders are kept in the bucket."""

    def source(found: DatasetSource) -> DatasetSource:
        inside = not found.is_s3 and PurePath(found.uri).is_relative_to(root)
        return found.model_copy(update={"uri": PurePath(found.uri).relative_to(root).as_posix()}) if inside else found

    def facts(found: DatasetFacts | None) -> DatasetFacts | None:
        return found and found.model_copy(update={"source": source(found.source)})

    def folder(found: WeightsFolder) -> WeightsFolder:
        inside = PurePath(found.path).is_relative_to(root)
        return found.model_copy(update={"path": PurePath(found.path).relative_to(root).as_posix()}) if inside else found

    def weights(found: WeightsFacts | None) -> WeightsFacts | None:
        return found and found.model_copy(update={"folder": folder(found.folder)})

    resolved, data = model.resolved, model.data
    plan = resolved.validation
    validation = plan.model_copy(update={"source": plan.source and source(plan.source)})
    changed = {"training_data": source(resolved.training_data), "validation": validation}
    resolved = resolved.model_copy(update=changed | {"weights": resolved.weights and folder(resolved.weights)})
    parts = {"training": facts(data.training), "validation": facts(data.validation)}
    data = data.model_copy(update=parts | {"weights": weights(data.weights)})
    return model.model_copy(update={"resolved": resolved, "data": data, "root_weights": weights(model.root_weights)})
