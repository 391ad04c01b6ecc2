"""What the data says, as a digest: independent of the file's name, format, quoting, and the order of columns and keys.

The order of records counts: another order is another training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from reconciler.datasets.records import Record

_VERSION = b"reconciler/records/v1\n"
"""A change of the form below changes every digest, and with it retrains every model."""


class Digest:
    def __init__(self) -> None:
        self._sha = hashlib.sha256(_VERSION)

    def add(self, content: bytes) -> None:
        self._sha.update(content)

    def __str__(self) -> str:
        """``sha256:`` and 64 hexadecimal digits."""
        return "sha256:" + self._sha.hexdigest()


def content(record: Record) -> bytes:
    """The record as bytes: the number of texts, then each as a netstring (length, colon, UTF-8). No two records share one form."""
    prompt, completion = record.prompt.encode(), record.completion.encode()
    last = b"%d:%b%d:%b" % (len(prompt), prompt, len(completion), completion)
    if not record.is_conversation:
        return b"2," + last
    before = [record.system, *(text for exchange in record.earlier for text in exchange)]
    return b"%d,%b%b" % (len(before) + 2, b"".join(_netstrings(before)), last)


def _netstrings(texts: Iterable[str]) -> Iterable[bytes]:
    for text in texts:
        encoded = text.encode()
        yield b"%d:%b" % (len(encoded), encoded)
