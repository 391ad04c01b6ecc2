"""``reconciler restore``: a deleted version, back from the trash without training."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import model_names
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, lock_timeout_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.domain.desired import Configuration
    from reconciler.domain.ports import Discarded
    from reconciler.engine.restore import Restored


@click.command()
@click.argument("name", required=False, shell_complete=model_names)
@click.argument("version", required=False)
@click.option("--list", "listed", is_flag=True, help="List what lies in the trash; change nothing.")
@lock_timeout_option
@project_options
@json_option
@pass_invocation
def restore(
    invocation: Invocation, name: str | None, version: str | None, listed: bool, lock_timeout: timedelta
) -> int:
    """Bring a deleted version of NAME back from the trash, where SageMaker artifacts are kept for 30 days.

    VERSION is the beginning of a fingerprint; without it, the version that the manifest asks for, else the one deleted last. Its
    files go back to where they lay and it counts as trained again, with the metrics it had. Nothing is trained or deployed:
    `reconciler plan` shows what follows. The manifest of NAME must be there, else the next apply would delete it again.
    """
    from reconciler.engine import restore as engine
    from reconciler.engine.importing import wanted
    from reconciler.engine.outside import RunSettings

    if not listed and name is None:
        raise click.UsageError("Missing argument 'NAME' (or --list).")
    project = opened(invocation)
    configuration = checked(project)
    name = name.removeprefix("FineTunedModel/") if name else None
    with watching(invocation) as watch:
        outside = project.outside(watch, StopRequest())
        entries = [entry for entry in outside.artifacts.discarded() if name in (None, entry.model)]
        if listed or name is None:
            _list(invocation, entries)
            return ExitCode.OK
        _require_manifest(configuration, entries, name)
        model = wanted(configuration, outside, name)
        entry = engine.chosen(entries, name, version, model.fingerprint)
        settings = RunSettings(operation="restore", lock_timeout=lock_timeout)
        done = engine.restore(configuration, outside, model, entry, settings)
    _tell(invocation, done)
    return ExitCode.ERROR if done.outcome.fault else ExitCode.OK


def _require_manifest(configuration: Configuration, entries: Sequence[Discarded], name: str) -> None:
    from reconciler.domain.errors import ReconcilerError
    from reconciler.domain.spelling import did_you_mean

    names = sorted(model.name for model in configuration.models)
    if name not in names:
        kept = (
            f"Bring it back from the Git history first; the trash keeps the model until {entries[-1].expires_on}."
            if entries
            else ""
        )
        raise ReconcilerError(f"no manifest names a model {name!r}", hint=kept or did_you_mean(name, names))


def _list(invocation: Invocation, entries: Sequence[Discarded]) -> None:
    from reconciler.domain.naming import short
    from reconciler.reports.figures import size

    if invocation.json:
        print_json({"trash": [entry.model_dump(mode="json", by_alias=True) for entry in entries]})
        return
    screen = invocation.screen()
    if not entries:
        screen.line("The trash is empty.")
        return
    rows = [
        [
            entry.model,
            short(entry.version.fingerprint),
            str(entry.deleted_on),
            str(entry.expires_on),
            size(entry.size_bytes),
        ]
        for entry in entries
    ]
    screen.table(["MODEL", "VERSION", "DELETED", "KEPT UNTIL", "SIZE"], rows)


def _tell(invocation: Invocation, done: Restored) -> None:
    from reconciler.domain.naming import short

    name, version = done.entry.model, short(done.entry.version.fingerprint)
    if invocation.json:
        restored = done.entry.model_dump(mode="json", by_alias=True)
        print_json(
            {
                "restored": restored,
                "wanted": done.wanted,
                "outcome": done.outcome.model_dump(mode="json", by_alias=True),
            }
        )
        return
    screen = invocation.screen()
    if done.outcome.fault:
        screen.line(
            (
                f"Version {version} of {name} lies where it lay, and is not registered: {done.outcome.message}",
                "bold red",
            )
        )
        return
    screen.line((f"Version {version} of {name} is back.", "bold"))
    if done.wanted:
        screen.line("Next: ", ("reconciler plan", "bold"))
    else:
        screen.line("The manifest asks for another version. Next: ", (f"reconciler rollback {name} {version}", "bold"))
