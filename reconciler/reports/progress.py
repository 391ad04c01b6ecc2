"""What happens during a run, told as it happens: a live line on a terminal, plain lines in CI, JSON lines for programs.

Each is a :class:`reconciler.domain.ports.Progress` and a context manager. Events come from several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, TextIO

from rich.status import Status as Spinner
from rich.text import Text

from reconciler.domain.diagnostic import Diagnostic, Severity
from reconciler.domain.naming import endpoint_name
from reconciler.domain.outcome import Outcome, OutcomeState
from reconciler.domain.plan import Action, Change
from reconciler.domain.ports import Event, EventKind
from reconciler.planner.status import training_status
from reconciler.reports.figures import elapsed
from reconciler.reports.json import moment_text, to_text
from reconciler.reports.screen import Part, Screen
from reconciler.reports.view.plan import SYMBOLS, Tone

Now = Callable[[], datetime]

REMIND = timedelta(seconds=60)
"""How often plain lines say again that something is awaited, where nothing else happened."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class PlainProgress(AbstractContextManager["PlainProgress"]):
    """One line an event, with the time of day in UTC. Waiting is told when what is awaited changes, and once a minute."""

    def __init__(self, screen: Screen, now: Now = utc_now) -> None:
        self._screen = screen
        self._now = now
        self._lock = threading.Lock()
        self._told: tuple[str, ...] = ()
        self._told_at = datetime.min.replace(tzinfo=UTC)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def report(self, event: Event) -> None:
        with self._lock:
            if event.kind is EventKind.WAITING and not self._is_news(event):
                return
            parts = describe(event)
            if parts:
                self._screen.line((f"{self._now():%H:%M:%S} ", "dim"), *parts)

    def _is_news(self, event: Event) -> bool:
        awaited = tuple(f"{change.id} {_standing(change)}" for change in event.waiting)
        if awaited == self._told and self._now() - self._told_at < REMIND:
            return False
        self._told, self._told_at = awaited, self._now()
        return True


class LiveProgress(AbstractContextManager["LiveProgress"]):
    """Finished things scroll up; what is under way stays in one line at the bottom, with a spinner and the time."""

    def __init__(self, screen: Screen, now: Now = utc_now) -> None:
        self._screen = screen
        self._now = now
        self._began = now()
        self._spinner = Spinner("", console=screen.console)

    def __enter__(self) -> LiveProgress:
        self._began = self._now()
        self._spinner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spinner.stop()

    def report(self, event: Event) -> None:
        match event.kind:
            case EventKind.OBSERVING:
                self._show(event.message or "Looking at the cloud")
            case EventKind.READING:
                self._show(event.message)
            case EventKind.PLANNED:
                self._show("Planned")
            case EventKind.WAITING:
                self._show(_awaited(event))
            case EventKind.STARTED if event.change:
                self._show(f"{event.change.action} {event.change.target}")
            case EventKind.STARTED | EventKind.FINISHED | EventKind.NOTE:
                self._screen.line(*describe(event))

    def _show(self, text: str) -> None:
        shown = self._screen.text(text)
        shown.truncate(max(20, self._screen.width - 12), overflow="ellipsis")
        self._spinner.update(_Ticking(shown, self._began, self._now))


@dataclass(frozen=True)
class _Ticking:
    """A text with the time since ``began``, anew whenever the terminal is redrawn."""

    text: Text
    began: datetime
    now: Now

    def __rich__(self) -> Text:
        return Text.assemble(self.text, (f"  {elapsed(self.now() - self.began)}", "dim"))


class JsonProgress(AbstractContextManager["JsonProgress"]):
    """One JSON object a line, with Terraform's keys: ``@level``, ``@message``, ``@timestamp``, ``type``, ``hook``."""

    def __init__(self, stream: TextIO, now: Now = utc_now) -> None:
        self._stream = stream
        self._now = now
        self._lock = threading.Lock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def report(self, event: Event) -> None:
        kind = _event_type(event)
        if kind is None:
            return
        message = "".join(part if isinstance(part, str) else part[0] for part in describe(event)) or event.message
        failed = event.outcome is not None and event.outcome.state is OutcomeState.FAILED
        self.write(kind, message, level="error" if failed else "info", more=_details(event))

    def write(self, kind: str, message: str, *, level: str = "info", more: Mapping[str, Any] | None = None) -> None:
        """A line that is no event of the engine: ``version``, ``change_summary``, ``diagnostic``."""
        head = {
            "@level": level,
            "@message": message,
            "@module": "reconciler",
            "@timestamp": moment_text(self._now()),
            "type": kind,
        }
        with self._lock:
            self._stream.write(to_text({**head, **(more or {})}, indent=None) + "\n")
            self._stream.flush()

    def problems(self, diagnostics: Iterable[Diagnostic]) -> None:
        for each in diagnostics:
            more = {"diagnostic": each.model_dump(mode="json", by_alias=True)}
            self.write("diagnostic", each.summary, level=_LEVELS[each.severity], more=more)


