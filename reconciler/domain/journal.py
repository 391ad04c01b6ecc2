"""What a run was about to do, and what it came to, as it was written down on the machine that ran it."""

from __future__ import annotations

from datetime import datetime

from reconciler.domain.base import Value


class JournalEntry(Value):
    """One change of a run. ``change``: its id, ``deploy:sagemaker:support-bot``."""

    change: str
    address: str
    began: datetime
    ended: datetime | None = None
    outcome: str | None = None
    """``done``, ``started`` or ``failed``; ``None``: the run ended before it was known. Looking at the cloud tells."""
    message: str = ""


class RunSummary(Value):
    run: str
    entries: tuple[JournalEntry, ...]
