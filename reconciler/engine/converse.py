"""One question to one or more deployed models: who can be asked, what they say, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from reconciler.domain.conversing import Conversation, Ending, Question
from reconciler.domain.desired import Configuration
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.observation import Deployment, DeploymentPhase, ModelObservation, Snapshot
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
    """``first`` and ``total``: seconds until the first piece (``None`` where nothing was said), and until the end."""

    text: str
    ending: Ending
    first: float | None
    total: float


def listeners(names: Iterable[str], snapshot: Snapshot, configuration: Configuration) -> tuple[Listener, ...]:
    """Raises ReconcilerError, naming every model that cannot be asked and why."""
    found = {name: _listener(name, snapshot) for name in dict.fromkeys(names)}
    missing = [name for name, listener in found.items() if listener is None]
    if missing:
        told = "\n".join(_why(name, snapshot, configuration) for name in missing)
        raise ReconcilerError(told, hint="Deploy it with `deployment: {state: deployed}` and `reconciler apply`.")
    return tuple(listener for listener in found.values() if listener)


def converse(
    conversation: Conversation,
    deployment: Deployment,
    question: Question,
    tell: Callable[[str], None],
    now: Now = time.monotonic,
) -> Answer:
    """``tell`` is handed each piece as it comes. Raises what asking raises."""
    began, first, ending = now(), None, Ending()
    said: list[str] = []
    for piece in conversation.ask(deployment, question):
        if isinstance(piece, Ending):
            ending = piece
            continue
        first = now() - began if first is None else first
        said.append(piece)
        tell(piece)
    return Answer("".join(said), ending, first, now() - began)


def _listener(name: str, snapshot: Snapshot) -> Listener | None:
    for model in snapshot.models:
        serving = [each for each in model.deployments if each.phase in SERVING]
        if model.name == name and serving:
            return Listener(model, serving[0])
    return None


def _why(name: str, snapshot: Snapshot, configuration: Configuration) -> str:
    desired = configuration.by_name().get(name)
    observed = [model for model in snapshot.models if model.name == name]
    if desired is None and not observed:
        known = sorted({*configuration.by_name(), *(model.name for model in snapshot.models)})
        close = get_close_matches(name, known, n=1)
        return f"there is no model {name!r}" + (f"; did you mean {close[0]}?" if close else "")
    seen = next(iter(observed), None)
    deployed = next(each for each in conditions_of(seen, None) if each.type == "Deployed")
    return f"{name} cannot be asked: it is {status_of(seen, None)} ({deployed.message})"
