"""What the data says, as a digest: independent of the file's name, format, quoting, and the order of columns and keys.

The order of records counts: another order is another training. Each record has a digest of its own, and the data's is taken of those:
so blocks of it can be digested apart, on several processes or machines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from reconciler.datasets.columns import Columns
from reconciler.datasets.records import Before, Record

_VERSION = b"reconciler/records/v2\n"
"""A change of the forms below changes every digest, and with it retrains every model. See specs/decisions."""

SIZE = 32
"""Bytes of a record's digest."""


class Digest:
    def __init__(self) -> None:
        self._sha = hashlib.sha256(_VERSION)

    def add(self, digests: bytes) -> None:
        """Of the next records, one after the other."""
        self._sha.update(digests)

    def __str__(self) -> str:
        """``sha256:`` and 64 hexadecimal digits."""
        return "sha256:" + self._sha.hexdigest()


class Hashes(NamedTuple):
    """Record by record, 32 bytes each, one after the other."""

    records: bytes
    inputs: bytes
    """Of all but the completion: equal where the same is asked."""


def hashes(columns: Columns) -> Hashes:
    records, inputs, sha256 = [], [], hashlib.sha256
    for given, completion in zip(_given(columns), columns.completions.utf8, strict=True):
        hashed = sha256(given)
        inputs.append(hashed.digest())
        hashed.update(completion)
        records.append(hashed.digest())
    return Hashes(b"".join(records), b"".join(inputs))


def prefixes(digests: bytes) -> NDArray[numpy.uint64]:
    """The first eight bytes of each as a number, big-endian."""
    return numpy.frombuffer(digests, ">u8")[:: SIZE // 8].astype(numpy.uint64)


def content(record: Record) -> bytes:
    """The record as bytes: the number of texts and a comma, all texts but the completion with their lengths in UTF-8 (``5:Hello``), the
    completion. No two records share one form.
    """
    return _conversation(Before(record.system, record.earlier), record.prompt.encode()) + record.completion.encode()


def _given(columns: Columns) -> list[bytes]:
    prompts = columns.prompts.utf8
    given = [b"2,%d:%b" % (len(prompt), prompt) for prompt in prompts]
    for position, before in columns.before.items():
        given[position] = _conversation(before, prompts[position])
    return given


def _conversation(before: Before, prompt: bytes) -> bytes:
    texts = before.texts if before.system or before.earlier else []
    return b"%d,%b%d:%b" % (len(texts) + 2, b"".join(_netstrings(texts)), len(prompt), prompt)


def _netstrings(texts: Iterable[str]) -> Iterable[bytes]:
    for text in texts:
        encoded = text.encode()
        yield b"%d:%b" % (len(encoded), encoded)
