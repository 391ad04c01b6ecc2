"""The tables of measured runs in this folder."""

from __future__ import annotations

import csv
from pathlib import Path

FOLDER = Path(__file__).parent


def measured_rows(name: str) -> list[dict[str, str]]:
    """Of ``memory`` or ``throughput``."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
