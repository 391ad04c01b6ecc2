"""What the HTTP side needs of whatever writes the text; and the cutting of a text at stop strings."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from reconciler.serving.requests import Ask

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class End:
    """How an answer ended, and what it counted. ``completion_tokens`` include the token that ended it."""

    prompt_tokens: int
    completion_tokens: int
    finish_reason: FinishReason


class Engine(Protocol):
    def generate(self, ask: Ask) -> Generator[str | End, None, None]:
        """Pieces of the answer as they come, then one End. Raises BadRequest before the first piece.

        Closing it early stops the work.
        """
        ...


class CannotLoad(Exception):
    """There is no model to serve, and this is why."""


def until_stop(pieces: Iterable[str], stops: Sequence[str]) -> Generator[str, None, bool]:
    """The text up to the first stop string; returns whether there was one.

    What may be the beginning of a stop string is held back until more is known.
    """
    held = ""
    for piece in pieces:
        held += piece
        found = [at for at in (held.find(stop) for stop in stops) if at >= 0]
        if found:
            yield from _unless_empty(held[: min(found)])
            return True
        sure = len(held) - max((_beginning(held, stop) for stop in stops), default=0)
        yield from _unless_empty(held[:sure])
        held = held[sure:]
    yield from _unless_empty(held)
    return False


def _beginning(text: str, stop: str) -> int:
    """How many characters at the end of ``text`` begin ``stop``."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)


def _unless_empty(text: str) -> Iterator[str]:
    if text:
        yield text
