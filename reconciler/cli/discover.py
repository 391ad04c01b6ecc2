"""``reconciler discover``: what could be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.signals import StopRequest

if TYPE_CHECKING:
    from reconciler.domain.survey import Found


@click.command()
@project_options
@click.option("--all", "everything", is_flag=True, help="What this project owns too.")
@json_option
@pass_invocation
def discover(invocation: Invocation, everything: bool) -> int:
    """List the training jobs, endpoints, custom models and what serves them that this project does not own.

    What carries no owner tags can be imported: `reconciler import KIND/ID`. What another project owns is shown, and stays its own.
    """
    project = opened(invocation)
    configuration = checked(project)
    with watching(invocation) as progress:
        outside = project.outside(progress, StopRequest())
        found = [one for surveyor in outside.surveyors.values() for one in surveyor.survey()]
    own = configuration.project.name
    shown = [one for one in found if everything or one.owner is None or one.owner.project != own]
    shown.sort(key=lambda one: (one.owner is not None, one.kind, one.name))
    if invocation.json:
        print_json({"resources": [_entry(one) for one in shown]})
    else:
        _draw(invocation, shown)
    return ExitCode.OK


def _draw(invocation: Invocation, shown: list[Found]) -> None:
    from reconciler.reports.figures import moment

    screen = invocation.screen()
    if not shown:
        screen.line("Nothing that this project does not own.")
        return
    header = ["RESOURCE", "STATUS", "CREATED", "FROM", "IMPORT"]
    screen.table(
        header,
        [
            [one.address, one.status, moment(one.created_at), one.base or one.serves or "-", _verdict(one)]
            for one in shown
        ],
    )
    if any(_verdict(one) == "yes" for one in shown):
        screen.blank()
        screen.line("Import one with: reconciler import RESOURCE")


def _verdict(one: Found) -> str:
    """Whether ``import`` takes it, else why not."""
    from reconciler.domain.survey import IMPORTABLE

    if one.owner is not None:
        return f"no: {one.owner.model} of {one.owner.project}"
    if one.kind not in IMPORTABLE:
        return "with its custom model"
    return "yes" if one.status in ("Completed", "InService", "Active") else "no: " + one.status


def _entry(one: Found) -> dict[str, object]:
    return one.model_dump(mode="json", by_alias=True) | {"address": one.address, "importable": _verdict(one) == "yes"}
