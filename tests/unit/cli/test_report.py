"""``reconciler report`` on the embedded cloud: what was trained, what was deleted by hand, and what the manifests ask anew."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import boto3
import pytest

from reconciler.localcloud import control
from tests.stage import PROJECT, SAGEMAKER
from tests.unit.cli.calling import call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    rows = "".join(f"Question {n}?,Answer {n}.\n" for n in range(24))
    (tmp_path / "data.csv").write_text(f"prompt,expected completion\n{rows}")
    (tmp_path / "reconciler.yaml").write_text(PROJECT)
    (tmp_path / "bot.yaml").write_text(SAGEMAKER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "1")
    control.up(tmp_path / ".reconciler" / "local", speed=0)
    yield tmp_path
    control.down(tmp_path / ".reconciler" / "local")


def test_the_page_tells_training_drift_and_plan(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "apply", "--auto-approve").code == 0
    delete_endpoint(project, "open-bot")
    (project / "new.yaml").write_text(SAGEMAKER.replace("open-bot", "new-bot"))
    ended = call(capsys, "report", "--out", "page.html")
    assert (ended.code, ended.out) == (0, "Wrote page.html\n")
    page = unescape((project / "page.html").read_text(encoding="utf-8"))
    models, _, rest = page.partition('<h2 id="plan">')
    plan, _, rest = rest.partition('<h2 id="drift">')
    drift, _, lineage = rest.partition('<h2 id="lineage">')
    assert "Training loss from " in models
    assert "Simulated by the embedded cloud." in models
    assert "deploy open-bot on sagemaker" in plan
    assert "train new-bot-" in plan
    assert "deploy open-bot on sagemaker" in drift
    assert "train new-bot-" not in drift
    assert "to be trained" in lineage
    assert (project / "page.html").stat().st_mode & 0o777 == 0o600


def test_a_project_of_which_nothing_is_there_yet(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "report").code == 0
    page = (project / "report.html").read_text(encoding="utf-8")
    assert '<span class="badge quiet">Absent</span>' in page
    assert 'class="training"' not in page, "there is no loss yet"
    assert page.count("<figure>") == page.count(": time against cost</title>") == 1


@pytest.mark.parametrize("out", ["nowhere/page.html", "link.html"])
def test_a_page_that_cannot_be_written_is_told(project: Path, capsys: pytest.CaptureFixture[str], out: str) -> None:
    (project / "link.html").symlink_to(project / "bot.yaml")
    ended = call(capsys, "report", "--out", out)
    assert ended.code == 1
    assert out in ended.err
    assert (project / "bot.yaml").read_text() == SAGEMAKER


def delete_endpoint(project: Path, name: str) -> None:
    """By hand, as somebody would in the console."""
    status = control.status(project / ".reconciler" / "local")
    assert status is not None
    session = boto3.Session("somebody", "else", region_name="us-east-1")
    session.client("sagemaker", endpoint_url=status.endpoint_url).delete_endpoint(EndpointName=name)
    control.advance(project / ".reconciler" / "local", 3600)
