"""``.reconciler/journal.jsonl``: what was about to be done, and what it came to. A memory for people; the cloud is the truth.

One JSON object a line, flushed to the disk before the call is made. A run that was killed leaves an intent without an outcome.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.domain.errors import ReconcilerError
from reconciler.domain.journal import JournalEntry, RunSummary
from reconciler.domain.outcome import Outcome
from reconciler.domain.plan import Change
from reconciler.stores.files import open_nofollow, refuse_symlink

_TAIL = 4 * 1024 * 1024
"""Bytes that are read back: some ten thousand entries."""


class FileJournal:
    """Threads may share it. Raises ReconcilerError where it cannot be written: without it nothing should be begun."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._writing = threading.Lock()

    def intend(self, run: str, change: Change) -> None:
        self._append(run, "intent", change, {})

    def record(self, run: str, change: Change, outcome: Outcome) -> None:
        self._append(run, "outcome", change, outcome.model_dump(mode="json", by_alias=True, exclude_none=True))

    def last_run(self, address: str) -> RunSummary | None:
        lines = [line for line in self._lines() if line["address"] == address]
        if not lines:
            return None
        run = str(lines[-1]["run"])
        return RunSummary(run=run, entries=tuple(_entries(line for line in lines if line["run"] == run)))

    def _append(self, run: str, event: str, change: Change, more: dict[str, Any]) -> None:
        entry = {
            "time": self._now().isoformat(),
            "run": run,
            "event": event,
            "change": change.id,
            "address": change.address,
            "attempt": change.attempt,
            **more,
        }
        line = json.dumps({key: value for key, value in entry.items() if value is not None}, ensure_ascii=False)
        with self._writing:
            try:
                self._write(line.encode() + b"\n")
            except OSError as trouble:
                raise ReconcilerError(f"cannot write {self._path}: {trouble.strerror or trouble}") from trouble

    def _write(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        refuse_symlink(self._path)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        opened = os.open(self._path, flags, 0o600)
        try:
            os.write(opened, (b"\n" if _is_torn(opened) else b"") + line)
            os.fsync(opened)
        finally:
            os.close(opened)

    def _lines(self) -> Iterator[dict[str, Any]]:
        """Whole lines of the tail. A line that a crash tore apart is skipped."""
        try:
            with open_nofollow(self._path) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                tail = file.read()
        except FileNotFoundError:
            return
        for line in tail.splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and {"time", "run", "event", "change", "address"} <= found.keys():
                yield found


def _is_torn(opened: int) -> bool:
    """Whether the last line has no end: the run before was killed while it wrote."""
    size = os.fstat(opened).st_size
    return size > 0 and os.pread(opened, 1, size - 1) != b"\n"


def _entries(lines: Iterable[dict[str, Any]]) -> Iterable[JournalEntry]:
    """Intents joined with their outcomes, in the order of the intents. A change may come several times in a run."""
    entries: list[JournalEntry] = []
    open_at: dict[str, int] = {}
    for line in lines:
        change, moment = str(line["change"]), datetime.fromisoformat(line["time"])
        if line["event"] == "intent":
            open_at[change] = len(entries)
            entries.append(JournalEntry(change=change, address=str(line["address"]), began=moment))
        elif change in open_at:
            position = open_at.pop(change)
            entries[position] = _ended(entries[position], line, moment)
    return entries


def _ended(entry: JournalEntry, line: dict[str, Any], moment: datetime) -> JournalEntry:
    told = {"outcome": str(line.get("state", "")), "message": str(line.get("message", ""))}
    return entry.model_copy(update={"ended": moment, **told})
