"""Temporary files on a full disk."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from tempfile import gettempdir


@contextmanager
def place_told(place: str | PathLike[str] | None = None) -> Iterator[None]:
    """Of a disk that is full the system does not say which: ``place``, or where temporary files lie."""
    try:
        yield
    except OSError as trouble:
        if trouble.filename is None and trouble.errno in (errno.ENOSPC, errno.EDQUOT):
            trouble.filename = str(place or gettempdir())
        raise
