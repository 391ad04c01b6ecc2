"""``reconciler status``: the models and where they stand."""

from __future__ import annotations

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import proposed


@click.command()
@project_options
@click.option(
    "-o", "--output", type=click.Choice(["wide", "json", "name"]), help="More columns, JSON, or addresses alone."
)
@click.option("--wide", is_flag=True, help="The same as -o wide: conditions, and why something is not ready.")
@json_option
@pass_invocation
def status(invocation: Invocation, output: str | None, wide: bool) -> int:
    """List every model of the manifests and of the cloud: NAME PROVIDER STATUS VERSION READY AGE.

    The statuses: Training, Training failed, Stopping training, Training stopped, Not deployed, Deploying, Deployed; and Absent
    before anything exists.
    """
    from reconciler.domain.plan import PlanOptions
    from reconciler.reports.json import status_document
    from reconciler.reports.terminal.status import draw_status
    from reconciler.reports.view.status import view_status

    found = proposed(invocation, PlanOptions(allow=invocation.allow)).proposal
    view = view_status(found.plan, found.snapshot)
    if invocation.json or output == "json":
        print_json(status_document(found.plan, view))
    elif output == "name":
        for row in view.rows:
            invocation.screen().line(row.address)
    else:
        draw_status(invocation.screen(), view, wide=wide or output == "wide")
    return ExitCode.OK
