from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.domain.errors import ReconcilerError
from reconciler.domain.outcome import Fault, FaultKind, Outcome
from reconciler.domain.plan import Action
from reconciler.stores.journal import FileJournal

from .builders import a_change

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".reconciler" / "journal.jsonl"


def a_journal(path: Path) -> FileJournal:
    minutes = iter(range(1000))
    return FileJournal(path, now=lambda: START + timedelta(minutes=next(minutes)))


def test_the_last_run_is_read_back(path: Path) -> None:
    journal, train, deploy = a_journal(path), a_change(), a_change(Action.DEPLOY, "support-bot")
    journal.intend("old", train)
    journal.intend("new", train)
    journal.intend("new", deploy)
    journal.record("new", train, Outcome.started("training"))
    journal.record(
        "new", deploy, Outcome.failed(Fault(kind=FaultKind.QUOTA, code="ResourceLimitExceeded", message="no more"))
    )
    last = FileJournal(path).last_run(a_change().address)
    assert last is not None
    assert last.run == "new"
    assert [(e.change, e.outcome, e.message) for e in last.entries] == [
        (train.id, "started", "training"),
        (deploy.id, "failed", "no more"),
    ]
    assert last.entries[0].began == START + timedelta(minutes=1)
    assert last.entries[0].ended == START + timedelta(minutes=3)


def test_each_model_has_a_last_run_of_its_own(path: Path) -> None:
    journal, other = a_journal(path), a_change().model_copy(update={"address": "FineTunedModel/faq"})
    journal.intend("old", a_change())
    journal.intend("new", other)
    last = journal.last_run(a_change().address)
    assert last is not None
    assert last.run == "old"
    assert [entry.address for entry in last.entries] == [a_change().address]


def test_a_call_that_nobody_saw_the_end_of_is_unfinished(path: Path) -> None:
    journal = a_journal(path)
    journal.intend("run", a_change())
    journal.record("run", a_change(), Outcome.done())
    journal.intend("run", a_change())
    last = journal.last_run(a_change().address)
    assert last is not None
    assert [entry.outcome for entry in last.entries] == ["done", None]


def test_the_intent_is_on_disk_before_the_outcome_and_faults_are_kept(path: Path) -> None:
    journal = a_journal(path)
    journal.intend("run", a_change())
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["intent"]
    journal.record("run", a_change(), Outcome.failed(Fault(kind=FaultKind.DENIED, code="AccessDenied", message="no")))
    assert json.loads(path.read_text().splitlines()[1])["fault"] == {
        "kind": "denied",
        "code": "AccessDenied",
        "message": "no",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_torn_by_a_crash_costs_only_itself(path: Path) -> None:
    journal = a_journal(path)
    journal.intend("run", a_change())
    with path.open("ab") as file:
        file.write(b'{"time": "2026-')
    journal.record("run", a_change(), Outcome.done())
    last = journal.last_run(a_change().address)
    assert last is not None
    assert [entry.outcome for entry in last.entries] == ["done"]


def test_nothing_was_run(path: Path) -> None:
    assert FileJournal(path).last_run(a_change().address) is None


def test_threads_write_whole_lines(path: Path) -> None:
    journal = FileJournal(path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: journal.intend("run", a_change(target=f"m{number}")), range(40)))
    last = journal.last_run(a_change().address)
    assert last is not None
    assert {entry.change for entry in last.entries} == {f"train:sagemaker:m{number}" for number in range(40)}


def test_a_journal_that_cannot_be_written_stops_the_run(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReconcilerError, match="symlink"):
        FileJournal(path).intend("run", a_change())
    with pytest.raises(ReconcilerError, match="cannot write"):
        FileJournal(path / "below").intend("run", a_change())
