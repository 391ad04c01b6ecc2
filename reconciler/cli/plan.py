"""``reconciler plan``: what would change, why, and what it costs. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, plan_options, project_options
from reconciler.cli.project import proposed

if TYPE_CHECKING:
    from reconciler.domain.plan import Plan, PlanOptions


@click.command()
@project_options
@plan_options
@click.option("--destroy", is_flag=True, help="Plan the removal of everything the project owns.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save the plan for `apply FILE`."
)
@click.option("--wide", is_flag=True, help="Every assumption behind the costs, too.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending.")
@json_option
@pass_invocation
def plan(
    invocation: Invocation,
    targets: tuple[str, ...],
    retrain: tuple[str, ...],
    redeploy: tuple[str, ...],
    destroy: bool,
    out: Path | None,
    wide: bool,
    detailed_exitcode: bool,
) -> int:
    """Show what would be trained, deployed, rolled, undeployed and deleted: why, and for how much.

    \b
    Examples:
      reconciler plan
      reconciler plan --target support-bot --out support.plan && reconciler apply support.plan
      reconciler plan --json | jq .summary
    """
    from reconciler.domain.plan import PlanOptions

    options = PlanOptions(targets=targets, retrain=retrain, redeploy=redeploy, destroy=destroy, allow=invocation.allow)
    made = proposed(invocation, options).plan
    show_plan(invocation, made, wide=wide)
    if out is not None and made.can_apply:
        _save(invocation, made, options, out)
    return _exit_code(made, detailed=detailed_exitcode)


def show_plan(invocation: Invocation, plan: Plan, *, wide: bool = False) -> None:
    if invocation.json:
        from reconciler.reports.json import plan_document

        print_json(plan_document(plan))
        return
    from reconciler.reports.terminal.plan import draw_plan

    draw_plan(invocation.screen(), plan, invocation.sources, wide=wide)


def _exit_code(plan: Plan, *, detailed: bool) -> ExitCode:
    if not plan.can_apply:
        return ExitCode.ERROR
    return ExitCode.CHANGES if detailed and plan.pending else ExitCode.OK


def _save(invocation: Invocation, plan: Plan, options: PlanOptions, out: Path) -> None:
    from reconciler.stores.plans import save

    save(plan, invocation.directory / out, options)
    if not invocation.json:
        screen = invocation.screen()
        screen.blank()
        screen.line("Saved. To carry out exactly this: ", (f"reconciler apply {out}", "bold"))
