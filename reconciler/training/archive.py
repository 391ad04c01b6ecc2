"""What the archive of the program holds: the part of this package that travels into the container."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PROGRAM = "train.py"
"""The entry point, at the archive's root: the hyperparameter ``sagemaker_program``."""


def program_files() -> Mapping[str, Path]:
    """Name in the archive → file on disk, by name. The container has all that it needs: there is no requirements.txt."""
    training = Path(__file__).resolve().parent
    package = {f"reconciler/training/{path.relative_to(training).as_posix()}": path for path in training.rglob("*.py")}
    files = {**package, "reconciler/__init__.py": training.parent / "__init__.py", PROGRAM: training / "train.py"}
    return dict(sorted(files.items()))
