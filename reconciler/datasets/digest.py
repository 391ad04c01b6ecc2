"""What the data says, as a digest: independent of the file's name, format, quoting, and the order of columns and keys.

The order of records counts: another order is another training. Each record has a digest of its own, and the data's is taken of those:
so blocks of it can be digested apart, on several processes or machines.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

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
    """Record by record, 32 bytes each."""

    records: list[bytes]
    inputs: list[bytes]
    """Of all but the completion: equal where the same is asked."""


def hashes(columns: Columns, prompts: list[bytes], completions: list[bytes]) -> Hashes:
    """``prompts`` and ``completions``: the columns in UTF-8."""
    records, inputs, sha256 = [], [], hashlib.sha256
    for given, completion in zip(_given(columns, prompts), completions, strict=True):
        hashed = sha256(given)
        inputs.append(hashed.digest())
        hashed.update(completion)
        records.append(hashed.digest())
    return Hashes(records, inputs)


def prefixes(digests: Sequence[bytes]) -> array[int]:
    """The first eight bytes of each as a number, big-endian."""
    numbers = array("Q", b"".join([digest[:8] for digest in digests]))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def content(record: Record) -> bytes:
    """The record as bytes: the number of texts and a comma, all texts but the completion with their lengths in UTF-8 (``5:Hello``), the
    completion. No two records share one form.
    """
    return _conversation(Before(record.system, record.earlier), record.prompt.encode()) + record.completion.encode()


def _given(columns: Columns, prompts: list[bytes]) -> list[bytes]:
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
