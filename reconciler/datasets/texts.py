"""One column of texts, decoded and in UTF-8."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from functools import cached_property
from typing import Any

import numpy
from numpy.typing import NDArray

Counts = NDArray[numpy.int64]


class Texts:
    """What is asked of them is made once."""

    def __init__(self, decoded: list[str]) -> None:
        self.decoded = decoded

    @classmethod
    def known(cls, utf8: list[bytes], sizes: Counts, together: Any) -> Texts:
        """Raises UnicodeDecodeError."""
        texts = cls([*map(bytes.decode, utf8)])
        texts.utf8, texts.sizes, texts.together = utf8, sizes, together
        return texts

    def __len__(self) -> int:
        return len(self.decoded)

    @cached_property
    def utf8(self) -> list[bytes]:
        return [*map(str.encode, self.decoded)]

    @cached_property
    def sizes(self) -> Counts:
        """In bytes."""
        return lengths(self.utf8)

    @cached_property
    def together(self) -> Any:
        """All in one, in UTF-8."""
        return b"".join(self.utf8)

    @property
    def characters(self) -> int:
        """Bytes that begin one: those but 10xxxxxx."""
        return int(numpy.count_nonzero(numpy.frombuffer(self.together, numpy.int8) >= -64))

    @property
    def all_say_something(self) -> bool:
        """More than white space."""
        return all(map(str.strip, self.decoded))


def lengths(them: Sequence[Sized]) -> Counts:
    return numpy.fromiter(map(len, them), numpy.int64, len(them))
