"""How a run ended, in words: what was done, what is left, and how to go on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from reconciler.domain.outcome import OutcomeState
from reconciler.domain.plan import Action, Change
from reconciler.engine.reconverge import RunResult, RunState
from reconciler.reports.figures import counted

if TYPE_CHECKING:
    from reconciler.reports.screen import Screen

_PAST = {
    Action.TRAIN: "trained",
    Action.DEPLOY: "deployed",
    Action.ROLL: "rolled",
    Action.UNDEPLOY: "undeployed",
    Action.DELETE: "deleted",
    Action.STOP: "stopped",
    Action.UPDATE: "updated",
    Action.ADOPT: "adopted",
}

_NOUNS = {
    Action.TRAIN: "training",
    Action.DEPLOY: "deployment",
    Action.ROLL: "roll",
    Action.UNDEPLOY: "undeployment",
    Action.DELETE: "deletion",
    Action.STOP: "stop",
    Action.UPDATE: "update",
    Action.ADOPT: "adoption",
}

_RARE = (Action.STOP, Action.UPDATE, Action.ADOPT)

_OPENINGS = {
    RunState.CONVERGED: ("{operation} complete!", "bold green"),
    RunState.WAITING: ("Started, and not waited for.", "bold cyan"),
    RunState.STALLED: ("Stalled: what is left needs a person.", "bold magenta"),
    RunState.FAILED: ("{operation} failed.", "bold red"),
    RunState.INTERRUPTED: ("Interrupted between two calls; the lock is released.", "bold yellow"),
    RunState.TIMED_OUT: ("The time given by --timeout is over; the lock is released.", "bold yellow"),
    RunState.NEEDS_APPROVAL: ("Stopped: what is left was not approved.", "bold yellow"),
    RunState.LOCK_LOST: ("Stopped: the lock was taken over by somebody else.", "bold red"),
}

_LEAVING = (RunState.STALLED, RunState.NEEDS_APPROVAL, RunState.WAITING)

_ADVICE = {
    RunState.WAITING: "The cloud works on. `reconciler status` shows how far it is; `reconciler apply` goes on from there.",
    RunState.STALLED: "The reasons above say what to do.",
    RunState.FAILED: "Nothing is lost: mend the cause, then `reconciler apply` goes on from what is there.",
    RunState.INTERRUPTED: "What was started goes on in the cloud. Go on with: reconciler apply",
    RunState.TIMED_OUT: "What was started goes on in the cloud. Go on with: reconciler apply",
    RunState.NEEDS_APPROVAL: "The cloud moved meanwhile. Look at the new plan, and apply that: reconciler plan",
    RunState.LOCK_LOST: "See who has it: reconciler lock show",
}


def applied_sentence(result: RunResult, operation: str) -> str:
    """``Apply complete! 1 trained, 1 deployed, 0 rolled, 0 undeployed, 0 deleted.``"""
    return f"{_opening(result, operation)} {_counts(result)}"


def result_lines(result: RunResult) -> tuple[str, ...]:
    """What was done, model by model, what failed, what is left, and how to go on: a sentence each."""
    by_model = sorted(_done(result), key=lambda change: change.address)
    done = (f"{change.action} {change.target} ({change.address})" for change in by_model)
    failed = (_failure(each.change, each.outcome.message) for each in result.failures)
    left = (f"Left: {_left(change)}" for change in result.left) if result.state in _LEAVING else ()
    postponed = (f"Left for the next apply: {_postponed(result)}",) if result.postponed else ()
    advice = (_ADVICE[result.state],) if result.state in _ADVICE else ()
    return (*done, *failed, *left, *postponed, *advice)


def draw_result(screen: Screen, result: RunResult, operation: str) -> None:
    screen.blank()
    for failure in result.failures:
        screen.entry(("Error: ", "bold red"), _failure(failure.change, failure.outcome.message))
    if result.state in _LEAVING:
        for change in result.left:
            _draw_left(screen, change)
    style = _OPENINGS[result.state][1]
    screen.headline("", (_opening(result, operation), style), " ", (_counts(result), "bold"))
    if result.postponed:
        screen.entry("Left for the next apply: ", _postponed(result))
    if result.state in _ADVICE:
        screen.paragraph(_ADVICE[result.state])


def _opening(result: RunResult, operation: str) -> str:
    return _OPENINGS[result.state][0].format(operation=operation.capitalize())


def _counts(result: RunResult) -> str:
    """What was only started is not called done unless everything converged."""
    counts = Counter(change.action for change in _done(result))
    if result.state is RunState.CONVERGED:
        shown = [action for action in _PAST if counts[action] or action not in _RARE]
        return ", ".join(f"{counts[action]} {_PAST[action]}" for action in shown) + "."
    begun = ", ".join(counted(counts[action], noun) for action, noun in _NOUNS.items() if counts[action])
    return f"Started or done: {begun}." if begun else "Nothing was changed."


def _done(result: RunResult) -> tuple[Change, ...]:
    """Each thing once, however many passes it took."""
    performed = (each for each in result.performed if each.outcome.state is not OutcomeState.FAILED)
    return tuple({each.change.id: each.change for each in performed}.values())


def _failure(change: Change, message: str) -> str:
    return f"{change.action} {change.target}: {message}"


def _draw_left(screen: Screen, change: Change) -> None:
    screen.entry(("! " if change.stalled else "… ", "bold magenta"), _left(change))


def _left(change: Change) -> str:
    why = "; ".join(reason.message for reason in change.reasons)
    return f"{change.address}: {why or change.status_now}"


def _postponed(result: RunResult) -> str:
    names = ", ".join(change.target for change in result.postponed)
    return f"delete {names}. A version is never deleted in the run that replaced it."
