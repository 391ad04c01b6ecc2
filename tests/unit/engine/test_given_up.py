"""What a run gives up it neither waits for nor builds on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.domain.catalog import ProviderName
from reconciler.domain.plan import PlanOptions
from reconciler.domain.ports import Observed, Provider
from reconciler.engine.approve import Approval
from reconciler.engine.outside import RunSettings
from reconciler.engine.reconverge import RunResult, RunState, reconverge
from tests.stage import SAGEMAKER, Stage

CHILD = SAGEMAKER.replace("open-bot", "child-bot").replace("qwen3-1.7b", "{fineTunedModel: open-bot}")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", SAGEMAKER)
    return stage


def apply_within(stage: Stage, looks: int) -> RunResult:
    """Apply, and fail where it idles more often than that."""
    left = iter(range(looks))

    def pause(_seconds: float) -> None:
        assert next(left, None) is not None, f"it idled more than {looks} times"
        stage.cloud.advance(600)

    return reconverge(
        stage.configuration(),
        stage.outside(pause),
        PlanOptions(),
        Approval.of_whatever_is_planned_first(),
        RunSettings(poll_seconds=0),
        stage.stop,
    )


def test_a_child_does_not_wait_for_a_parent_that_cannot_be_trained(stage: Stage) -> None:
    stage.write("child-bot.yaml", CHILD)
    stage.fault("error", "sagemaker:CreateTrainingJob", code="AccessDeniedException", message="not allowed")
    run = apply_within(stage, looks=5)
    assert run.state is RunState.FAILED
    assert {change.address for change in run.left} == {"FineTunedModel/open-bot", "FineTunedModel/child-bot"}


def test_nothing_is_deleted_whose_undeployment_was_given_up(stage: Stage) -> None:
    stage.apply()
    there = stage.contents()
    stage.remove("open-bot.yaml")
    stage.fault("error", "sagemaker:DeleteEndpoint", code="AccessDeniedException", message="not allowed")
    assert apply_within(stage, looks=5).state is RunState.FAILED
    assert stage.contents() == there
    assert stage.lock_is_free()


class Blind:
    """A provider whose looks show nothing, as lists of AWS do for a while after something was made."""

    def __init__(self, provider: Provider, looks: int) -> None:
        self._provider = provider
        self._left = looks

    def __getattr__(self, name: str) -> object:
        return getattr(self._provider, name)

    def observe(self) -> Observed:
        self._left -= 1
        return Observed() if self._left >= 0 else self._provider.observe()


@pytest.mark.parametrize(("looks", "ends"), [(3, RunState.CONVERGED), (99, RunState.FAILED)])
def test_what_the_cloud_does_not_show_yet_is_looked_for_again_but_not_for_ever(
    stage: Stage, looks: int, ends: RunState
) -> None:
    outside = stage.outside()
    blind: Provider = Blind(outside.providers[ProviderName.SAGEMAKER], looks)  # type: ignore[assignment]
    run = reconverge(
        stage.configuration(),
        replace(outside, providers={ProviderName.SAGEMAKER: blind}),
        PlanOptions(),
        Approval.of_whatever_is_planned_first(),
        RunSettings(poll_seconds=0, unseen_attempts=4),
        stage.stop,
    )
    assert run.state is ends
    assert stage.paid_jobs() == 1
