"""Who can be asked, why others cannot, and what is measured of an answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.domain.conversing import Ending, Question
from reconciler.domain.desired import DeploymentKind
from reconciler.domain.errors import CloudUnavailable, ReconcilerError
from reconciler.domain.observation import Deployment, DeploymentPhase
from reconciler.engine.converse import converse, listeners
from tests.builders import a_configuration, a_deployment, a_model, a_snapshot, an_observation

MODEL = a_model()
PHASES_THAT_SERVE = {
    DeploymentPhase.IN_SERVICE,
    DeploymentPhase.UPDATING,
    DeploymentPhase.ROLLING_BACK,
    DeploymentPhase.UPDATE_FAILED,
}


class Clock:
    """A second passes between two looks."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 1
        return self._now


class Says:
    def __init__(self, *pieces: str | Ending | Exception) -> None:
        self._pieces = pieces

    def ask(self, deployment: Deployment, question: Question) -> Iterator[str | Ending]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def test_pieces_are_told_as_they_come_and_measured() -> None:
    told: list[str] = []
    ending = Ending(input_tokens=1, output_tokens=2)
    answer = converse(Says("Hel", "lo", ending), a_deployment(MODEL), Question(prompt="Hi?"), told.append, Clock())
    assert (told, answer.text, answer.ending, answer.first, answer.total) == (["Hel", "lo"], "Hello", ending, 1, 2)
    assert answer.trouble is None


def test_nothing_said_has_no_first_piece() -> None:
    answer = converse(Says(Ending()), a_deployment(MODEL), Question(prompt="Hi?"), print, Clock())
    assert (answer.text, answer.first, answer.total) == ("", None, 1)


def test_what_breaks_an_answer_off_is_kept_with_what_was_said() -> None:
    trouble = CloudUnavailable("gone")
    answer = converse(Says("Hel", trouble), a_deployment(MODEL), Question(prompt="Hi?"), print, Clock())
    assert (answer.text, answer.trouble) == ("Hel", trouble)


@pytest.mark.parametrize("phase", DeploymentPhase)
def test_a_model_that_serves_can_be_asked(phase: DeploymentPhase) -> None:
    serving = a_deployment(MODEL, phase=phase)
    snapshot = a_snapshot(an_observation(MODEL, deployments=(serving,)))
    configuration = a_configuration(MODEL)
    if phase in PHASES_THAT_SERVE:
        (found,) = listeners(["support-bot", "support-bot"], snapshot, configuration)
        assert found.deployment == serving
        return
    with pytest.raises(ReconcilerError, match="support-bot cannot be asked: it is ") as refused:
        listeners(["support-bot"], snapshot, configuration)
    assert "reconciler" in refused.value.hint


def test_a_deployment_that_failed_is_deployed_anew() -> None:
    failed = a_deployment(MODEL, phase=DeploymentPhase.FAILED)
    snapshot = a_snapshot(an_observation(MODEL, deployments=(failed,)))
    with pytest.raises(ReconcilerError) as refused:
        listeners(["support-bot"], snapshot, a_configuration(MODEL))
    assert "`reconciler apply --redeploy support-bot`" in refused.value.hint


def test_a_model_whose_manifest_is_gone_can_be_asked() -> None:
    snapshot = a_snapshot(an_observation(MODEL, deployments=(a_deployment(MODEL),)))
    (found,) = listeners(["support-bot"], snapshot, a_configuration())
    assert found.deployment.kind is DeploymentKind.REAL_TIME


def test_everything_that_cannot_be_asked_is_named() -> None:
    with pytest.raises(ReconcilerError) as refused:
        listeners(["suport-bot", "support-bot"], a_snapshot(), a_configuration(MODEL))
    assert str(refused.value).splitlines() == [
        "neither the manifests nor the cloud know a model 'suport-bot'",
        "support-bot cannot be asked: it is Absent (nothing serves)",
    ]
    assert refused.value.hint == "did you mean `support-bot`?"
