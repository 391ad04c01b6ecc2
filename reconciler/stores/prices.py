"""``reconciler.prices.json`` beside ``reconciler.yaml``: prices that were read from AWS. Committed, so that all plans have the same."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from reconciler.catalog import LivePrices
from reconciler.domain.errors import ReconcilerError
from reconciler.stores.files import read_small, write_private

PRICES_FILE = "reconciler.prices.json"
LIMIT = 4_000_000
"""Bytes; a region takes some ten thousand."""


def read_prices(root: Path) -> bytes:
    """The file as it is; empty where there is none. Raises ReconcilerError."""
    path = root / PRICES_FILE
    return read_small(path, LIMIT) if path.exists() or path.is_symlink() else b""


def parse_prices(content: bytes) -> LivePrices:
    """No content: no prices. Raises ReconcilerError."""
    try:
        return LivePrices.model_validate_json(content) if content else LivePrices()
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ReconcilerError(
            f"{PRICES_FILE} cannot be read: {where}: {first['msg']}",
            hint="Write it anew with `reconciler catalog refresh`, or delete it to use the prices that come with the program.",
        ) from wrong


def write_prices(root: Path, prices: LivePrices) -> Path:
    """Raises ReconcilerError."""
    path = root / PRICES_FILE
    write_private(path, (prices.model_dump_json(by_alias=True, indent=2, exclude_none=True) + "\n").encode())
    return path
