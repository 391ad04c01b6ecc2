"""``reconciler validate``: every problem of the manifests at once, each with its place. Asks no cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import format_option, json_option, project_options
from reconciler.cli.project import opened

if TYPE_CHECKING:
    from reconciler.cli.wiring import LoadedManifests


@click.command()
@project_options
@format_option("text", "json", "github")
@json_option
@pass_invocation
def validate(invocation: Invocation) -> int:
    """Check the manifests of the project: every problem at once, with file, line and column.

    Works offline and without credentials. --format github: workflow commands, which annotate the
    manifests' lines. Exit code 1 where there is an error.
    """
    from reconciler.domain.diagnostic import has_errors

    rendering = invocation.rendering
    project = opened(invocation)
    loaded = project.loaded
    match rendering:
        case "json":
            from reconciler.reports.json import diagnostics_document

            print_json(diagnostics_document(loaded.diagnostics))
        case "github":
            from reconciler.cli.repository import folder_in_repository
            from reconciler.reports.annotations import workflow_commands

            click.echo(workflow_commands(loaded.diagnostics, folder=folder_in_repository(project.directory)), nl=False)
        case _:
            _draw(invocation, loaded)
    return ExitCode.ERROR if has_errors(loaded.diagnostics) else ExitCode.OK


def _draw(invocation: Invocation, loaded: LoadedManifests) -> None:
    from reconciler.reports.figures import counted
    from reconciler.reports.terminal.diagnostics import draw_diagnostics, tally

    screen = invocation.screen()
    draw_diagnostics(screen, loaded.diagnostics, invocation.sources)
    if loaded.configuration is None:
        screen.line((tally(loaded.diagnostics), "bold"))
        return
    noted = f" ({tally(loaded.diagnostics)})" if loaded.diagnostics else ""
    models = counted(len(loaded.configuration.models), "model")
    screen.line(("Valid: ", "bold green"), f"{loaded.configuration.project.name}, {models}{noted}.")
