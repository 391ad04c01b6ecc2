"""``reconciler lock``: who holds the project's lock, and releasing it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.approval import require_yes
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.signals import StopRequest

if TYPE_CHECKING:
    from reconciler.domain.ports import Lock, LockInfo


@click.group()
def lock() -> None:
    """Show or release the project's lock, which one apply at a time holds."""


@lock.command()
@project_options
@json_option
@pass_invocation
def show(invocation: Invocation) -> int:
    """Say who holds the lock, since when, and when it expires."""
    held = _lock(invocation).show()
    if invocation.json:
        print_json({"held": held is not None, "lock": held.model_dump(mode="json", by_alias=True) if held else None})
    elif held is None:
        invocation.screen().line("The lock is free.")
    else:
        _draw(invocation, held)
    return ExitCode.OK


@lock.command()
@click.argument("lock_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_options
@pass_invocation
def release(invocation: Invocation, lock_id: str, yes: bool) -> int:
    """Release the lock whose ID `lock show` prints. Do this only when its holder is surely gone."""
    if not yes:
        require_yes(f"Release the lock {lock_id}? Whoever holds it stops before its next call.")
    _lock(invocation).release(lock_id)
    invocation.screen().line("Released.")
    return ExitCode.OK


def _lock(invocation: Invocation) -> Lock:
    project = opened(invocation)
    checked(project)
    with watching(invocation) as progress:
        outside = project.outside(progress, StopRequest())
    outside.artifacts.prepare()
    return outside.lock


def _draw(invocation: Invocation, held: LockInfo) -> None:
    from reconciler.reports.figures import moment

    facts = (
        ("ID", held.id),
        ("operation", held.operation),
        ("who", held.who),
        ("version", held.version),
        ("created", moment(held.created)),
        ("expired" if held.expired else "expires", moment(held.expires)),
        ("info", held.info),
    )
    screen = invocation.screen()
    for label, text in facts:
        if text:
            screen.entry((label.ljust(11), "dim"), text)
    if held.expired:
        screen.line("Its holder did not renew it: the next apply takes it over, and nobody has to release it.")
