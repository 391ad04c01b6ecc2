"""What commands that only look share: a project with trained and deployed models, on an embedded cloud of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.localcloud import control
from tests.stage import BEDROCK, PROJECT, SAGEMAKER


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``open-bot`` on SageMaker and ``nova-bot`` on Bedrock are deployed; of ``quiet-bot`` there is only a manifest."""
    folder = tmp_path_factory.mktemp("looked-at")
    rows = "".join(f"Question {n}?,Answer {n}.\n" for n in range(24))
    (folder / "data.csv").write_text(f"prompt,expected completion\n{rows}")
    (folder / "reconciler.yaml").write_text(PROJECT)
    (folder / "open.yaml").write_text(SAGEMAKER)
    (folder / "nova.yaml").write_text(BEDROCK)
    control.up(folder / ".reconciler" / "local", speed=0)
    assert run(["-C", str(folder), "apply", "--auto-approve"]) == 0
    quiet = SAGEMAKER.replace("open-bot", "quiet-bot").replace("state: deployed", "state: undeployed")
    (folder / "quiet.yaml").write_text(quiet)
    yield folder
    control.down(folder / ".reconciler" / "local")


@pytest.fixture
def deployed(looked_at: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That project, as the current folder. It must be left as it is."""
    monkeypatch.chdir(looked_at)
    monkeypatch.setenv("CI", "1")
    return looked_at
