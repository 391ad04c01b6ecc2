"""The nearest valid spelling of a word that was not found."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 100
"""Longer words are not compared: matching is quadratic in their length."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, ignoring case; ``None`` where nothing comes near."""
    if len(word) > LONGEST:
        return None
    spellings = {candidate.casefold(): candidate for candidate in known}
    match = get_close_matches(word.casefold(), spellings, n=1, cutoff=0.6)
    return spellings[match[0]] if match else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean `ml.g5.12xlarge`?``, or nothing."""
    match = nearest(word, known)
    return f"did you mean `{match}`?" if match else ""
