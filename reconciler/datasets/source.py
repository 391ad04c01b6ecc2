"""Bytes of a source as they are read: gzip or plain, without a byte order mark, refused where they are no text."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple, cast

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one line, and characters of one CSV cell. Far beyond any model's context; it bounds memory."""

_MAGIC = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "gzip within gzip",
    b"(\xb5/\xfd": "a Zstandard archive",
    b"BZh": "a bzip2 archive",
}
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


_Bytes = io.BufferedReader | gzip.GzipFile


class Flaw(NamedTuple):
    """One thing that is wrong with the data. ``code`` as in ``reconciler.datasets.flaws``; row 0: the file as a whole."""

    code: str
    row: int
    detail: str = ""


class Unreadable(Exception):
    """The file cannot be read further."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.detail)
        self.flaw = flaw


class Stream:
    """The bytes of a source, uncompressed. Used within ``with``, which closes what was opened. Reading raises :class:`Unreadable`.

    ``size`` counts the bytes read so far, a byte order mark included: it is the offset of what comes next.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.size = 0
        self._raw = stream
        self._taken = _Taken(stream)
        self._stream = _unzipped(self._taken)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._raw.close()

    @property
    def position(self) -> int:
        """Bytes taken from what was opened, as it is stored: what a progress bar counts."""
        return self._taken.size

    @property
    def path(self) -> str | None:
        """Where other processes of this machine read the same bytes at the same offsets, as long as this stream is open; if anywhere."""
        if isinstance(self._stream, gzip.GzipFile) or not isinstance(self._raw, io.BufferedReader):
            return None
        name = getattr(self._raw, "name", None)
        found = f"/proc/{os.getpid()}/fd/{name}" if isinstance(name, int) else name
        return os.fspath(found) if found and os.path.isfile(found) else None

    def begin(self) -> str:
        """Skip a byte order mark, refuse what is no text, and tell the first character that is not white space, or nothing."""
        start = self._guarded(lambda: self._stream.peek(64))
        for magic, name in {**_MAGIC, **_OTHER_ENCODINGS}.items():
            if start.startswith(magic):
                code = "not-utf-8" if magic in _OTHER_ENCODINGS else "not-text"
                raise Unreadable(Flaw(code, 0, f"the file begins like {name}"))
        if start.startswith(codecs.BOM_UTF8):
            self.read(len(codecs.BOM_UTF8))
        return start.removeprefix(codecs.BOM_UTF8).lstrip()[:1].decode("latin-1")

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; fewer only at the end."""
        data = self._guarded(lambda: self._stream.read(size))
        self.size += len(data)
        return data

    def _guarded(self, reading: Callable[[], bytes]) -> bytes:
        try:
            return reading()
        except (EOFError, gzip.BadGzipFile, zlib.error) as trouble:
            raise Unreadable(Flaw("damaged-gzip", 0, str(trouble))) from trouble


class _Taken(io.RawIOBase):
    """Counts what is read from a stream: one that comes from afar cannot tell where it stands."""

    def __init__(self, stream: BinaryIO) -> None:
        self.size = 0
        self._stream: Any = stream  # of which readinto() is asked alone, which every BinaryIO has

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        taken: int | None = self._stream.readinto(buffer)
        self.size += taken or 0
        return taken


def _unzipped(stream: _Taken) -> _Bytes:
    plain: io.BufferedReader = io.BufferedReader(cast(Any, stream))
    if plain.peek(2).startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=plain)
    return plain
