"""What a plan needs at a time, against the account's quotas."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from reconciler.domain.quotas import QuotaKind
from reconciler.engine.quotas import quota_warnings
from tests.stage import SAGEMAKER, Stage

TRAIN = (QuotaKind.TRAINING, "ml.g5.2xlarge")
HOST = (QuotaKind.ENDPOINT, "ml.g5.xlarge")


class Allowed:
    def __init__(self, quotas: Mapping[tuple[QuotaKind, str], int]) -> None:
        self.quotas = quotas

    def instances(self, kind: QuotaKind, instance_type: str) -> Decimal | None:
        quota = self.quotas.get((kind, instance_type))
        return None if quota is None else Decimal(f"{quota}.0")


def warned(stage: Stage, quotas: Mapping[tuple[QuotaKind, str], int]) -> list[str]:
    made = stage.propose()
    return [found.detail for found in quota_warnings(made.plan, made.desired, made.snapshot, Allowed(quotas))]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", SAGEMAKER)
    return stage


def test_two_trainings_at_a_time(stage: Stage) -> None:
    assert warned(stage, {TRAIN: 1, HOST: 0}) == []
    stage.write("other-bot.yaml", SAGEMAKER.replace("open-bot", "other-bot"))
    assert warned(stage, {TRAIN: 1}) == ["2 x ml.g5.2xlarge for training job usage; the account's quota is 1."]
    assert warned(stage, {TRAIN: 2}) == []
    assert warned(stage, {}) == []


def test_spot_instances_have_a_quota_of_their_own(stage: Stage) -> None:
    stage.edit("open-bot.yaml", "instanceType: ml.g5.2xlarge}", "instanceType: ml.g5.2xlarge, spot: true}")
    spot = (QuotaKind.SPOT_TRAINING, "ml.g5.2xlarge")
    assert warned(stage, {TRAIN: 0}) == []
    assert len(warned(stage, {spot: 0})) == 1


def test_what_runs_already_counts(stage: Stage) -> None:
    stage.apply(wait=False)
    stage.write("other-bot.yaml", SAGEMAKER.replace("open-bot", "other-bot"))
    assert warned(stage, {TRAIN: 1}) == [
        "1 x ml.g5.2xlarge for training job usage, beside 1 that run already; the account's quota is 1."
    ]


def test_a_roll_needs_the_new_instances_beside_the_old(stage: Stage) -> None:
    stage.apply()
    assert warned(stage, {HOST: 0}) == []
    stage.edit("open-bot.yaml", "instanceType: ml.g5.xlarge", "instanceType: ml.g5.xlarge, instanceCount: 2")
    assert warned(stage, {HOST: 3}) == []
    assert warned(stage, {HOST: 2}) == [
        "2 x ml.g5.xlarge for endpoint usage, beside 1 that run already; the account's quota is 2."
    ]


def test_what_is_undeployed_makes_room(stage: Stage) -> None:
    stage.apply()
    stage.remove("open-bot.yaml")
    trained = SAGEMAKER.replace("open-bot", "other-bot")
    stage.write("other-bot.yaml", trained.replace("state: deployed", "state: undeployed"))
    stage.apply()
    stage.write("other-bot.yaml", trained)
    assert warned(stage, {HOST: 1}) == []