_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warn", Severity.NOTE: "info"}


def describe(event: Event) -> tuple[Part, ...]:
    """The event in words; empty for what only a live line shows."""
    match event.kind:
        case EventKind.NOTE:
            return (event.message,)
        case EventKind.STARTED if event.change:
            return _symbol(event.change), f"{event.change.action} {event.change.target} ...{_once_more(event.change)}"
        case EventKind.FINISHED if event.change and event.outcome:
            return _finished(event.change, event.outcome)
        case EventKind.WAITING:
            return (_awaited(event),)
        case _:
            return ()


def _once_more(change: Change) -> str:
    """Why a training is paid for again: the plan that was shown could not know it."""
    again = change.attempt is not None and change.attempt > 1
    return " " + "; ".join(reason.message for reason in change.reasons) if again and change.reasons else ""


def _symbol(change: Change) -> Part:
    if change.action.destroys:
        return f"{SYMBOLS[Tone.DESTROY]} ", "bold red"
    return (
        (f"{SYMBOLS[Tone.CREATE]} ", "green")
        if change.action in ("train", "deploy")
        else (f"{SYMBOLS[Tone.CHANGE]} ", "yellow")
    )


_ENDINGS: dict[OutcomeState, tuple[str, str]] = {
    OutcomeState.DONE: ("done", "green"),
    OutcomeState.STARTED: ("started", "cyan"),
    OutcomeState.FAILED: ("failed", "bold red"),
}


def _finished(change: Change, outcome: Outcome) -> tuple[Part, ...]:
    why = f"{outcome.fault.code}: {outcome.fault.message}" if outcome.fault else outcome.message
    return _symbol(change), f"{change.action} {change.target} ", _ENDINGS[outcome.state], f": {why}" if why else ""


def _awaited(event: Event) -> str:
    awaited = ", ".join(f"{change.target} ({_standing(change)})" for change in event.waiting)
    return f"Waiting for {awaited}" if awaited else event.message


def _standing(change: Change) -> str:
    """Of the very thing that is awaited: while a new version trains, its model may be `Deployed`, with the old one."""
    if change.target == endpoint_name(change.address.partition("/")[2]):
        return change.status_now
    to_begin = any(step.action is Action.TRAIN and step.target == change.target for step in change.then)
    return "Not begun" if to_begin else training_status(change) or change.status_now


def _event_type(event: Event) -> str | None:
    """Terraform's names for what has one there. ``None``: it is for a live line alone."""
    match event.kind:
        case EventKind.OBSERVING:
            return "refresh_start"
        case EventKind.PLANNED:
            return "planned"
        case EventKind.STARTED:
            return "apply_start"
        case EventKind.FINISHED:
            failed = event.outcome is not None and event.outcome.state is OutcomeState.FAILED
            return "apply_errored" if failed else "apply_complete"
        case EventKind.WAITING:
            return "apply_progress"
        case EventKind.NOTE:
            return "log"
        case EventKind.READING:
            return None


def _details(event: Event) -> dict[str, Any]:
    if event.change:
        outcome = event.outcome.model_dump(mode="json", by_alias=True, exclude_none=True) if event.outcome else None
        return {"hook": _hook(event.change) | ({"outcome": outcome} if outcome else {})}
    if event.waiting:
        return {"waiting": [_hook(change) for change in event.waiting]}
    return {}


def _hook(change: Change) -> dict[str, Any]:
    kind, _, name = change.address.partition("/")
    resource = {
        "addr": change.address,
        "resource_type": kind,
        "resource_name": name,
        "implied_provider": str(change.provider),
    }
    return {"resource": resource, "action": str(change.action), "id_key": "name", "id_value": change.target}
