"""``reconciler logs``: what a training or a deployment wrote."""

from __future__ import annotations

import click

from reconciler.cli.completing import model_names
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.signals import StopRequest


@click.command()
@click.argument("name", shell_complete=model_names)
@click.option("--follow", "-f", is_flag=True, help="Go on until the training has ended; 1 unless it is completed then.")
@click.option("--version", metavar="FINGERPRINT", help="Of this version; the beginning of its fingerprint is enough.")
@click.option("--attempt", type=click.IntRange(min=1), metavar="N", help="Of this attempt.")
@click.option("--deployment", is_flag=True, help="Of what serves, not of a training.")
@click.option("--lines", type=click.IntRange(min=0), metavar="N", help="Only the last N lines there are.")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time, UTC.")
@project_options
@json_option
@pass_invocation
def logs(
    invocation: Invocation,
    name: str,
    follow: bool,
    version: str | None,
    attempt: int | None,
    deployment: bool,
    lines: int | None,
    timestamps: bool,
) -> int:
    """Show the log of the training of NAME: of the one under way, else of the one begun last.

    Where several hosts wrote, their lines are merged by time and begin with the host's name. With --json, one object a line.
    Bedrock writes no log: the metrics that a training left are shown in its place.
    """
    from reconciler.cli.log_reading import Reading, show_deployment, show_training
    from reconciler.engine.choosing import deployment_of, models_named, training_of
    from reconciler.engine.observe import observe

    if deployment and (version or attempt):
        raise click.UsageError("--deployment excludes --version and --attempt.")
    invocation.stream = invocation.json
    project, stop = opened(invocation), StopRequest()
    configuration = checked(project)
    with watching(invocation) as watch:
        outside = project.outside(watch, stop)
        snapshot = observe(configuration.project, outside)
    name = name.removeprefix("FineTunedModel/")
    models = models_named(name, snapshot, configuration)
    reading = Reading(invocation, outside, follow, lines, timestamps, late=int(configuration.project.cloud == "aws"))
    if deployment:
        return show_deployment(reading, *deployment_of(name, models), stop)
    return show_training(reading, training_of(name, models, version, attempt))
