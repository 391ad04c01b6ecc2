"""``reconciler inventory``: what costs money here, whose it is, and whether it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.signals import StopRequest

if TYPE_CHECKING:
    from reconciler.engine.inventory import Entry, Inventory
    from reconciler.reports.screen import Part


@click.command()
@project_options
@json_option
@pass_invocation
def inventory(invocation: Invocation) -> int:
    """List everything in the account and region that costs money: endpoints, throughputs, deployments, custom models, running
    trainings, and this project's artifacts.

    managed: a manifest names it; orphaned: this project's tags, and no manifest names it; other project; foreign: no owner tags.
    IDLE: nobody called it in 14 days, as CloudWatch counted; new: nor in the fewer days that it is there; unknown where CloudWatch
    does not tell.
    """
    from reconciler.engine.inventory import take

    project = opened(invocation)
    configuration = checked(project)
    with watching(invocation) as progress:
        taken = take(configuration, project.outside(progress, StopRequest()))
    if invocation.json:
        print_json(_document(taken))
    else:
        _draw(invocation, taken)
    return ExitCode.OK


def _draw(invocation: Invocation, taken: Inventory) -> None:
    from reconciler.engine.inventory import Standing
    from reconciler.reports.figures import cost_text, counted

    screen = invocation.screen()
    if not taken.entries:
        screen.line("Nothing here costs money.")
        return
    header = ["STANDING", "RESOURCE", "MODEL", "RUNS ON", "HOURLY", "MONTHLY", "USE"]
    screen.table(header, [_row(entry) for entry in taken.entries])
    screen.blank()
    for standing in Standing:
        entries = [entry for entry in taken.entries if entry.standing is standing]
        if entries:
            told = f"{counted(len(entries), 'resource')}, {cost_text(taken.monthly(standing), '/month')}"
            screen.entry((f"{standing}: ", "bold"), told)


def _row(entry: Entry) -> list[Part]:
    styles = {"orphaned": "yellow", "foreign": "yellow"}
    use = (
        f"{entry.use}, last {entry.traffic.last_at:%Y-%m-%d}"
        if entry.traffic and entry.traffic.last_at
        else str(entry.use)
    )
    return [
        (str(entry.standing), styles.get(entry.standing, "")),
        f"{entry.kind}/{entry.name}",
        f"{entry.model} of {entry.project}" if entry.standing == "other project" else entry.model or "-",
        entry.runs_on or "-",
        _price(entry.hourly.likely, complete=entry.hourly.is_complete),
        _price(entry.monthly.likely, complete=entry.monthly.is_complete),
        (use, "yellow" if entry.use == "idle" else ""),
    ]


def _price(likely: object, *, complete: bool) -> str:
    """Unknown is never $0; what is known in part says so."""
    from decimal import Decimal

    from reconciler.reports.figures import money

    if not isinstance(likely, Decimal):
        return "unknown"
    return money(likely) if complete else f"{money(likely)} + ?"


def _document(taken: Inventory) -> dict[str, object]:
    from reconciler.engine.inventory import Standing

    totals = {str(each): taken.monthly(each).model_dump(mode="json", by_alias=True) for each in Standing}
    return {"resources": [entry.model_dump(mode="json", by_alias=True) for entry in taken.entries], "monthly": totals}
