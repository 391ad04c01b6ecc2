"""Which version is downloaded, and what is said where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.catalog import ProviderName
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.observation import TrainingPhase
from reconciler.domain.ports import Discarded
from reconciler.engine.downloading import Wares, downloadable
from reconciler.engine.observe import observe
from tests.builders import (
    a_configuration,
    a_deployment,
    a_model,
    a_run,
    a_snapshot,
    a_version,
    an_observation,
    fp,
)
from tests.stage import SAGEMAKER, Stage

OLD, NEW = a_version(fp("old")), a_version(fp("new"))
MODEL = a_model(fingerprint_of="old")


def wares(*versions: object, asked: str | None = None, deployed: bool = False, **more: object) -> Wares:
    deployments = (a_deployment(MODEL),) if deployed else ()
    observed = an_observation(MODEL, versions=versions, deployments=deployments, **more)  # type: ignore[arg-type]
    return downloadable("support-bot", asked, a_snapshot(observed), a_configuration(MODEL), tuple[Discarded, ...])


def test_what_serves_before_what_was_trained_last() -> None:
    assert wares(OLD, NEW).version == NEW
    assert wares(OLD, NEW, deployed=True).version == OLD
    assert wares(OLD, NEW, asked=fp("new")[:15], deployed=True).version == NEW


def test_one_that_is_still_trained_is_passed_over() -> None:
    training = a_version(fp("next"), runs=(a_run(phase=TrainingPhase.IN_PROGRESS),))
    assert wares(OLD, training).version == OLD
    with pytest.raises(ReconcilerError, match="has no artifact: its training is in-progress"):
        wares(OLD, training, asked=fp("next"))


def test_the_weights_of_bedrock_stay_there() -> None:
    with pytest.raises(ReconcilerError, match="stay with Bedrock") as refused:
        wares(OLD, provider=ProviderName.BEDROCK)
    assert "reconciler logs support-bot" in refused.value.hint


def test_nothing_is_trained() -> None:
    with pytest.raises(ReconcilerError, match="support-bot is not trained"):
        wares()


def test_what_lies_in_the_trash_can_be_restored(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", SAGEMAKER)
    stage.apply()
    fingerprint = observe(stage.configuration().project, stage.outside()).models[0].versions[0].fingerprint
    stage.remove("bot.yaml")
    stage.apply()
    stage.apply()
    for asked in (None, fingerprint[:12]):
        outside, configuration = stage.outside(), stage.configuration()
        snapshot = observe(configuration.project, outside)
        with pytest.raises(ReconcilerError, match="the trash keeps it until") as refused:
            downloadable("open-bot", asked, snapshot, configuration, outside.artifacts.discarded)
        assert "reconciler restore open-bot" in refused.value.hint
    with pytest.raises(ReconcilerError, match="neither the manifests nor the cloud know"):
        downloadable("open-bot", "ffff", snapshot, configuration, outside.artifacts.discarded)
