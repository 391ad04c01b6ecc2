"""One tiny base model of each family for the whole session: made from a seed, in about three seconds."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.training.jobs import LONGEST, Press, surroundings


def _needs_the_extra() -> None:
    if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers", "trl", "peft")):
        pytest.skip("it really trains: pip install 'llm-reconciler[train]'")


def _made(shape: str, folder: Path) -> Path:
    _needs_the_extra()
    command = [sys.executable, "-m", "reconciler.training.tiny", "--shape", shape, "--seed", "7", "--out", str(folder)]
    subprocess.run(command, env=surroundings(folder), check=True, timeout=LONGEST)
    return folder


@pytest.fixture
def libraries() -> None:
    """For tests that call TRL themselves."""
    _needs_the_extra()


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _made("llama", tmp_path_factory.mktemp("base") / "llama")


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _made("qwen", tmp_path_factory.mktemp("base") / "qwen")


@pytest.fixture(scope="session")
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    _needs_the_extra()
    press = Press(tmp_path_factory.mktemp("press"))
    yield press
    press.close()
