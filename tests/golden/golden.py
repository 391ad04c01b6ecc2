"""Comparing with what was printed before. UPDATE_GOLDEN=1 rewrites the files; read the diff before you commit it."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent


def assert_golden(name: str, text: str) -> None:
    """``text`` is what ``tests/golden/<name>.txt`` holds, whole."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8") if path.exists() else "(no such file: run with UPDATE_GOLDEN=1)"
    assert text == expected, f"{path.name} differs; UPDATE_GOLDEN=1 rewrites it"
