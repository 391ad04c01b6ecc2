"""A text that comes in pieces ends before its first stop string, however the pieces fall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.serving.engine import until_stop


def cut(pieces: Sequence[str], stops: Sequence[str]) -> tuple[list[str], bool]:
    told: list[bool] = []

    def through() -> Iterator[str]:
        told.append((yield from until_stop(pieces, stops)))

    return list(through()), told[0]


@pytest.mark.parametrize(
    ("pieces", "stops", "expected", "stopped"),
    [
        (["a", "b"], [], ["a", "b"], False),
        (["one", " END", " two"], ["END"], ["one", " "], True),
        (["one E", "N", "D two"], ["END"], ["one "], True),
        (["one E", "N", "ough"], ["END"], ["one ", "ENough"], False),
        (["at the E", "N"], ["END"], ["at the ", "EN"], False),
        (["xBAyA"], ["A", "B"], ["x"], True),
        (["END"], ["END"], [], True),
        ([], ["END"], [], False),
    ],
)
def test_rows(pieces: list[str], stops: list[str], expected: list[str], stopped: bool) -> None:
    assert cut(pieces, stops) == (expected, stopped)


@given(st.lists(st.text("abE", max_size=4), max_size=8), st.lists(st.text("abE", min_size=1, max_size=3), max_size=3))
def test_pieces_make_no_difference(pieces: list[str], stops: list[str]) -> None:
    whole = "".join(pieces)
    found = [at for at in (whole.find(stop) for stop in stops) if at >= 0]
    text, stopped = cut(pieces, stops)
    assert stopped == bool(found)
    assert "".join(text) == (whole[: min(found)] if found else whole)
