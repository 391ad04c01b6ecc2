"""``reconciler report``: the whole project as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.dossier import dossier_of
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import project_options
from reconciler.cli.project import Proposed, proposed

if TYPE_CHECKING:
    from reconciler.domain.plan import Plan
    from reconciler.reports.view.report import Findings


@click.command()
@project_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    metavar="FILE",
    help="Write the page here; what was there is replaced.",
)
@pass_invocation
def report(invocation: Invocation, out: Path) -> int:
    """Write one HTML file about the whole project: models with status, cost, conditions, versions and loss curves, lineage, drift, plan.

    The file fetches nothing and can be opened, mailed or kept as an artifact of a pipeline. Changes nothing in the cloud.
    """
    from reconciler.domain.plan import PlanOptions
    from reconciler.reports.html import render_report
    from reconciler.reports.view.report import view_report
    from reconciler.stores.files import write_private

    made = proposed(invocation, PlanOptions(allow=invocation.allow))
    page = render_report(view_report(_findings(made)))
    write_private(invocation.directory / out, page.encode())
    invocation.screen().line(f"Wrote {out}")
    return ExitCode.OK


def _findings(made: Proposed) -> Findings:
    from reconciler.cost.options import training_options
    from reconciler.engine.losses import loss_curves
    from reconciler.reports.view.report import Findings
    from reconciler.reports.view.status import holds_anything

    snapshot = made.proposal.snapshot
    seen = {model.name for model in snapshot.models if holds_anything(model)}
    names = sorted(seen | {model.name for model in made.proposal.desired})
    return Findings(
        plan=made.plan,
        drift=_drift(made),
        dossiers=tuple(dossier_of(made, name) for name in names),
        curves=loss_curves(snapshot.models, made.outside),
        options={
            model.name: training_options(model, made.outside.catalog, snapshot.region, made.proposal.history)
            for model in made.proposal.desired
        },
    )


def _drift(made: Proposed) -> Plan:
    """What ``reconciler drift`` shows: without what the project tolerates."""
    from reconciler.reports.view.drift import view_drift, without_ignored

    return without_ignored(made.plan, view_drift(made.plan, made.configuration))
