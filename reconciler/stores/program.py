"""The training program as SageMaker's containers fetch it: ``sourcedir.tar.gz``, the same bytes for the same files."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from functools import cache

from reconciler.training.archive import program_files


@cache
def archive() -> bytes:
    """The program of this installation, packed."""
    return packed({name: path.read_bytes() for name, path in program_files().items()})


def digest(content: bytes) -> str:
    """By which an archive is found: SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def packed(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz sorted by name, without times, owners and modes of this machine."""
    written = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=written, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, body in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(body), 0o644
            tar.addfile(entry, io.BytesIO(body))
    return written.getvalue()
