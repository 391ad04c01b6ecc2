"""``reconciler drift``: what the cloud changed that no manifest asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import model_names
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import json_option, project_options
from reconciler.cli.plan import show_plan
from reconciler.cli.project import proposed

if TYPE_CHECKING:
    from reconciler.domain.plan import Plan


@click.command()
@project_options
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    shell_complete=model_names,
    help="Only this model; repeat for more.",
)
@json_option
@pass_invocation
def drift(invocation: Invocation, targets: tuple[str, ...]) -> int:
    """Show what differs between the cloud and what was last applied, where no manifest asked for it.

    Exit code 2 where something drifted, 0 where nothing did, 1 where looking failed: fit for a schedule.
    """
    from reconciler.domain.plan import PlanOptions
    from reconciler.reports.view.drift import drift_of

    whole = proposed(invocation, PlanOptions(targets=targets, allow=invocation.allow, refresh_only=True)).plan
    _require_known(whole)
    drifted = drift_of(whole)
    if drifted.changes or invocation.json:
        show_plan(invocation, drifted)
    if not invocation.json:
        _conclude(invocation, len(drifted.changes))
    return ExitCode.CHANGES if drifted.changes else ExitCode.OK


def _require_known(plan: Plan) -> None:
    """A target that nobody knows has no drift, and saying so would be a lie."""
    from reconciler.domain.errors import InvalidInput

    unknown = [problem for problem in plan.diagnostics if problem.code == "unknown-model"]
    if unknown:
        raise InvalidInput(unknown)


def _conclude(invocation: Invocation, count: int) -> None:
    from reconciler.reports.figures import counted

    screen = invocation.screen()
    if not count:
        screen.line(("No drift. The cloud is as it was last applied.", "bold"))
        return
    screen.blank()
    screen.line((f"Drift: {counted(count, 'change')} that no manifest asked for.", "bold yellow"))
    screen.line("`reconciler apply` brings the cloud back to what the manifests say.")
