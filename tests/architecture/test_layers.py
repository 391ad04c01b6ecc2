"""The import contracts of ``pyproject.toml`` hold, and a broken one would be seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--config", "pyproject.toml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_point_downward() -> None:
    checked = lint(ROOT)
    assert checked.returncode == 0, checked.stdout


def test_the_core_does_not_reach_out(tmp_path: Path) -> None:
    """A planted import turns the contracts red: the check is not blind."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    planted = tmp_path / "reconciler"
    for file in (ROOT / "reconciler").rglob("*.py"):
        copy = planted / file.relative_to(ROOT / "reconciler")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    decide = planted / "planner" / "decide.py"
    decide.write_text("import boto3\n" + decide.read_text())
    checked = lint(tmp_path)
    assert checked.returncode != 0
    assert "boto3" in checked.stdout
