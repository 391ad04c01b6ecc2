"""Whether what is deployed is invoked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from reconciler.domain.base import Value
from reconciler.domain.observation import Deployment


class Use(Value):
    """As the cloud's metrics count it."""

    last_invoked_at: datetime | None
    """To some minutes within the last hours, to the hour before; ``None``: not since ``counted_since``."""
    counted_since: datetime


class UsageMeter(Protocol):
    def uses(self, deployments: Sequence[Deployment], now: datetime) -> Mapping[str, Use]:
        """By identifier. One that is not in it is not known: nothing was counted that silence could be told by, or the metrics may
        not be read, which is no reason to fail."""
        ...
