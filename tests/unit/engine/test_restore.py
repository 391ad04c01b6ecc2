"""What was deleted comes back from the trash as it was: no training, the same bytes, the same metrics."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.domain.errors import ReconcilerError
from reconciler.domain.naming import short
from reconciler.domain.plan import Action
from reconciler.engine.importing import wanted
from reconciler.engine.outside import RunSettings
from reconciler.engine.restore import Restored, chosen, restore
from tests.stage import BEDROCK, SAGEMAKER, Stage

GATED = SAGEMAKER + "  promotion: [{metric: train_loss, max: 100}]\n"


def deleted(stage: Stage, manifest: str = SAGEMAKER) -> None:
    """Trained, deployed, taken out of the manifests, and gone."""
    stage.write("bot.yaml", manifest)
    stage.apply()
    stage.remove("bot.yaml")
    stage.apply()
    assert not stage.contents()["training jobs"]


def restored(stage: Stage, name: str = "open-bot", asked: str | None = None) -> Restored:
    """As the command does it."""
    configuration, outside = stage.configuration(), stage.outside()
    model = wanted(configuration, outside, name)
    entry = chosen(outside.artifacts.discarded(), name, asked, model.fingerprint)
    return restore(configuration, outside, model, entry, RunSettings(operation="restore"))


def files(stage: Stage) -> dict[str, bytes]:
    s3 = stage.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="stage-artifacts").get("Contents", ())]
    return {
        key: s3.get_object(Bucket="stage-artifacts", Key=key)["Body"].read()
        for key in keys
        if key.startswith("stage/models/")
    }


def test_it_comes_back_without_training_and_is_deployed_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", GATED)
    stage.apply()
    before, paid, metrics = files(stage), stage.paid_jobs(), stage.propose().snapshot.models[0].versions[0].latest_run
    deleted(stage, GATED)
    assert not files(stage)
    stage.write("bot.yaml", GATED)
    done = restored(stage)
    assert done.wanted
    assert done.outcome.fault is None
    now = files(stage)
    assert {key: now[key] for key in now if not key.endswith("manifest.json")} == {
        key: body for key, body in before.items() if not key.endswith("manifest.json")
    }
    plan = stage.plan()
    assert [(change.action, change.drift) for change in plan.pending] == [(Action.DEPLOY, False)]
    stage.apply()
    assert stage.contents()["endpoints"]["open-bot"][0] == "InService"
    assert stage.plan().pending == ()
    assert stage.paid_jobs() == paid
    version = stage.propose().snapshot.models[0].versions[0]
    assert metrics is not None
    assert version.metrics == metrics.metrics
    assert not stage.outside().artifacts.discarded()
    assert stage.lock_is_free()


def test_the_plan_that_would_train_it_again_says_where_it_lies(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    deleted(stage)
    stage.write("bot.yaml", SAGEMAKER)
    found = [each for each in stage.plan().diagnostics if each.code == "in-trash"]
    assert [each.address for each in found] == ["FineTunedModel/open-bot"]
    assert "reconciler restore open-bot" in (found[0].hint or "")
    stage.edit("bot.yaml", "epochs: 2", "epochs: 3")
    assert not [each for each in stage.plan().diagnostics if each.code == "in-trash"]


def test_a_restore_that_was_cut_off_is_repeated(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    deleted(stage)
    stage.write("bot.yaml", SAGEMAKER)
    stage.fault("error", "sagemaker:CreateModel", code="AccessDeniedException", message="not today", times=1)
    first = restored(stage)
    assert first.outcome.fault is not None
    assert [entry.model for entry in stage.outside().artifacts.discarded()] == ["open-bot"]
    assert restored(stage).outcome.fault is None
    assert [change.action for change in stage.plan().pending] == [Action.DEPLOY]


def test_an_older_version_comes_back_for_a_rollback(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    deleted(stage)
    stage.write("bot.yaml", SAGEMAKER.replace("epochs: 2", "epochs: 4"))
    old = stage.outside().artifacts.discarded()[0].version.fingerprint
    done = restored(stage, asked=short(old)[:4])
    assert not done.wanted
    assert done.entry.version.fingerprint == old


def test_what_is_restored_can_be_deleted_and_restored_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    deleted(stage)
    stage.write("bot.yaml", SAGEMAKER)
    restored(stage)
    stage.remove("bot.yaml")
    stage.apply()
    assert not stage.contents()["models"]
    stage.write("bot.yaml", SAGEMAKER)
    assert restored(stage).outcome.fault is None


def test_after_thirty_days_it_is_gone(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    deleted(stage)
    entry = stage.outside().artifacts.discarded()[0]
    assert entry.expires_on - entry.deleted_on == timedelta(days=30)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    deleted(stage)
    entries = stage.outside().artifacts.discarded()
    with pytest.raises(ReconcilerError, match="no version of other-bot"):
        chosen(entries, "other-bot", None, "")
    with pytest.raises(ReconcilerError, match="no version 'ffff'"):
        chosen(entries, "open-bot", "ffff", "")


def test_bedrock_keeps_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", BEDROCK)
    stage.apply()
    stage.remove("bot.yaml")
    stage.apply()
    assert stage.outside().artifacts.discarded() == ()


def test_what_trains_only_after_its_parent_is_told_of_its_trash_too(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    child = SAGEMAKER.replace("open-bot", "child-bot").replace("qwen3-1.7b", "{fineTunedModel: open-bot}")
    stage.write("child.yaml", child)
    stage.write("bot.yaml", SAGEMAKER)
    stage.apply()
    stage.remove("child.yaml")
    stage.remove("bot.yaml")
    stage.apply()
    stage.write("child.yaml", child)
    stage.write("bot.yaml", SAGEMAKER)
    found = [each.address for each in stage.plan().diagnostics if each.code == "in-trash"]
    assert sorted(map(str, found)) == ["FineTunedModel/child-bot", "FineTunedModel/open-bot"]


def test_what_comes_back_is_not_deployed_whatever_became_of_its_endpoint(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", SAGEMAKER)
    stage.apply()
    stage.client("sagemaker").delete_endpoint(EndpointName="open-bot")
    stage.cloud.advance(3600)
    stage.remove("bot.yaml")
    stage.apply()
    stage.write("bot.yaml", SAGEMAKER)
    restored(stage)
    assert [(change.action, change.drift) for change in stage.plan().pending] == [(Action.DEPLOY, False)]
