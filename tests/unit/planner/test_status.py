from __future__ import annotations

import pytest

from reconciler.domain.observation import DeploymentPhase, ModelObservation, TrainingPhase, Version
from reconciler.domain.status import ConditionStatus, ConditionType, Status
from reconciler.planner import status
from reconciler.planner.status import conditions_of, status_of
from tests.builders import a_converged, a_deployment, a_model, a_version, an_attempt, an_observation, fp
from tests.unit.planner.tables import Row, tables

MODEL = a_model(deployment={"deployed": True})
(ROWS,) = tables(status.__doc__ or "")


def _versions(training: str) -> tuple[Version, ...]:
    match training:
        case "none":
            return ()
        case "trained":
            return (a_version(MODEL.fingerprint),)
        case phase:
            run = an_attempt(MODEL, phase=TrainingPhase(phase))
            return (a_version(MODEL.fingerprint, runs=[run], artifact=None),)


def _observations(row: Row) -> list[ModelObservation]:
    deployments = row["deployment"].replace(" or ", ", ").split(", ")
    trainings = ["none", "trained", *TrainingPhase] if row["training"] == "any" else [row["training"]]
    return [
        an_observation(
            MODEL,
            versions=_versions(training),
            deployments=() if phase == "none" else (a_deployment(MODEL, phase=DeploymentPhase(phase)),),
        )
        for phase in deployments
        for training in trainings
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " · ".join(row.values()))
def test_status_row(row: Row) -> None:
    for seen in _observations(row):
        assert status_of(seen, MODEL) is Status(row["status"])


def test_every_deployment_phase_has_a_row() -> None:
    named = {word for row in ROWS for word in row["deployment"].replace(" or ", ", ").split(", ")}
    assert named == {"none", *map(str, DeploymentPhase)}


def test_what_was_never_seen_is_absent() -> None:
    assert status_of(None, MODEL) is Status.ABSENT


def test_without_the_wanted_version_the_newest_decides() -> None:
    old = a_version(fp("old"), runs=[an_attempt(MODEL, phase=TrainingPhase.FAILED)])
    assert status_of(an_observation(MODEL, versions=[old]), MODEL) is Status.TRAINING_FAILED


def test_records_of_discarded_trainings_are_nothing() -> None:
    gone = a_version(fp("old"), runs=[an_attempt(MODEL, phase=TrainingPhase.COMPLETED, discarded=True)], artifact=None)
    assert status_of(an_observation(MODEL, versions=[gone]), None) is Status.ABSENT


def test_conditions_of_a_model_as_desired_all_hold() -> None:
    conditions = conditions_of(a_converged(MODEL), MODEL)
    assert [c.type for c in conditions] == list(ConditionType)
    assert {c.status for c in conditions} == {ConditionStatus.TRUE}


def test_a_failed_training_says_why_in_its_conditions() -> None:
    run = an_attempt(MODEL, phase=TrainingPhase.FAILED)
    trained, evaluated, *_, ready = conditions_of(
        an_observation(MODEL, versions=[a_version(MODEL.fingerprint, runs=[run])]), MODEL
    )
    assert (trained.status, trained.reason, trained.message) == (
        ConditionStatus.FALSE,
        "TrainingFailed",
        "AlgorithmError: out of memory",
    )
    assert evaluated.status is ConditionStatus.UNKNOWN
    assert ready.reason == "TrainingFailed"


def test_an_older_version_that_serves_does_not_make_the_wanted_one_trained() -> None:
    old = a_deployment(MODEL, fingerprint=fp("old"))
    seen = an_observation(MODEL, versions=[a_version(fp("old"))], deployments=[old])
    trained, _, deployed, *_ = conditions_of(seen, MODEL)
    assert status_of(seen, MODEL) is Status.DEPLOYED
    assert trained.reason == "NotStarted"
    assert deployed.reason == "InService"


def test_ready_without_deployment_where_none_is_asked_for() -> None:
    resting = a_model(deployment={"deployed": False})
    *_, ready = conditions_of(a_converged(resting), resting)
    assert ready.status is ConditionStatus.TRUE
