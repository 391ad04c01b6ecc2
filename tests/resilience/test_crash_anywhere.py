"""A run is cut off right after each call that changes the cloud; the next run must end in the very same world.

Oracles: the next run converges; the cloud's contents are those of an undisturbed run; no training was begun twice; a
further run changes nothing; the lock is free. Judged by the cloud, never by the planner's own word.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from reconciler.domain.plan import PlanOptions
from reconciler.engine.approve import Approval
from reconciler.engine.outside import RunSettings
from reconciler.engine.reconverge import RunResult, RunState, reconverge
from reconciler.localcloud.inprocess import InProcess
from reconciler.localcloud.requests import changes
from tests.stage import BEDROCK, SAGEMAKER, Stage

Change = Callable[[Stage], None]

LEASE_THREAD = "lock-lease"


class Killed(BaseException):
    """The process is gone: no ``except Exception`` may survive it, and nothing reaches the cloud any more."""


class Guillotine:
    """Lets ``calls`` changing calls through, lets the last one take effect, and then nothing passes."""

    def __init__(self, stage: Stage, calls: int | None = None) -> None:
        self.left = calls
        self.seen = 0
        self.dead = False
        self._cloud = InProcess(stage.cloud)

    def __call__(self, request: Any, **_: Any) -> Any:
        if threading.current_thread().name == LEASE_THREAD:
            return self._renewal(request)
        if self.dead:
            raise Killed
        operation = request.headers.get("X-Amz-Target", b"")
        if not _is_changing(request, operation):
            return None
        self.seen += 1
        if self.left is None or self.seen < self.left:
            return None
        self.dead = True
        self._cloud.answer(request)
        raise Killed

    def _renewal(self, request: Any) -> None:
        """Whether the lock is renewed depends on how busy this machine is: it counts for nothing."""
        if self.dead:
            raise EndpointConnectionError(endpoint_url=request.url)


def _is_changing(request: Any, target: Any) -> bool:
    name = target.decode() if isinstance(target, bytes) else target
    return changes(name.rpartition(".")[2]) if name else request.method in ("PUT", "POST", "DELETE", "PATCH")


def prepare(stage: Stage) -> None:
    stage.write("open-bot.yaml", SAGEMAKER)
    stage.write("nova-bot.yaml", BEDROCK)


def create(stage: Stage) -> None:
    prepare(stage)


def update(stage: Stage) -> None:
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    stage.edit("nova-bot.yaml", "epochs: 2", "epochs: 3")


def take_down(stage: Stage) -> None:
    stage.remove("open-bot.yaml")
    stage.remove("nova-bot.yaml")


STORIES: dict[str, tuple[bool, Change]] = {
    "create": (False, create),
    "update": (True, update),
    "delete": (True, take_down),
}
"""Name → whether both models are deployed before, and what the manifests' authors do then."""


def one_by_one(stage: Stage) -> RunResult:
    """An apply that makes one call at a time, so that the n-th call is the same in every run."""
    settings = RunSettings(parallelism=1, poll_seconds=0)
    anything = Approval.of_whatever_is_planned_first()
    return reconverge(stage.configuration(), stage.outside(), PlanOptions(), anything, settings, stage.stop)


def staged(folder: Path, story: str) -> Stage:
    folder.mkdir()
    stage = Stage(folder)
    deployed, change = STORIES[story]
    if deployed:
        prepare(stage)
        one_by_one(stage)
    change(stage)
    return stage


def crashes(folder: Path, story: str) -> Iterator[tuple[int, Stage]]:
    """A stage for every changing call of the story, cut off right after it."""
    undisturbed = staged(folder / "undisturbed", story)
    counter = Guillotine(undisturbed)
    undisturbed.raw.events.register_first("before-send", counter)
    one_by_one(undisturbed)
    for point in range(1, counter.seen):
        stage = staged(folder / str(point), story)
        guillotine = Guillotine(stage, point)
        stage.raw.events.register_first("before-send", guillotine)
        with pytest.raises(Killed):
            one_by_one(stage)
        stage.raw.events.unregister("before-send", guillotine)
        yield point, stage


def expected(folder: Path, story: str) -> tuple[dict[str, Any], int]:
    stage = staged(folder / "expected", story)
    assert one_by_one(stage).state is RunState.CONVERGED
    return stage.contents(), stage.paid_jobs()


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES)
def test_killed_after_any_call_the_next_run_ends_in_the_same_world(story: str, tmp_path: Path) -> None:
    contents, paid = expected(tmp_path, story)
    points = 0
    for point, stage in crashes(tmp_path, story):
        points += 1
        _release_the_dead_ones_lock(stage)
        assert one_by_one(stage).state is RunState.CONVERGED, f"{story}: killed after changing call {point}"
        assert stage.contents() == contents, f"{story}: killed after changing call {point}"
        assert stage.paid_jobs() == paid, f"{story}: paid twice, killed after changing call {point}"
        before = stage.cloud.world.requests.total
        assert one_by_one(stage).state is RunState.CONVERGED
        assert stage.changes_since(before) == []
        assert stage.lock_is_free()
    assert points > 5, "the story made fewer changing calls than it must"


def _release_the_dead_ones_lock(stage: Stage) -> None:
    """What `reconciler lock release ID` does; without it the next run would wait for the lease to end."""
    lock = stage.outside().lock
    holder = lock.show()
    if holder is not None:
        lock.release(holder.id)
