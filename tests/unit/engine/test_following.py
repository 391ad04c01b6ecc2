"""A log that is followed ends with its training, bears what passes, and tells nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.logs import LogLine
from reconciler.domain.observation import Deployment, TrainingPhase, TrainingRun
from reconciler.domain.ports import Event
from reconciler.engine.following import PATIENCE, follow, watch
from tests.builders import NOW, a_run

BUSY = CloudUnavailable("too busy", transient=True)
RUNNING = a_run(phase=TrainingPhase.IN_PROGRESS)
ENDINGS = (TrainingPhase.COMPLETED, TrainingPhase.FAILED, TrainingPhase.STOPPED)


@dataclass
class Story:
    """One entry a look: the phase that is seen (or what looking raises), and the lines that are new then."""

    looks: list[tuple[TrainingPhase | CloudUnavailable | None, list[str | CloudUnavailable]]]
    pauses: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    turn: int = -1

    def look(self, run: TrainingRun) -> TrainingRun | None:
        self.turn += 1
        seen = self.looks[self.turn][0]
        if isinstance(seen, CloudUnavailable):
            raise seen
        return None if seen is None else run.model_copy(update={"phase": seen})

    def unread(self) -> Iterator[LogLine]:
        lines = self.looks[self.turn][1]
        while lines:
            said = lines.pop(0)
            if isinstance(said, CloudUnavailable):
                raise said
            yield LogLine(at=NOW, source="algo-1", text=said)

    def tail(self, lines: int) -> tuple[LogLine, ...]:
        raise NotImplementedError

    def of_training(self, run: TrainingRun) -> Story:
        return self

    def of_deployment(self, deployment: Deployment) -> Story:
        return self

    def report(self, event: Event) -> None:
        self.notes.append(event.message)

    def read(self, *, late: int = 0) -> list[str]:
        lines = follow(self, self, RUNNING, self.pauses.append, self, every=5, late=late)
        return [line.text for line in lines]


@pytest.mark.parametrize("phase", [*ENDINGS, None])
def test_it_ends_once_the_training_has(phase: TrainingPhase | None) -> None:
    story = Story([(TrainingPhase.IN_PROGRESS, ["a"]), (TrainingPhase.STOPPING, ["b"]), (phase, ["c"])])
    assert story.read() == ["a", "b", "c"]
    assert story.pauses == [5, 5]


def test_lines_that_come_after_the_end_are_waited_for() -> None:
    story = Story([(TrainingPhase.COMPLETED, ["a"]), (TrainingPhase.COMPLETED, ["late"])])
    assert story.read(late=1) == ["a", "late"]


def test_what_passes_is_borne_and_told() -> None:
    story = Story([(BUSY, []), (TrainingPhase.IN_PROGRESS, ["a", BUSY]), (TrainingPhase.COMPLETED, ["b"])])
    assert story.read() == ["a", "b"]
    assert story.notes == ["too busy; looking again"] * 2


def test_but_not_for_ever() -> None:
    story = Story([(BUSY, [])] * (PATIENCE + 1))
    with pytest.raises(CloudUnavailable):
        story.read()
    assert len(story.pauses) == PATIENCE


def test_what_does_not_pass_ends_it() -> None:
    with pytest.raises(CloudUnavailable, match="denied"):
        Story([(CloudUnavailable("denied"), [])]).read()


def test_without_a_log_only_the_end_is_waited_for() -> None:
    story = Story([(TrainingPhase.IN_PROGRESS, []), (TrainingPhase.COMPLETED, [])])
    assert [*follow(None, story, RUNNING, story.pauses.append, story, every=5, late=0)] == []
    assert story.turn == 1


def test_a_deployment_is_watched_until_somebody_interrupts() -> None:
    story = Story([(None, ["a"]), (None, [BUSY, "b"]), (None, ["c"])], turn=0)

    def pause(seconds: float) -> None:
        story.turn += 1
        if story.turn == len(story.looks):
            raise KeyboardInterrupt

    read: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        read.extend(line.text for line in watch(story, pause, story, every=5))
    assert read == ["a", "c"]
    assert story.looks[1][1] == ["b"]
