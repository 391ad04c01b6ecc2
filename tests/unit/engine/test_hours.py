"""Deployment hours are kept by the cloud's own schedules, whenever the manifest was applied."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from reconciler.domain.plan import Action
from reconciler.engine.reconverge import RunState
from tests.stage import SAGEMAKER, Stage

HOUR = 3600.0
OFFICE = '    autoUndeploy: {hours: "Mon-Fri 08:00-20:00", timezone: Europe/Berlin}\n'


def at_night(folder: Path) -> Stage:
    """Wednesday 22:00 UTC, outside the hours."""
    stage = Stage(folder)
    stage.cloud.advance(10 * HOUR)
    inline = "deployment: {state: deployed, instanceType: ml.g5.xlarge}"
    block = "deployment:\n    state: deployed\n    instanceType: ml.g5.xlarge\n" + OFFICE
    stage.write("open-bot.yaml", SAGEMAKER.replace(inline, block))
    return stage


def test_applied_at_night_it_is_up_in_the_morning_without_this_tool(tmp_path: Path) -> None:
    stage = at_night(tmp_path)
    assert stage.apply().state is RunState.CONVERGED
    assert stage.contents()["endpoints"] == {}
    assert [change.action for change in stage.plan().changes] == [Action.NO_OP]
    stage.cloud.advance(11 * HOUR)
    assert stage.now() > datetime.fromisoformat("2026-03-05T08:00Z")
    assert stage.contents()["endpoints"]["open-bot"][0] == "InService"
    assert [change.action for change in stage.plan().changes] == [Action.NO_OP]
    stage.cloud.advance(12 * HOUR)
    assert stage.contents()["endpoints"] == {}
    assert stage.plan().pending == ()


@pytest.mark.parametrize("promoted", [True, False])
def test_trained_again_at_night_the_morning_brings_the_newest_that_was_promoted(tmp_path: Path, promoted: bool) -> None:
    stage = at_night(tmp_path)
    stage.apply()
    before = stage.plan().changes[0].fingerprint
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    if not promoted:
        stage.edit("open-bot.yaml", "spec:", "spec:\n  promotion: [{metric: train_loss, max: 0.0001}]")
    run = stage.apply()
    assert run.state is (RunState.CONVERGED if promoted else RunState.STALLED)
    assert [str(done.change.action) for done in run.performed] == ["train", *(["update"] if promoted else [])]
    stage.edit("open-bot.yaml", "open-bot}", "open-bot, labels: {team: support}}")
    stage.apply()
    stage.cloud.advance(11 * HOUR)
    (deployed,) = stage.propose().snapshot.models[0].deployments
    assert deployed.fingerprint is not None
    assert (deployed.fingerprint == before) is not promoted


def test_its_month_is_priced_whatever_the_hour_of_the_plan(tmp_path: Path) -> None:
    stage = at_night(tmp_path)
    before = stage.plan().totals.hosting_monthly_then
    stage.apply()
    after = stage.plan().totals
    assert before.likely is not None
    assert before.likely > 300
    assert after.hosting_monthly_now == after.hosting_monthly_then
    assert after.hosting_monthly_now.likely == before.likely
