"""``reconciler rollback``: the manifest, changed back to an older version."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import model_names
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import Proposed, checked, opened, proposed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.domain.desired import DesiredModel
    from reconciler.engine.rollback import VersionEntry


@click.command()
@click.argument("name", shell_complete=model_names)
@click.argument("version", required=False)
@click.option("--list", "listed", is_flag=True, help="List the versions; change nothing.")
@click.option("--dataset", metavar="SOURCE", help="Where the training data of that version lies now.")
@click.option("--dry-run", is_flag=True, help="Show what would be changed in the manifest; change nothing.")
@project_options
@json_option
@pass_invocation
def rollback(
    invocation: Invocation, name: str, version: str | None, listed: bool, dataset: str | None, dry_run: bool
) -> int:
    """Change the manifest of NAME so that it asks for an older VERSION again: the one before, where none is given.

    VERSION is the beginning of a fingerprint. The cloud is not touched: the next apply finds the version trained, and rolls to it
    without a training. The manifest keeps its comments; how the model is deployed stays as the manifest says now.
    """
    from reconciler.cli.fmt import replace
    from reconciler.domain.plan import PlanOptions
    from reconciler.engine.rollback import chosen, versions

    name = name.removeprefix("FineTunedModel/")
    made = proposed(invocation, PlanOptions(allow=invocation.allow))
    wanted = _wanted(made, name)
    entries = versions(made.proposal, name)
    if listed:
        _list(invocation, entries)
        return ExitCode.OK
    entry = chosen(entries, name, version)
    root, path, before, after = _changed(invocation, made, wanted, entry, dataset)
    _show(invocation, entry, path, before, after)
    if not dry_run:
        replace(root / path, after)
    return ExitCode.OK


def _wanted(made: Proposed, name: str) -> DesiredModel:
    from reconciler.domain.errors import ReconcilerError

    wanted = made.proposal.wanted(name)
    if wanted is None:
        known = ", ".join(sorted(model.name for model in made.configuration.models)) or "none"
        raise ReconcilerError(f"no manifest names a model {name!r}", hint=f"There are: {known}.")
    return wanted


def _changed(
    invocation: Invocation, made: Proposed, wanted: DesiredModel, entry: VersionEntry, dataset: str | None
) -> tuple[Path, str, str, str]:
    """The project's folder, the manifest's file, its text, and the text that brings the version back, which was checked to do so."""
    from reconciler.engine.importing import wanted as with_fingerprint
    from reconciler.engine.rollback import edits, recorded, require_same
    from reconciler.manifest.edit import edited
    from reconciler.manifest.load import SourceFile

    then = recorded(made.outside, wanted.name, entry)
    where = wanted.resolved.where
    assert where is not None, "a model of a manifest has a place"
    before = invocation.sources[where.file]
    after = edited(before, wanted.name, edits(wanted, then, dataset=dataset), environment=invocation.environment or "")
    project = opened(invocation, [SourceFile(path=where.file, text=after)])
    require_same(with_fingerprint(checked(project), made.outside, wanted.name), then)
    return project.directory, where.file, before, after


def _list(invocation: Invocation, entries: Sequence[VersionEntry]) -> None:
    from reconciler.domain.naming import short
    from reconciler.reports.figures import moment

    if invocation.json:
        print_json({"versions": [entry.model_dump(mode="json", by_alias=True) for entry in entries]})
        return
    screen = invocation.screen()
    if not entries:
        screen.line("No versions: nothing has been trained.")
        return
    rows = [
        [
            short(entry.fingerprint),
            entry.trained_as,
            moment(entry.trained_at),
            ", ".join(f"{key} {value}" for key, value in entry.metrics.items()) or "-",
            "yes" if entry.serves else "no",
            "wanted" if entry.wanted else "" if entry.artifact else "no artifact",
        ]
        for entry in entries
    ]
    screen.table(["VERSION", "TRAINED AS", "TRAINED", "METRICS", "SERVES", ""], rows)


def _show(invocation: Invocation, entry: VersionEntry, path: str, before: str, after: str) -> None:
    from reconciler.domain.naming import short

    if invocation.json:
        print_json({"version": entry.model_dump(mode="json", by_alias=True), "file": path, "text": after})
        return
    screen = invocation.screen()
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm=""):
        screen.line((line, styles.get(line[:1], "")))
    screen.blank()
    screen.line(
        f"{path} asks for version {short(entry.fingerprint)} then. `reconciler plan` shows what follows: no training."
    )
