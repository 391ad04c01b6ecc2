"""Every page of a list, however the service spells its tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.domain.errors import CloudUnavailable


def every(
    call: Callable[..., Mapping[str, Any]], items: str, *, next_page: str = "NextToken", **request: Any
) -> Iterator[dict[str, Any]]:
    """All items of all pages. A page may be empty and still have a successor: only a missing token ends the list.

    Raises CloudUnavailable where the service hands out the same token twice, rather than going round for ever.
    """
    seen: set[str] = set()
    while True:
        page = call(**request)
        yield from page.get(items, ())
        following = page.get(next_page)
        if not following:
            return
        if following in seen:
            raise CloudUnavailable(f"the pages of {items} go round in circles: AWS gave the same token twice")
        seen.add(following)
        request[next_page] = following
