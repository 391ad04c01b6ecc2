"""``reconciler drift``: what the cloud changed that no manifest asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import model_names
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_foreign_json, print_json, print_markup
from reconciler.cli.options import format_option, json_option, max_size_option, project_options
from reconciler.cli.project import proposed

if TYPE_CHECKING:
    from reconciler.domain.plan import Plan
    from reconciler.reports.view.drift import DriftView


@dataclass(frozen=True)
class Found:
    plan: Plan
    """Of the drift alone, without what is ignored."""
    view: DriftView
    folder: str
    digest: str
    """Of the plan that brings everything back, and does what is pending too; empty where none can be applied."""


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
@format_option("text", "json", "markdown", "junit", "sarif")
@max_size_option
@json_option
@pass_invocation
def drift(invocation: Invocation, targets: tuple[str, ...], max_size: int) -> int:
    """Show what differs between the cloud and what was last applied, where no manifest asked for it.

    What the manifests ask anew is pending, not drift. `spec.drift.ignore` of the Project names what is tolerated.
    Exit code 2 where something drifted, 0 where nothing did, 1 where looking failed: fit for a schedule.

    \b
    Examples:
      reconciler drift
      reconciler drift --format sarif > drift.sarif
    """
    show = _SHOWN[invocation.rendering]
    seen = find_drift(invocation, targets)
    show(invocation, seen, max_size)
    return ExitCode.CHANGES if seen.view.items else ExitCode.OK


def find_drift(invocation: Invocation, targets: tuple[str, ...] = ()) -> Found:
    """Everything is planned, so that drift can be told from what is pending; the drift alone is priced."""
    from reconciler.cli.repository import folder_in_repository
    from reconciler.cost.price import price_plan
    from reconciler.domain.plan import PlanOptions
    from reconciler.engine.witness import witnesses
    from reconciler.reports.view.drift import view_drift, without_ignored
    from reconciler.stores.manifests import find_project

    made = proposed(invocation, PlanOptions(targets=targets, allow=invocation.allow))
    _require_known(made.plan)
    proposal, configuration = made.proposal, made.configuration
    acts = witnesses(made.plan, proposal.snapshot, made.outside.trail) if made.outside.trail else {}
    view = view_drift(made.plan, configuration, acts)
    alone = without_ignored(made.plan, view)
    priced = price_plan(alone, proposal.desired, proposal.snapshot, made.outside.catalog, configuration.project)
    kept = priced.model_copy(update={"diagnostics": made.plan.diagnostics}).sealed()
    root = find_project(invocation.directory) or invocation.directory
    digest = made.plan.digest if made.plan.can_apply and made.plan.pending else ""
    return Found(kept, view, folder_in_repository(root), digest)


def _require_known(plan: Plan) -> None:
    """A target that nobody knows has no drift, and saying so would be a lie."""
    from reconciler.domain.errors import InvalidInput

    unknown = [problem for problem in plan.diagnostics if problem.code == "unknown-model"]
    if unknown:
        raise InvalidInput(unknown)


def show_drift(invocation: Invocation, found: Found, _max_size: int = 0) -> None:
    from reconciler.reports.terminal.drift import draw_drift

    draw_drift(invocation.screen(), found.plan, found.view, invocation.sources)


def _show_json(_invocation: Invocation, found: Found, _max_size: int) -> None:
    from reconciler.reports.json import drift_document

    print_json(drift_document(found.plan, found.view))


def _show_markdown(_invocation: Invocation, found: Found, max_size: int) -> None:
    from reconciler.reports.markdown import drift_markdown

    print_markup(drift_markdown(found.view, limit=max_size))


def _show_junit(_invocation: Invocation, found: Found, _max_size: int) -> None:
    from reconciler.reports.junit import drift_junit

    print_markup(drift_junit(found.view))


def _show_sarif(_invocation: Invocation, found: Found, _max_size: int) -> None:
    from reconciler.reports.sarif import drift_sarif

    print_foreign_json(drift_sarif(found.view, folder=found.folder))


_SHOWN: Mapping[str, Callable[[Invocation, Found, int], None]] = {
    "text": show_drift,
    "json": _show_json,
    "markdown": _show_markdown,
    "junit": _show_junit,
    "sarif": _show_sarif,
}
