"""Opening the project and planning it: what every command that looks at the cloud begins with."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.cli.invocation import Invocation
from reconciler.cli.signals import StopRequest
from reconciler.domain.ports import Progress

if TYPE_CHECKING:
    from reconciler.cli.wiring import Project
    from reconciler.domain.desired import Configuration
    from reconciler.domain.plan import Plan, PlanOptions
    from reconciler.engine.outside import Outside
    from reconciler.engine.propose import Proposal
    from reconciler.manifest.load import SourceFile


def opened(invocation: Invocation, drafts: Sequence[SourceFile] = ()) -> Project:
    """The project with its manifests read, whatever they are worth; later messages can quote them.

    ``drafts``: manifests that are not on disk yet.
    """
    from reconciler.cli.wiring import open_project

    project = open_project(
        invocation.directory,
        cloud=invocation.cloud,
        allow=invocation.allow,
        environment=invocation.environment,
        drafts=drafts,
    )
    invocation.sources = project.loaded.sources
    return project


def checked(project: Project) -> Configuration:
    """What the manifests say. Raises InvalidInput with every problem at once."""
    from reconciler.domain.errors import InvalidInput

    if project.loaded.configuration is None:
        raise InvalidInput(project.loaded.diagnostics)
    return project.loaded.configuration


class Watch(Progress, AbstractContextManager[Any], Protocol):
    """Progress that has a beginning and an end; it may be entered again."""


def watching(invocation: Invocation) -> Watch:
    """Progress on stderr: live on a terminal, plain lines elsewhere and in CI."""
    from reconciler.reports.progress import LiveProgress, PlainProgress

    screen = invocation.screen(sys.stderr)
    live = sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
    return LiveProgress(screen) if live else PlainProgress(screen)


@dataclass(frozen=True)
class Proposed:
    """A proposal, and the world that it was made of and can be applied to."""

    configuration: Configuration
    outside: Outside
    proposal: Proposal

    @property
    def plan(self) -> Plan:
        return self.proposal.plan


def proposed(
    invocation: Invocation, options: PlanOptions, *, progress: Watch | None = None, stop: StopRequest | None = None
) -> Proposed:
    """Read, check, look at the cloud, plan. Raises InvalidInput, CloudUnavailable."""
    from reconciler.engine.propose import propose

    project = opened(invocation)
    configuration = checked(project)
    with progress or watching(invocation) as watch:
        outside = project.outside(watch, stop or StopRequest())
        proposal = propose(configuration, outside, options)
    return Proposed(configuration, outside, _with_warnings(proposal, project))


def _with_warnings(proposal: Proposal, project: Project) -> Proposal:
    """What was noticed while the manifests were read belongs to what a reviewer sees; the digest does not cover it."""
    diagnostics = (*project.loaded.diagnostics, *proposal.plan.diagnostics)
    return replace(proposal, plan=proposal.plan.model_copy(update={"diagnostics": tuple(dict.fromkeys(diagnostics))}))
