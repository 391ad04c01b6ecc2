"""Who changed what in the account, as the cloud's own trail has it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from reconciler.domain.base import Value
from reconciler.domain.catalog import ProviderName


class Act(Value):
    """One call that changed something."""

    at: datetime
    by: str
    """The caller's ARN, or what the trail calls them."""
    operation: str
    """``DeleteEndpoint``."""


class Aspect(StrEnum):
    """What of a model a call changes. A call about another aspect did not do it, however late it was."""

    TRAINING = "training"
    """A training, or what it made."""
    DEPLOYMENT = "deployment"
    TAGS = "tags"
    SCHEDULES = "schedules"


class Trail(Protocol):
    def last_act(
        self, provider: ProviderName, aspect: Aspect, names: Iterable[str], *, group: str | None = None
    ) -> Act | None:
        """The newest call that changed, stopped or deleted this aspect of something of one of these names (ARNs too).

        ``group``: the call names this, too; for schedules, whose names are their group's alone.

        ``None``: there is none, or the trail cannot be read, which is no reason to fail: it is told beside what is sure.
        """
        ...
