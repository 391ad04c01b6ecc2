"""Which records are held out for validation: decided by each record's own content and a seed.

Equal records fall on the same side, the order of the file does not matter, and adding records moves none of the others. Two
exceptions keep both sides filled where records are few: where no record falls below the threshold, the one with the smallest
key is held out; where all do, the one with the largest is kept for training.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy
from numpy.typing import NDArray

from reconciler.datasets.digest import prefixes

if TYPE_CHECKING:
    from reconciler.domain.desired import ValidationPlan

KEYS = 2**64


Keys = NDArray[numpy.uint64]


@dataclass(frozen=True)
class Split:
    """``percent`` of the records, 1 to 99, go to validation."""

    percent: int
    seed: int = 0

    @classmethod
    def of(cls, validation: ValidationPlan) -> Split | None:
        return None if validation.split_percent is None else cls(validation.split_percent, validation.split_seed)

    @property
    def threshold(self) -> int:
        return KEYS * self.percent // 100

    def keys(self, records: bytes) -> Keys:
        """0 to 2⁶⁴-1 each, evenly spread: the first eight bytes of the record's digest times an odd number drawn by the seed, modulo 2⁶⁴.

        ``records``: digests, one after the other.
        """
        drawn = hashlib.blake2b(str(self.seed).encode(), digest_size=8).digest()
        return prefixes(records) * numpy.uint64(int.from_bytes(drawn, "big") | 1)

    def __str__(self) -> str:
        return f"split{self.percent}-seed{self.seed}"


class Sides:
    """Counts the two sides while the keys of all records pass by."""

    def __init__(self, split: Split) -> None:
        self._threshold = split.threshold
        self._below = self._total = 0
        self._smallest, self._at_smallest = KEYS, 0
        self._largest, self._at_largest = -1, 0

    def add(self, keys: Keys) -> None:
        if not len(keys):
            return
        self._total += len(keys)
        self._below += _count(keys < self._threshold)
        smallest, largest = int(keys.min()), int(keys.max())
        self._add_smallest(smallest, _count(keys == smallest))
        self._add_largest(largest, _count(keys == largest))

    def merge(self, other: Sides) -> None:
        self._total += other._total
        self._below += other._below
        self._add_smallest(other._smallest, other._at_smallest)
        self._add_largest(other._largest, other._at_largest)

    def _add_smallest(self, key: int, count: int) -> None:
        if key < self._smallest:
            self._smallest, self._at_smallest = key, 0
        self._at_smallest += count if key == self._smallest else 0

    def _add_largest(self, key: int, count: int) -> None:
        if key > self._largest:
            self._largest, self._at_largest = key, 0
        self._at_largest += count if key == self._largest else 0

    @property
    def cutoff(self) -> int:
        """Records whose key is smaller are held out."""
        return min(max(self._threshold, self._smallest + 1), self._largest)

    @property
    def is_usual(self) -> bool:
        """The threshold alone decides: none of the exceptions holds."""
        return 0 < self._below < self._total

    @property
    def validation(self) -> int:
        """Records held out; 0 where all records are equal."""
        if self._smallest >= self._largest:
            return 0
        if self._below == 0:
            return self._at_smallest
        return self._total - self._at_largest if self._below == self._total else self._below


def _count(true: NDArray[numpy.bool]) -> int:
    return int(numpy.count_nonzero(true))
