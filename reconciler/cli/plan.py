"""``reconciler plan``: what would change, why, and what it costs. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_foreign_json, print_json, print_markup
from reconciler.cli.options import format_option, json_option, max_size_option, plan_options, project_options
from reconciler.cli.project import proposed

if TYPE_CHECKING:
    from reconciler.domain.plan import Plan, PlanOptions
    from reconciler.engine.propose import Proposal


@dataclass(frozen=True)
class Shape:
    """How much is shown: ``max_size`` in characters, ``wide`` with every assumption."""

    max_size: int
    wide: bool


@click.command()
@project_options
@plan_options
@click.option("--destroy", is_flag=True, help="Plan the removal of everything the project owns.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save the plan for `apply FILE`."
)
@click.option("--wide", is_flag=True, help="Every assumption behind the costs, too.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending.")
@format_option("text", "json", "markdown", "terraform-json", "github")
@max_size_option
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
    max_size: int,
) -> int:
    """Show what would be trained, deployed, rolled, undeployed and deleted: why, and for how much.

    \b
    Examples:
      reconciler plan
      reconciler plan --target support-bot --out support.plan && reconciler apply support.plan
      reconciler plan --json | jq .summary
      reconciler plan --format markdown > comment.md
    """
    from reconciler.domain.plan import PlanOptions

    options = PlanOptions(targets=targets, retrain=retrain, redeploy=redeploy, destroy=destroy, allow=invocation.allow)
    show = _SHOWN[invocation.rendering]
    proposal = proposed(invocation, options).proposal
    made = proposal.plan
    show(invocation, proposal, Shape(max_size=max_size, wide=wide))
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


def _show_text_or_json(invocation: Invocation, proposal: Proposal, shape: Shape) -> None:
    show_plan(invocation, proposal.plan, wide=shape.wide)


def _show_markdown(_invocation: Invocation, proposal: Proposal, shape: Shape) -> None:
    from reconciler.reports.markdown import plan_markdown

    print_markup(plan_markdown(proposal.plan, limit=shape.max_size))


def _show_as_terraform(_invocation: Invocation, proposal: Proposal, _shape: Shape) -> None:
    from reconciler.reports.terraform_json import terraform_document

    print_foreign_json(terraform_document(proposal.plan, proposal.desired))


def _show_annotations(invocation: Invocation, proposal: Proposal, _shape: Shape) -> None:
    from reconciler.cli.repository import folder_in_repository
    from reconciler.reports.annotations import workflow_commands
    from reconciler.reports.view.plan import headline
    from reconciler.stores.manifests import find_project

    root = find_project(invocation.directory) or invocation.directory
    click.echo(workflow_commands(proposal.plan.diagnostics, folder=folder_in_repository(root)), nl=False)
    click.echo(f"Plan: {headline(proposal.plan)}")


_SHOWN: Mapping[str, Callable[[Invocation, Proposal, Shape], None]] = {
    "text": _show_text_or_json,
    "json": _show_text_or_json,
    "markdown": _show_markdown,
    "terraform-json": _show_as_terraform,
    "github": _show_annotations,
}


def _exit_code(plan: Plan, *, detailed: bool) -> ExitCode:
    if not plan.can_apply:
        return ExitCode.ERROR
    return ExitCode.CHANGES if detailed and plan.pending else ExitCode.OK


def _save(invocation: Invocation, plan: Plan, options: PlanOptions, out: Path) -> None:
    from reconciler.stores.plans import save

    save(plan, invocation.directory / out, options)
    if invocation.rendering == "text":
        screen = invocation.screen()
        screen.blank()
        screen.line("Saved. To carry out exactly this: ", (f"reconciler apply {out}", "bold"))
