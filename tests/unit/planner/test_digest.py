from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.domain.desired import UndeployRule
from reconciler.domain.observation import Deployment, DeploymentPhase, ForeignResource, Snapshot, TrainingPhase
from reconciler.planner.digest import snapshot_digest
from tests.builders import (
    NOW,
    SAGEMAKER,
    a_converged,
    a_deployment,
    a_model,
    a_schedule,
    a_snapshot,
    a_version,
    ago,
    an_attempt,
    fp,
)

MODEL = a_model(deployment={"deployed": True})
OTHER = a_model("other-bot")
SEEN = a_snapshot(a_converged(MODEL), a_converged(OTHER))


def test_the_order_of_models_and_versions_is_nothing() -> None:
    versions = [a_version(fp("a")), a_version(fp("b"))]
    one = a_snapshot(a_converged(MODEL, versions=versions), a_converged(OTHER))
    two = a_snapshot(a_converged(OTHER), a_converged(MODEL, versions=reversed(versions)))
    assert snapshot_digest(one) == snapshot_digest(two)


def test_times_and_metrics_are_nothing() -> None:
    run = an_attempt(MODEL, phase=TrainingPhase.COMPLETED, metrics={"eval_loss": "1.2"}, detail="Completed")
    same = an_attempt(MODEL, phase=TrainingPhase.COMPLETED, ended_at=NOW)
    one, two = (a_snapshot(a_converged(MODEL, versions=[a_version(fp("a"), runs=[r])])) for r in (run, same))
    later = two.model_copy(update={"observed_at": ago(hours=-1)})
    assert snapshot_digest(one) == snapshot_digest(later)


def test_an_autoscaled_count_is_nothing() -> None:
    one, two = (
        a_snapshot(a_converged(MODEL, deployments=[a_deployment(MODEL, autoscaled=True, instance_count=n)]))
        for n in (1, 4)
    )
    assert snapshot_digest(one) == snapshot_digest(two)


def _with_deployment(deployment: Deployment) -> Snapshot:
    return a_snapshot(a_converged(MODEL, deployments=[deployment]), a_converged(OTHER))


CHANGED: dict[str, Callable[[], Snapshot]] = {
    "deployment gone": lambda: a_snapshot(a_converged(MODEL, deployments=()), a_converged(OTHER)),
    "phase": lambda: _with_deployment(a_deployment(MODEL, phase=DeploymentPhase.UPDATING)),
    "count": lambda: _with_deployment(a_deployment(MODEL, instance_count=3)),
    "version": lambda: _with_deployment(a_deployment(MODEL, fingerprint=fp("old"))),
    "rolled back": lambda: _with_deployment(a_deployment(MODEL, rolled_back=True)),
    "artifact gone": lambda: a_snapshot(
        a_converged(MODEL, versions=[a_version(MODEL.fingerprint, artifact=None)]), a_converged(OTHER)
    ),
    "schedule": lambda: a_snapshot(
        a_converged(MODEL, schedules=[a_schedule(MODEL, rule=UndeployRule(hours="Mon 08:00-20:00"))]),
        a_converged(OTHER),
    ),
    "guard": lambda: a_snapshot(a_converged(MODEL, prevent_destroy=True), a_converged(OTHER)),
    "foreign": lambda: SEEN.model_copy(
        update={"foreign": (ForeignResource(name="x", kind="endpoint", identifier="arn", provider=SAGEMAKER),)}
    ),
    "account": lambda: SEEN.model_copy(update={"account": "111111111111"}),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_what_matters_changes_it(change: Callable[[], Snapshot]) -> None:
    assert snapshot_digest(change()) != snapshot_digest(SEEN)
