"""What would be refused for want of a setting is told in the plan, not during the apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.errors import InvalidInput
from tests.stage import BEDROCK, SAGEMAKER, Stage


@pytest.fixture
def without_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr("reconciler.cli.wiring.EMBEDDED_TRAINING_IMAGE", None)
    monkeypatch.setattr("reconciler.cli.wiring.EMBEDDED_SERVING_IMAGE", None)
    return Stage(tmp_path)


def test_a_sagemaker_model_without_images_cannot_be_applied(without_images: Stage) -> None:
    without_images.write("open-bot.yaml", SAGEMAKER)
    found = [(d.code, d.address, "training" in d.detail) for d in without_images.plan().diagnostics if d.is_error]
    address = "FineTunedModel/open-bot"
    assert found == [("unknown-image", address, True), ("unknown-image", address, False)]
    with pytest.raises(InvalidInput):
        without_images.apply()
    assert without_images.paid_jobs() == 0


def test_a_bedrock_model_needs_none(without_images: Stage) -> None:
    without_images.write("nova-bot.yaml", BEDROCK)
    assert without_images.plan().can_apply
