"""What follows from where a model stands. The truth table: first the training, then what serves.

Training of the wanted version. *state* is the manifest's ``training.state``; *parent* is the fine-tuned model that this
one builds on (``ready`` also where there is none); *retrain* is ``--retrain``, or that it was stopped as asked then and is asked for
again. ``any`` stands for every value.

| training    | state   | parent  | retrain | decision       |
|-------------|---------|---------|---------|----------------|
| untrained   | run     | ready   | any     | train          |
| untrained   | run     | coming  | any     | wait           |
| untrained   | run     | stalled | any     | stalled        |
| untrained   | stopped | any     | any     | no-op          |
| lost        | run     | ready   | any     | train, drift   |
| lost        | run     | coming  | any     | wait, drift    |
| lost        | run     | stalled | any     | stalled, drift |
| lost        | stopped | any     | any     | no-op, drift   |
| no capacity | run     | ready   | any     | train, drift   |
| no capacity | run     | coming  | any     | wait, drift    |
| no capacity | run     | stalled | any     | stalled, drift |
| no capacity | stopped | any     | any     | no-op          |
| retryable   | run     | ready   | any     | train, drift   |
| retryable   | run     | coming  | any     | wait, drift    |
| retryable   | run     | stalled | any     | stalled, drift |
| retryable   | stopped | any     | any     | no-op          |
| failed      | run     | any     | no      | stalled, drift |
| failed      | run     | ready   | yes     | train          |
| failed      | run     | coming  | yes     | wait           |
| failed      | run     | stalled | yes     | stalled        |
| failed      | stopped | any     | any     | no-op          |
| stopped     | run     | any     | no      | stalled, drift |
| stopped     | run     | ready   | yes     | train          |
| stopped     | run     | coming  | yes     | wait           |
| stopped     | run     | stalled | yes     | stalled        |
| stopped     | stopped | any     | any     | no-op          |
| running     | run     | any     | any     | wait           |
| running     | stopped | any     | any     | stop           |
| stopping    | any     | any     | any     | wait           |
| settling    | any     | any     | any     | wait           |
| rejected    | any     | any     | any     | stalled        |
| trained     | any     | any     | any     | go on          |

What serves. *wish* is ``deployed`` or ``undeployed``, or ``resting`` where the manifest's own rules (hours, a time that has
passed, idleness) say not now. *ready* says whether the wanted version is trained and promoted. *redeploy* is ``--redeploy``.
*committed*: a Bedrock commitment that has not ended, before which AWS does not delete it.

| wish       | serving          | ready | redeploy | committed | decision                         |
|------------|------------------|-------|----------|-----------|----------------------------------|
| deployed   | absent           | yes   | any      | any       | deploy                           |
| deployed   | lost             | yes   | any      | any       | deploy, drift                    |
| deployed   | moving           | yes   | any      | any       | wait                             |
| deployed   | moving elsewhere | yes   | any      | any       | wait, then roll                  |
| deployed   | moving apart     | yes   | any      | any       | wait, then undeploy, then deploy |
| deployed   | deleting         | yes   | any      | any       | wait, then deploy                |
| deployed   | vanishing        | yes   | any      | any       | wait, then deploy, drift         |
| deployed   | as desired       | yes   | any      | any       | no-op                            |
| deployed   | outdated         | yes   | any      | any       | roll                             |
| deployed   | changed          | yes   | any      | any       | roll, drift                      |
| deployed   | immutable        | yes   | any      | no        | undeploy, deploy                 |
| deployed   | immutable        | yes   | any      | yes       | stalled                          |
| deployed   | rolled back      | yes   | no       | any       | stalled, drift                   |
| deployed   | rolled back      | yes   | yes      | any       | roll                             |
| deployed   | failed           | yes   | no       | any       | stalled, drift                   |
| deployed   | failed           | yes   | yes      | any       | undeploy, deploy                 |
| deployed   | failed before    | yes   | any      | any       | undeploy, deploy                 |
| deployed   | any              | no    | any      | any       | no-op                            |
| resting    | absent           | any   | any      | any       | no-op                            |
| resting    | lost             | any   | any      | any       | no-op                            |
| resting    | moving           | any   | any      | any       | wait, then undeploy              |
| resting    | moving elsewhere | any   | any      | any       | wait, then undeploy              |
| resting    | moving apart     | any   | any      | any       | wait, then undeploy              |
| resting    | deleting         | any   | any      | any       | wait                             |
| resting    | vanishing        | any   | any      | any       | wait                             |
| resting    | as desired       | any   | any      | no        | undeploy                         |
| resting    | as desired       | any   | any      | yes       | stalled                          |
| resting    | outdated         | any   | any      | no        | undeploy                         |
| resting    | outdated         | any   | any      | yes       | stalled                          |
| resting    | changed          | any   | any      | no        | undeploy                         |
| resting    | changed          | any   | any      | yes       | stalled                          |
| resting    | immutable        | any   | any      | no        | undeploy                         |
| resting    | immutable        | any   | any      | yes       | stalled                          |
| resting    | rolled back      | any   | any      | no        | undeploy                         |
| resting    | rolled back      | any   | any      | yes       | stalled                          |
| resting    | failed           | any   | any      | any       | undeploy                         |
| resting    | failed before    | any   | any      | any       | undeploy                         |
| undeployed | absent           | any   | any      | any       | no-op                            |
| undeployed | lost             | any   | any      | any       | no-op                            |
| undeployed | moving           | any   | any      | any       | wait, then undeploy              |
| undeployed | moving elsewhere | any   | any      | any       | wait, then undeploy              |
| undeployed | moving apart     | any   | any      | any       | wait, then undeploy              |
| undeployed | deleting         | any   | any      | any       | wait                             |
| undeployed | vanishing        | any   | any      | any       | wait                             |
| undeployed | as desired       | any   | any      | no        | undeploy                         |
| undeployed | as desired       | any   | any      | yes       | stalled                          |
| undeployed | outdated         | any   | any      | no        | undeploy                         |
| undeployed | outdated         | any   | any      | yes       | stalled                          |
| undeployed | changed          | any   | any      | no        | undeploy                         |
| undeployed | changed          | any   | any      | yes       | stalled                          |
| undeployed | immutable        | any   | any      | no        | undeploy                         |
| undeployed | immutable        | any   | any      | yes       | stalled                          |
| undeployed | rolled back      | any   | any      | no        | undeploy                         |
| undeployed | rolled back      | any   | any      | yes       | stalled                          |
| undeployed | failed           | any   | any      | any       | undeploy                         |
| undeployed | failed before    | any   | any      | any       | undeploy                         |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from reconciler.domain.plan import Action
from reconciler.planner.serving import Serving
from reconciler.planner.training import Training


class Parent(StrEnum):
    """Whether the version that a training builds on is there."""

    READY = "ready"
    COMING = "coming"
    STALLED = "stalled"


class Wish(StrEnum):
    DEPLOYED = "deployed"
    RESTING = "resting"
    UNDEPLOYED = "undeployed"


@dataclass(frozen=True)
class Decision:
    """``actions`` now, one after the other; ``then`` once they are done. No actions: this side has nothing to say."""

    actions: tuple[Action, ...] = ()
    then: tuple[Action, ...] = ()
    stalled: bool = False
    drift: bool = False

    def __str__(self) -> str:
        """As the tables write it."""
        now = "stalled" if self.stalled else ", ".join(self.actions) or "go on"
        then = "".join(f", then {action}" for action in self.then)
        return now + then + (", drift" if self.drift else "")


GO_ON = Decision()
NO_OP = Decision((Action.NO_OP,))
WAIT = Decision((Action.WAIT,))
STALLED = Decision((Action.NO_OP,), stalled=True)
TRAIN = Decision((Action.TRAIN,))
STOP = Decision((Action.STOP,))
DEPLOY = Decision((Action.DEPLOY,))
ROLL = Decision((Action.ROLL,))
UNDEPLOY = Decision((Action.UNDEPLOY,))
REPLACE = Decision((Action.UNDEPLOY, Action.DEPLOY))


def decide_training(training: Training, *, halted: bool, parent: Parent, retrain: bool) -> Decision:
    """The first table. ``halted`` is ``training.state: stopped``."""
    match training, halted:
        case Training.TRAINED, _:
            return GO_ON
        case Training.REJECTED, _:
            return STALLED
        case ((Training.STOPPING | Training.SETTLING), _):
            return WAIT
        case Training.RUNNING, False:
            return WAIT
        case Training.RUNNING, True:
            return STOP
        case Training.LOST, True:
            return _as_drift(NO_OP)
        case _, True:
            return NO_OP
        case ((Training.FAILED | Training.STOPPED), False) if not retrain:
            return _as_drift(STALLED)
        case ((Training.UNTRAINED | Training.FAILED | Training.STOPPED), False):
            return _START[parent]
        case _:
            return _as_drift(_START[parent])


_START = {Parent.READY: TRAIN, Parent.COMING: WAIT, Parent.STALLED: STALLED}


def decide_serving(wish: Wish, serving: Serving, *, ready: bool, redeploy: bool, committed: bool) -> Decision:
    """The second table."""
    if wish is not Wish.DEPLOYED:
        return _take_down(serving, committed=committed)
    return _bring_up(serving, redeploy=redeploy, committed=committed) if ready else NO_OP


def _bring_up(serving: Serving, *, redeploy: bool, committed: bool) -> Decision:
    match serving:
        case Serving.ABSENT:
            return DEPLOY
        case Serving.LOST:
            return _as_drift(DEPLOY)
        case Serving.MOVING:
            return WAIT
        case Serving.MOVING_ELSEWHERE:
            return replace(WAIT, then=(Action.ROLL,))
        case Serving.MOVING_APART:
            return replace(WAIT, then=(Action.UNDEPLOY, Action.DEPLOY))
        case Serving.DELETING:
            return replace(WAIT, then=(Action.DEPLOY,))
        case Serving.VANISHING:
            return _as_drift(replace(WAIT, then=(Action.DEPLOY,)))
        case Serving.AS_DESIRED:
            return NO_OP
        case Serving.OUTDATED:
            return ROLL
        case Serving.CHANGED:
            return _as_drift(ROLL)
        case Serving.IMMUTABLE:
            return STALLED if committed else REPLACE
        case Serving.ROLLED_BACK:
            return ROLL if redeploy else _as_drift(STALLED)
        case Serving.FAILED:
            return REPLACE if redeploy else _as_drift(STALLED)
        case Serving.FAILED_BEFORE:
            return REPLACE


def _take_down(serving: Serving, *, committed: bool) -> Decision:
    match serving:
        case Serving.ABSENT | Serving.LOST:
            return NO_OP
        case Serving.MOVING | Serving.MOVING_ELSEWHERE | Serving.MOVING_APART:
            return replace(WAIT, then=(Action.UNDEPLOY,))
        case Serving.DELETING | Serving.VANISHING:
            return WAIT
        case Serving.FAILED | Serving.FAILED_BEFORE:
            return UNDEPLOY
        case Serving.AS_DESIRED | Serving.OUTDATED | Serving.CHANGED | Serving.IMMUTABLE | Serving.ROLLED_BACK:
            return STALLED if committed else UNDEPLOY


def _as_drift(decision: Decision) -> Decision:
    return replace(decision, drift=True)
