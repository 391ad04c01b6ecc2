"""Bytes → lines of text: gzip or plain, UTF-8 with or without a byte order mark, within limits."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, cast

from reconciler.domain.desired import DatasetSource

Open = Callable[[DatasetSource], BinaryIO]
"""Opens a source from its beginning, as often as asked. Raises InvalidInput where there is nothing to read."""

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one line, and characters of one CSV cell. Far beyond any model's context; it bounds memory."""

MAX_FLAWS = 1000
"""Undecodable lines that are remembered: a wrong encoding damages all of them."""

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


class Text:
    """The lines of a stream, with their line endings. Iterate once, within ``with``, which closes the stream.

    ``size`` counts the (uncompressed) bytes read so far; ``flaws`` holds the undecodable lines, whose damaged characters
    come as U+FFFD. Iterating raises :class:`Unreadable`.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.size = 0
        self.flaws: list[Flaw] = []
        self._raw = stream
        self._stream = _unzipped(stream)

    def __enter__(self) -> Text:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._raw.close()

    def first_character(self) -> str:
        """The first character that is not white space, or nothing. Consumes nothing. Raises Unreadable."""
        start = self._peek().removeprefix(codecs.BOM_UTF8).lstrip()
        return start[:1].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        self._refuse_other_formats()
        for number, line in enumerate(iter(self._line, b""), start=1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901
            yield self._decoded(line, number)

    def _line(self) -> bytes:
        try:
            line = self._stream.readline(MAX_LINE + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as trouble:
            raise Unreadable(Flaw("damaged-gzip", 0, str(trouble))) from trouble
        self.size += len(line)
        if len(line) > MAX_LINE:
            raise Unreadable(Flaw("line-too-long", 0, f"a line beyond byte {self.size:,} has more than {MAX_LINE:,}"))
        return line

    def _decoded(self, line: bytes, number: int) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError as wrong:
            offset = self.size - len(line) + wrong.start
            if len(self.flaws) < MAX_FLAWS:
                self.flaws.append(Flaw("not-utf-8", number, f"byte 0x{line[wrong.start]:02x} at offset {offset:,}"))
            return line.decode(errors="replace")

    def _refuse_other_formats(self) -> None:
        start = self._peek()
        for magic, name in {**_MAGIC, **_OTHER_ENCODINGS}.items():
            if start.startswith(magic):
                code = "not-utf-8" if magic in _OTHER_ENCODINGS else "not-text"
                raise Unreadable(Flaw(code, 0, f"the file begins like {name}"))

    def _peek(self) -> bytes:
        try:
            return self._stream.peek(64)
        except (EOFError, gzip.BadGzipFile, zlib.error) as trouble:
            raise Unreadable(Flaw("damaged-gzip", 0, str(trouble))) from trouble


def _unzipped(stream: BinaryIO) -> _Bytes:
    plain: io.BufferedReader = io.BufferedReader(cast(Any, stream))  # needs readinto() alone, which every BinaryIO has
    if plain.peek(2).startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=plain)
    return plain
