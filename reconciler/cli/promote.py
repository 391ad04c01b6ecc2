"""``reconciler promote``: what one environment trained is served by another, without another training."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.completing import environment_names, model_names
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import (
    allow_option,
    cloud_option,
    color_option,
    directory_option,
    json_option,
    lock_timeout_option,
)
from reconciler.cli.project import Watch, checked, opened, watching
from reconciler.cli.signals import StopRequest

if TYPE_CHECKING:
    from reconciler.engine.promote import Candidate, Promoted, Side


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=model_names)
@click.option(
    "--from",
    "origin",
    required=True,
    metavar="ENV",
    shell_complete=environment_names,
    help="The environment that trained it.",
)
@click.option(
    "--to",
    "destination",
    required=True,
    metavar="ENV",
    shell_complete=environment_names,
    help="The environment that shall serve it.",
)
@click.option("--from-profile", metavar="PROFILE", help="The AWS profile for the first, where it is another account.")
@click.option("--to-profile", metavar="PROFILE", help="The AWS profile for the second.")
@click.option("--dry-run", is_flag=True, help="Only say what would be promoted, or what speaks against it.")
@lock_timeout_option
@directory_option
@cloud_option
@allow_option
@color_option
@json_option
@pass_invocation
def promote(
    invocation: Invocation,
    names: tuple[str, ...],
    origin: str,
    destination: str,
    from_profile: str | None,
    to_profile: str | None,
    dry_run: bool,
    lock_timeout: timedelta,
) -> int:
    """Bring the very artifact that one environment trained and evaluated into another: same fingerprint, same bytes.

    Without NAME: all models that both environments have. What a model builds on goes with it. Refused, before anything is copied,
    where the manifests of the two would train different versions, where the version is not trained, or where its metrics miss a
    promotion bound of either environment.

    Nothing is deployed: the next plan of the other environment says `deploy` instead of `train`.

    \b
    Examples:
      reconciler promote support-bot --from staging --to prod
      reconciler apply --env prod
    """
    from reconciler.engine import promote as engine

    if origin == destination:
        raise click.BadParameter("is the environment that it comes from", param_hint="--to")
    with watching(invocation) as watch:
        source = _side(invocation, origin, from_profile, watch)
        target = _side(invocation, destination, to_profile, watch)
        candidates = engine.examine(source, target, names)
        if dry_run:
            done = tuple(engine.Promoted(candidate) for candidate in candidates)
        else:
            done = engine.promote(candidates, source, target, lock_timeout=lock_timeout)
    _tell(invocation, done, destination, dry_run=dry_run)
    failed = any(each.outcome and each.outcome.fault for each in done)
    return ExitCode.ERROR if failed else ExitCode.OK


def _side(invocation: Invocation, environment: str, profile: str | None, watch: Watch) -> Side:
    from reconciler.engine.promote import look

    there = dataclasses.replace(invocation, environment=environment)
    project = opened(there)
    invocation.sources = {**invocation.sources, **there.sources}
    return look(checked(project), project.outside(watch, StopRequest(), profile=profile))


def _tell(invocation: Invocation, done: tuple[Promoted, ...], destination: str, *, dry_run: bool) -> None:
    if invocation.json:
        print_json({"promoted": [_entry(each, dry_run=dry_run) for each in done]})
        return
    from reconciler.reports.figures import counted

    screen = invocation.screen()
    for each in done:
        for label, text in _lines(each, dry_run=dry_run):
            screen.entry((label, "bold" if not label.startswith(" ") else "dim"), text)
    made = [each for each in done if each.outcome is not None and each.outcome.fault is None]
    if dry_run:
        screen.line((f"{counted(len(done), 'model')} can be promoted. Nothing was done.", "bold"))
        return
    screen.line((f"Promoted {counted(len(made), 'model')} to {destination}.", "bold"))
    screen.line("Next: ", (f"reconciler plan --env {destination}", "bold"))


def _lines(done: Promoted, *, dry_run: bool) -> list[tuple[str, str]]:
    from reconciler.domain.naming import short
    from reconciler.reports.figures import size

    it = done.candidate
    lines = [(f"{it.target.name}  ", f"version {short(it.target.fingerprint)}, {_state(done, dry_run=dry_run)}")]
    if it.artifact and not it.present:
        lines.append(("  trained    ", f"as {it.source.name}: {_metrics(it) or 'no metrics were reported'}"))
        lines.append(("  artifact   ", it.artifact.identifier))
    if done.copied and done.copied.new:
        checked_copy = f"{size(done.copied.size_bytes)}, sha256:{done.copied.sha256[:16]}"
        lines.append(("  copied to  ", f"{done.copied.artifact.identifier} ({checked_copy})"))
    if done.outcome and done.outcome.fault:
        lines.append(("  error      ", done.outcome.message))
    return lines


def _state(done: Promoted, *, dry_run: bool) -> str:
    if done.candidate.present:
        return "its lost copy made again" if done.outcome else "already there"
    if dry_run:
        return "would be promoted"
    return "not registered" if done.outcome and done.outcome.fault else "promoted"


def _metrics(candidate: Candidate) -> str:
    from reconciler.planner.promotion import final_metrics

    return ", ".join(f"{name} {float(value):.4g}" for name, value in sorted(final_metrics(candidate.version).items()))


def _entry(done: Promoted, *, dry_run: bool) -> dict[str, Any]:
    from reconciler.planner.promotion import final_metrics

    it = done.candidate
    return {
        "model": it.name,
        "from": it.source.name,
        "to": it.target.name,
        "fingerprint": it.target.fingerprint,
        "state": _state(done, dry_run=dry_run),
        "source": it.artifact.identifier if it.artifact else None,
        "metrics": {name: float(value) for name, value in final_metrics(it.version).items()},
        "copied": done.copied.model_dump(mode="json", by_alias=True) if done.copied else None,
        "message": done.outcome.message if done.outcome else None,
    }
