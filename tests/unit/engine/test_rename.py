"""A renamed model is retagged, never trained again, and serves all the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.reconverge import RunState
from tests.stage import BEDROCK, SAGEMAKER, Stage


@pytest.mark.parametrize(("manifest", "name"), [(SAGEMAKER, "open-bot"), (BEDROCK, "nova-bot")])
def test_renamed(tmp_path: Path, manifest: str, name: str) -> None:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", manifest)
    stage.apply()
    paid = stage.paid_jobs()
    stage.edit("bot.yaml", f"name: {name}", f"name: help-bot, renamedFrom: {name}")
    run = stage.apply()
    assert run.state is RunState.CONVERGED
    assert [str(each.change.action) for each in run.performed] == ["update", "deploy", "undeploy"]
    assert stage.paid_jobs() == paid
    there = stage.contents()
    assert [*there["endpoints"], *there["custom model deployments"]] == ["help-bot"]
    assert stage.apply().performed == ()
