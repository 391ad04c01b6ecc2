"""Pages of a list, with opaque tokens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from reconciler.localcloud.errors import invalid

T = TypeVar("T")


def page(items: Sequence[T], token: str | None, size: int | None, *, default: int) -> tuple[Sequence[T], str | None]:
    """One page and the token of the next, None after the last. Raises ValidationException for a token of no list."""
    start = 0 if not token else _start(token)
    end = start + (size or default)
    return items[start:end], _token(end) if end < len(items) else None


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"from:{start}".encode()).decode()


def _start(token: str) -> int:
    try:
        label, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if label == "from":
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise invalid("Invalid pagination token provided.")
