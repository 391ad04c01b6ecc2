"""Writing our own files: whole or not at all, for their owner's eyes only, never through a symlink."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO

from reconciler.domain.errors import ReconcilerError


def write_private(path: Path, content: bytes) -> None:
    """Mode 0600; staged beside the file, flushed, then renamed over it. Raises ReconcilerError."""
    refuse_symlink(path)
    try:
        handle, staged = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as trouble:
        raise _cannot("write", path, trouble) from trouble
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, path)
    except OSError as trouble:
        raise _cannot("write", path, trouble) from trouble
    finally:
        Path(staged).unlink(missing_ok=True)


def read_small(path: Path, limit: int) -> bytes:
    """Raises ReconcilerError, also where the file is a symlink or larger than ``limit`` bytes."""
    refuse_symlink(path)
    try:
        with open_nofollow(path) as file:
            content = file.read(limit + 1)
    except OSError as trouble:
        raise _cannot("read", path, trouble) from trouble
    if len(content) > limit:
        raise ReconcilerError(f"{path} has more than {limit:,} bytes: it is none of our files")
    return content


def open_nofollow(path: Path) -> BinaryIO:
    """Open a regular file for reading, without following a symlink or waiting at a pipe. Raises OSError."""
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return os.fdopen(opened, "rb")
    except BaseException:
        os.close(opened)
        raise


def refuse_symlink(path: Path) -> None:
    if path.is_symlink():
        raise ReconcilerError(f"{path} is a symlink", hint="Name the file itself.")


def _cannot(do: str, path: Path, trouble: OSError) -> ReconcilerError:
    return ReconcilerError(f"cannot {do} {path}: {trouble.strerror or trouble}")
