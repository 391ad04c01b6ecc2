"""What happens during a run, in lines."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

from reconciler.domain.outcome import Fault, FaultKind, Outcome
from reconciler.domain.plan import Action, FollowUp, Reason
from reconciler.domain.ports import Event, EventKind
from reconciler.domain.status import Condition, ConditionStatus, ConditionType, Status
from reconciler.reports.progress import JsonProgress, LiveProgress, PlainProgress, describe
from reconciler.reports.screen import Screen
from tests.unit.reports.plans import NOW, TRAIN, UNDEPLOY, WAIT, a_change

DENIED = Outcome.failed(Fault(kind=FaultKind.DENIED, code="AccessDenied", message="not \x1b[31mallowed"))
WAITING = Event(kind=EventKind.WAITING, waiting=(WAIT,))


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def test_plain_lines() -> None:
    out = io.StringIO()
    with PlainProgress(Screen(out), Clock()) as progress:
        progress.report(Event(kind=EventKind.OBSERVING, message="Looking"))
        progress.report(Event(kind=EventKind.NOTE, message="The embedded cloud runs."))
        progress.report(Event(kind=EventKind.STARTED, change=TRAIN))
        progress.report(Event(kind=EventKind.FINISHED, change=TRAIN, outcome=Outcome.started()))
        progress.report(Event(kind=EventKind.FINISHED, change=UNDEPLOY, outcome=DENIED))
        progress.report(WAITING)
    assert out.getvalue() == (
        "10:00:00 The embedded cloud runs.\n"
        "10:00:00 + train support-bot-1a2b3c4d ...\n"
        "10:00:00 + train support-bot-1a2b3c4d started\n"
        "10:00:00 - undeploy old-bot failed: AccessDenied: not \\x1b[31mallowed\n"
        "10:00:00 Waiting for sea-55555555 (Training)\n"
    )


def test_a_new_version_is_not_deployed_because_an_older_one_serves() -> None:
    training = Condition(type=ConditionType.TRAINED, status=ConditionStatus.FALSE, reason="Training")
    new = a_change(Action.WAIT, "bot", "bot-1a2b3c4d", Status.DEPLOYED, Status.DEPLOYED, conditions=(training,))
    follow = FollowUp(action=Action.TRAIN, target="child-5e6f7a8b", why="once the parent is trained")
    child = a_change(Action.WAIT, "child", "child-5e6f7a8b", Status.DEPLOYED, Status.DEPLOYED, then=(follow,))
    roll = a_change(Action.WAIT, "other", "other", Status.DEPLOYING, Status.DEPLOYED)
    told = describe(Event(kind=EventKind.WAITING, waiting=(new, child, roll)))
    assert told == ("Waiting for bot-1a2b3c4d (Training), child-5e6f7a8b (Not begun), other (Deploying)",)


def test_a_training_that_is_paid_for_again_says_why() -> None:
    again = TRAIN.model_copy(update={"attempt": 2, "reasons": (Reason(code="x", message="bot-1 failed: no memory"),)})
    first = TRAIN.model_copy(update={"attempt": 1})
    assert str(describe(Event(kind=EventKind.STARTED, change=again))[-1]).endswith(" ... bot-1 failed: no memory")
    assert str(describe(Event(kind=EventKind.STARTED, change=first))[-1]).endswith(" ...")


def test_plain_lines_tell_of_waiting_when_it_changes_and_once_a_minute() -> None:
    out, clock = io.StringIO(), Clock()
    progress = PlainProgress(Screen(out), clock)
    for _ in range(25):
        progress.report(WAITING)
        clock.pass_by(10)
    told = out.getvalue().splitlines()
    assert [line[:8] for line in told] == ["10:00:00", "10:01:00", "10:02:00", "10:03:00", "10:04:00"]


def test_json_lines_have_terraforms_keys() -> None:
    out = io.StringIO()
    progress = JsonProgress(out, Clock())
    progress.report(Event(kind=EventKind.STARTED, change=TRAIN))
    progress.report(Event(kind=EventKind.FINISHED, change=UNDEPLOY, outcome=DENIED))
    progress.report(WAITING)
    started, failed, waiting = (json.loads(line) for line in out.getvalue().splitlines())
    assert started == {
        "@level": "info",
        "@message": "+ train support-bot-1a2b3c4d ...",
        "@module": "reconciler",
        "@timestamp": "2026-11-24T10:00:00.000000Z",
        "type": "apply_start",
        "hook": {
            "resource": {
                "addr": "FineTunedModel/support-bot",
                "resource_type": "FineTunedModel",
                "resource_name": "support-bot",
                "implied_provider": "sagemaker",
            },
            "action": "train",
            "id_key": "name",
            "id_value": "support-bot-1a2b3c4d",
        },
    }
    assert (failed["type"], failed["@level"], failed["hook"]["outcome"]["fault"]["code"]) == (
        "apply_errored",
        "error",
        "AccessDenied",
    )
    assert (waiting["type"], waiting["waiting"][0]["id_value"]) == ("apply_progress", "sea-55555555")
    assert "\x1b" not in out.getvalue()


def test_a_live_terminal_keeps_what_is_finished_and_wipes_what_is_not() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with LiveProgress(Screen(out, color=False, width=80), Clock()) as progress:
        progress.report(WAITING)
        progress.report(Event(kind=EventKind.FINISHED, change=UNDEPLOY, outcome=DENIED))
    assert "undeploy old-bot failed: AccessDenied: not \\x1b[31mallowed\n" in out.getvalue()


def test_how_far_data_is_read_is_told_on_a_live_line_alone() -> None:
    reading = Event(kind=EventKind.READING, message="Reading data.csv: 10 of 40 MB")
    out = io.StringIO()
    for progress in (PlainProgress(Screen(out), Clock()), JsonProgress(out, Clock())):
        progress.report(reading)
    assert out.getvalue() == ""
    terminal = Screen(out, color=True, width=80)
    with LiveProgress(terminal, Clock()) as live:
        live.report(reading)
    assert "Reading data.csv: 10 of 40 MB" in out.getvalue()


def test_times_are_told_in_utc() -> None:
    assert NOW.tzinfo is UTC
