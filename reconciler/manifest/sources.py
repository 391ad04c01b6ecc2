"""Where data is read: names of Datasets, paths, s3:// addresses. Pure: whether something is there, the stores find out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from reconciler.domain.base import Value
from reconciler.domain.desired import DatasetSource
from reconciler.domain.diagnostic import Diagnostic, Location, error
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.explain import found

_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(\S.*)", re.ASCII)


class Folder(Value):
    """The project's folder. ``path`` is what file names are relative to; empty: the working directory."""

    path: str = ""
    base: str = ""
    """The folder that data must stay in, as a normalised path."""

    @classmethod
    def of(cls, root: str | None, project_file: str | None) -> Folder:
        if root is not None:
            return cls(path=root, base=posixpath.normpath(root))
        return cls(base=posixpath.normpath(posixpath.dirname(project_file or "") or "."))

    def resolve(self, path: str, file: str) -> str | None:
        """The path as seen from the manifest's folder; ``None`` where it leaves the project's folder."""
        full = posixpath.normpath(posixpath.join(self.path, posixpath.dirname(file), path))
        outside = (
            (full.startswith(("..", "/"))) if self.base == "." else not full.startswith(self.base.rstrip("/") + "/")
        )
        return None if outside else full

    def anywhere(self, path: str, file: str) -> str:
        """The path as seen from the manifest's folder, wherever that leads; absolute ones and those of a home as they are."""
        return posixpath.normpath(posixpath.join(self.path, posixpath.dirname(file), posixpath.expanduser(path)))

    def relative(self, uri: str) -> str:
        """The address without what differs from one checkout to the next."""
        return uri.removeprefix(self.base.rstrip("/") + "/")


def locate(text: str, where: Location, folder: Folder) -> DatasetSource | Diagnostic:
    """A path or an s3:// address."""
    if text.startswith("s3://"):
        return _s3(text, where)
    if "://" in text:
        return _bad(text, where, "only s3:// addresses and paths are read", "download it, or copy it to S3")
    if "\\" in text:
        return _bad(text, where, "paths are written with forward slashes", f"write `{text.replace(chr(92), '/')}`")
    path = folder.resolve(text, where.file)
    if path is None:
        return _outside(text, where)
    return DatasetSource(name=None, uri=path, where=where)


def choose(
    text: str, where: Location, folder: Folder, datasets: Mapping[str, DatasetSource], known: Iterable[str]
) -> DatasetSource | Diagnostic | None:
    """What a model's ``dataset`` field names.

    ======================================  ==================================================
    a Dataset's name                        that Dataset; ``None`` where it is itself in error
    contains ``/`` or ``.``                 a path, or an s3:// address
    all else                                a reference that leads nowhere
    ======================================  ==================================================
    """
    names = tuple(known)
    if text in datasets:
        return datasets[text].model_copy(update={"where": where})
    if text in names:
        return None
    if "/" in text or "." in text:
        return locate(text, where, folder)
    return error(
        "unknown-reference",
        "A reference leads nowhere",
        detail=f"`{where.path}` is {found(text)}; no Dataset has that name.",
        hint=did_you_mean(text, names) or f"add a Dataset, or write a path such as ./{text}.csv",
        where=where,
    )


def _s3(text: str, where: Location) -> DatasetSource | Diagnostic:
    match = _S3.fullmatch(text)
    if match is None or len(text) > 1100 or match[2].endswith("/"):
        return _bad(
            text, where, "an address in S3 has a bucket and the key of one object", "write s3://bucket/path/data.jsonl"
        )
    return DatasetSource(name=None, uri=text, where=where)


def _bad(text: str, where: Location, why: str, hint: str) -> Diagnostic:
    detail = f"`{where.path}` is {found(text)}: {why}."
    return error("invalid-data-source", "A data source cannot be read", detail=detail, hint=hint, where=where)


def _outside(text: str, where: Location) -> Diagnostic:
    return error(
        "path-outside-project",
        "A path leaves the project's folder",
        detail=f"`{where.path}` is {found(text)}; paths count from the manifest's folder and stay within the project's.",
        hint="move the data into the project's folder, or put it into S3",
        where=where,
    )
