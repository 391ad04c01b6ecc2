"""Checkpoints as the Trainer leaves them: ``checkpoint-STEP``."""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"checkpoint-(\d+)")
LAST_WRITTEN = "trainer_state.json"
"""The Trainer writes it when all else is there."""


def newest(folder: Path) -> Path | None:
    """The newest checkpoint that is whole: one that was being written when its machine was taken away is none."""
    found = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name) and _is_whole(path)]
    return max(found, key=_step, default=None)


def _is_whole(path: Path) -> bool:
    state = path / LAST_WRITTEN
    weights = any(path.glob("*.safetensors")) or any(path.glob("*.distcp")) or any(path.glob("*/*.distcp"))
    return weights and state.is_file() and state.stat().st_size > 0


def _step(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else -1
