"""Archives as containers meet them: model.tar.gz out of a folder, the same bytes for the same files; and back, safely."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path


class BadArchive(Exception):
    """Not an archive that can be unpacked here. The message says why."""


def pack(folder: Path) -> bytes:
    """All files below the folder as .tar.gz: sorted, without times, owners and permissions of this machine."""
    written = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=written, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in files(folder):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)
    return written.getvalue()


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below the folder, by its name relative to it with forward slashes; sorted, links left out."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def unpack(content: bytes, folder: Path) -> None:
    """Files and folders only, none of them outside of `folder`. Raises BadArchive."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as wrong:
        raise BadArchive(f"{type(wrong).__name__}: {wrong}") from wrong
