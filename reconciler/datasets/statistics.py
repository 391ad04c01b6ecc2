"""How a figure is spread over the records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.domain.base import Value


class Bar(Value):
    """So many records from ``low`` up to ``high``, both included."""

    low: int
    high: int
    records: int


class Spread(Value):
    """Percentiles are of the nearest rank: each is a figure that some record has."""

    minimum: int = 0
    median: int = 0
    p95: int = 0
    maximum: int = 0
    total: int = 0
    histogram: tuple[Bar, ...] = ()
    """Each bar reaches twice as far as the one before; from the first that holds a record to the last."""

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Spread:
        """``counts``: how many records have each figure."""
        if not counts:
            return cls()
        figures = sorted(counts)
        return cls(
            minimum=figures[0],
            median=_percentile(figures, counts, 50),
            p95=_percentile(figures, counts, 95),
            maximum=figures[-1],
            total=sum(figure * count for figure, count in counts.items()),
            histogram=tuple(_bars(counts)),
        )


def _percentile(figures: list[int], counts: Mapping[int, int], percent: int) -> int:
    rank, below = -(-sum(counts.values()) * percent // 100), 0
    for figure in figures:
        below += counts[figure]
        if below >= rank:
            return figure
    return figures[-1]


def _bars(counts: Mapping[int, int]) -> Iterator[Bar]:
    lengths: dict[int, int] = {}
    for figure, count in counts.items():
        lengths[figure.bit_length()] = lengths.get(figure.bit_length(), 0) + count
    for bits in range(min(lengths), max(lengths) + 1):
        yield Bar(low=2 ** (bits - 1) if bits else 0, high=2**bits - 1, records=lengths.get(bits, 0))
