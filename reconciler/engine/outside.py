"""Everything the engine is handed: the ports, and how to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from reconciler.domain.catalog import Catalog, ProviderName
from reconciler.domain.conversing import Conversation
from reconciler.domain.logs import Logs
from reconciler.domain.ports import ArtifactStore, Clock, DataLibrary, Journal, Lock, Progress, Provider
from reconciler.domain.quotas import Quotas
from reconciler.domain.survey import Surveyor
from reconciler.domain.trail import Trail
from reconciler.domain.usage import UsageMeter


class StopSignal(Protocol):
    """Set once somebody asked us to stop. A :class:`threading.Event` is one."""

    def is_set(self) -> bool: ...


class Pause(Protocol):
    """Lets time pass between two looks at the cloud; returns early when asked to stop.

    On the embedded cloud this moves the cloud's own clock on instead of idling.
    """

    def __call__(self, seconds: float, /) -> None: ...


@dataclass(frozen=True)
class Outside:
    """The outside world of one project in one account and region."""

    account: str
    creator: str
    """Who runs this, for the ``created-by`` tag."""
    catalog: Catalog
    providers: Mapping[ProviderName, Provider]
    clock: Clock
    data: DataLibrary
    artifacts: ArtifactStore
    lock: Lock
    journal: Journal
    progress: Progress
    pause: Pause
    surveyors: Mapping[ProviderName, Surveyor] = field(default_factory=dict)
    """For what the account holds beside what the project owns."""
    conversations: Mapping[ProviderName, Conversation] = field(default_factory=dict)
    """For questions to what is deployed."""
    executes: bool = False
    """The embedded cloud really trains and serves what has its weights on this machine, and does not only simulate."""
    trail: Trail | None = None
    """For who made the cloud drift."""
    usage: UsageMeter | None = None
    """For when deployments were invoked last."""
    quotas: Quotas | None = None
    """For what the account may run at a time; the embedded cloud has no such limits."""
    logs: Mapping[ProviderName, Logs] = field(default_factory=dict)
    """What trainings and deployments wrote."""


@dataclass(frozen=True)
class RunSettings:
    """How an apply runs. ``poll_seconds`` between two looks while something is on its way."""

    parallelism: int = 10
    wait: bool = True
    timeout: timedelta | None = None
    lock_timeout: timedelta = timedelta(0)
    poll_seconds: float = 30.0
    transient_attempts: int = 5
    """Passes in a row in which a call may fail for a transient reason before the run gives it up."""
    unseen_attempts: int = 20
    """Passes in a row in which the same may be done, and accepted, while looking does not show it."""
    operation: str = "apply"
