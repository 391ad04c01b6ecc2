"""One question to one or more deployed models: who can be asked, what they say, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconciler.domain.conversing import Conversation, Ending, Question
from reconciler.domain.desired import Configuration
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.observation import Deployment, DeploymentPhase, ModelObservation, Snapshot
from reconciler.domain.status import Status
from reconciler.engine.choosing import unknown
from reconciler.planner.status import conditions_of, status_of

SERVING = frozenset(
    {
        DeploymentPhase.IN_SERVICE,
        DeploymentPhase.UPDATING,
        DeploymentPhase.ROLLING_BACK,
        DeploymentPhase.UPDATE_FAILED,
    }
)
"""While it is updated, the former version answers; the cloud itself says where none does."""

Now = Callable[[], float]


@dataclass(frozen=True)
class Listener:
    """A model that can be asked."""

    model: ModelObservation
    deployment: Deployment


@dataclass(frozen=True)
class Answer:
    """``first`` and ``total``: seconds until the first piece (``None`` where nothing was said), and until the end.

    ``trouble``: what kept the model from answering, or broke its answer off after ``text``.
    """

    text: str
    ending: Ending
    first: float | None
    total: float
    trouble: ReconcilerError | None = None


def listeners(names: Iterable[str], snapshot: Snapshot, configuration: Configuration) -> tuple[Listener, ...]:
    """Raises ReconcilerError, naming every model that cannot be asked and why."""
    found = {name: _listener(name, snapshot) for name in dict.fromkeys(names)}
    missing = [name for name, listener in found.items() if listener is None]
    if missing:
        told = [_why(name, snapshot, configuration) for name in missing]
        raise ReconcilerError("\n".join(why for why, _ in told), hint=told[0][1])
    return tuple(listener for listener in found.values() if listener)


def converse(
    conversation: Conversation,
    deployment: Deployment,
    question: Question,
    tell: Callable[[str], None],
    now: Now = time.monotonic,
) -> Answer:
    """``tell`` is handed each piece as it comes. What the cloud or the model refuses is told in the answer."""
    began, first, ending, trouble = now(), None, Ending(), None
    said: list[str] = []
    try:
        for piece in conversation.ask(deployment, question):
            if isinstance(piece, Ending):
                ending = piece
                continue
            first = now() - began if first is None else first
            said.append(piece)
            tell(piece)
    except ReconcilerError as refused:
        trouble = refused
    return Answer("".join(said), ending, first, now() - began, trouble)


def _listener(name: str, snapshot: Snapshot) -> Listener | None:
    for model in snapshot.models:
        serving = [each for each in model.deployments if each.phase in SERVING]
        if model.name == name and serving:
            return Listener(model, serving[0])
    return None


def _why(name: str, snapshot: Snapshot, configuration: Configuration) -> tuple[str, str]:
    """Why it cannot be asked, and what to do."""
    observed = next((model for model in snapshot.models if model.name == name), None)
    if observed is None and name not in configuration.by_name():
        nobody = unknown(name, snapshot, configuration)
        return str(nobody), nobody.hint
    status = status_of(observed, None)
    deployed = next(each for each in conditions_of(observed, None) if each.type == "Deployed")
    failed = observed and any(each.phase is DeploymentPhase.FAILED for each in observed.deployments)
    hint = _FAILED.format(name=name) if failed else _MOVING if status is Status.DEPLOYING else _UNDEPLOYED
    return f"{name} cannot be asked: it is {status} ({deployed.message})", hint


_MOVING = "`reconciler status` shows when it is deployed"
_FAILED = "`reconciler logs {name} --deployment` shows why; `reconciler apply --redeploy {name}` tries again"
_UNDEPLOYED = "deploy it with `deployment: {state: deployed}` in its manifest, and `reconciler apply`"
