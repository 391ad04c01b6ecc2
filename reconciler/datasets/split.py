"""Which records are held out for validation: decided by each record's own content and a seed.

Equal records fall on the same side, the order of the file does not matter, and adding records moves none of the others. Two
exceptions keep both sides filled where records are few: where no record falls below the threshold, the one with the smallest
key is held out; where all do, the one with the largest is kept for training.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from reconciler.domain.desired import ValidationPlan

KEYS = 2**64


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

    def key(self, content: bytes) -> int:
        """0 to 2⁶⁴-1, evenly spread: BLAKE2b of the content, keyed by the seed."""
        drawn = hashlib.blake2b(content, digest_size=8, key=str(self.seed).encode())
        return int.from_bytes(drawn.digest(), "big")

    def __str__(self) -> str:
        return f"split{self.percent}-seed{self.seed}"


class Sides:
    """Counts the two sides while the keys of all records pass by."""

    def __init__(self, split: Split) -> None:
        self._threshold = split.threshold
        self._below = self._total = 0
        self._smallest, self._at_smallest = KEYS, 0
        self._largest, self._at_largest = -1, 0

    def add(self, key: int) -> None:
        self._total += 1
        self._below += key < self._threshold
        if key < self._smallest:
            self._smallest, self._at_smallest = key, 0
        if key > self._largest:
            self._largest, self._at_largest = key, 0
        self._at_smallest += key == self._smallest
        self._at_largest += key == self._largest

    @property
    def cutoff(self) -> int:
        """Records whose key is smaller are held out."""
        return min(max(self._threshold, self._smallest + 1), self._largest)

    @property
    def validation(self) -> int:
        """Records held out; 0 where all records are equal."""
        if self._smallest >= self._largest:
            return 0
        if self._below == 0:
            return self._at_smallest
        return self._total - self._at_largest if self._below == self._total else self._below
