"""``reconciler import``: what was made elsewhere becomes a manifest, and is adopted by its tags."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.approval import require_yes
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import lock_timeout_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.signals import StopRequest

if TYPE_CHECKING:
    from reconciler.cli.wiring import Project
    from reconciler.domain.catalog import ProviderName
    from reconciler.domain.desired import Configuration, DesiredModel
    from reconciler.domain.diagnostic import Diagnostic
    from reconciler.domain.survey import Importable, ResourceKind
    from reconciler.engine.outside import Outside
    from reconciler.manifest.imported import Wishes


@dataclass(frozen=True)
class _Draft:
    """``text is None``: a manifest of that name is there already, and counts as it is."""

    path: Path
    shown: str
    text: str | None


@click.command("import")
@click.argument("address", metavar="KIND/ID")
@click.option("--name", metavar="NAME", help="The model's name; else that of what serves it, or of its training.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write the manifest; models/NAME.yaml, where there is that folder.",
)
@click.option("--base-model", metavar="KEY", help="The catalog's key, where the cloud does not tell it.")
@click.option(
    "--dataset", metavar="SOURCE", help="The training data, where the cloud does not tell it: a Dataset, a path, s3://."
)
@click.option("--validation", metavar="SOURCE", help="The validation data, likewise.")
@click.option("--dry-run", is_flag=True, help="Print the manifest; write and tag nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@lock_timeout_option
@project_options
@pass_invocation
def import_(
    invocation: Invocation,
    address: str,
    name: str | None,
    out: Path | None,
    base_model: str | None,
    dataset: str | None,
    validation: str | None,
    dry_run: bool,
    yes: bool,
    lock_timeout: timedelta,
) -> int:
    """Write a manifest for what was made elsewhere, and adopt it by its tags. Nothing is trained, rolled or renamed.

    KIND/ID is as `reconciler discover` prints it: training-job/NAME, endpoint/NAME, custom-model/NAME or custom-model/ARN. Where the
    project has a manifest of that name already, that one counts and none is written: to repeat an import, or to adopt after a review.
    """
    from reconciler.engine.importing import adopt, importable
    from reconciler.engine.outside import RunSettings
    from reconciler.manifest.imported import Wishes, model_name

    kind, identifier = _parsed(address)
    project = opened(invocation)
    configuration = checked(project)
    with watching(invocation) as progress:
        outside = project.outside(progress, StopRequest())
        found = outside.surveyors[_provider(kind)].look(kind, identifier)
    called = model_name(found, name)
    importable(found, configuration.project.name, called)
    wishes = Wishes(name=called, base_model=base_model, training=dataset, validation=validation)
    draft = _draft(project, configuration, outside, found, wishes, out)
    if dry_run and draft.text is not None:
        click.echo(draft.text, nl=False)
    configuration = _with_draft(invocation, draft, called)
    model = _with_fingerprint(configuration, outside, called)
    if dry_run:
        return ExitCode.OK
    _tell(invocation, found, model, draft)
    if not yes:
        require_yes("Import it?")
    _write(draft)
    settings = RunSettings(lock_timeout=lock_timeout, operation="import")
    outcome = adopt(configuration, outside, found, model, settings)
    return _ended(invocation, found, outcome.fault.message if outcome.fault else None)


def _parsed(address: str) -> tuple[ResourceKind, str]:
    from reconciler.domain.survey import IMPORTABLE

    kind, _, identifier = address.partition("/")
    chosen = next((each for each in IMPORTABLE if each == kind), None)
    if chosen is None or not identifier:
        kinds = ", ".join(f"{each}/NAME" for each in IMPORTABLE)
        raise click.UsageError(f"{address!r} is not a resource that can be imported: write one of {kinds}.")
    return chosen, identifier


def _provider(kind: ResourceKind) -> ProviderName:
    from reconciler.domain.survey import IMPORTABLE

    return IMPORTABLE[kind]


def _draft(
    project: Project,
    configuration: Configuration,
    outside: Outside,
    found: Importable,
    wishes: Wishes,
    out: Path | None,
) -> _Draft:
    """Raises ReconcilerError where the file is there already, or lies outside the project."""
    from reconciler.domain.errors import ReconcilerError
    from reconciler.manifest.imported import base_model, manifest_text

    name = wishes.name
    assert name is not None
    path = (project.directory / (out or _place(project.directory, name))).resolve()
    if name in configuration.by_name():
        return _Draft(path, "", None)
    if not path.is_relative_to(project.directory) or path.suffix not in (".yaml", ".yml"):
        raise ReconcilerError(
            f"{path} is no place for a manifest", hint="Name a .yaml file within the project's folder."
        )
    if path.exists():
        raise ReconcilerError(f"{path} exists", hint="Choose another: --out FILE.")
    wishes = replace(
        wishes,
        training=_seen_from(path.parent, project.directory, wishes.training),
        validation=_seen_from(path.parent, project.directory, wishes.validation),
    )
    base = base_model(found, outside.catalog, wishes.base_model)
    shown = path.relative_to(project.directory).as_posix()
    return _Draft(path, shown, manifest_text(found, name, base, wishes))


def _with_draft(invocation: Invocation, draft: _Draft, name: str) -> Configuration:
    """The project as it will be. Raises InvalidInput with all that is wrong in the draft."""
    from reconciler.domain.errors import InvalidInput, ReconcilerError
    from reconciler.manifest.load import SourceFile

    drafts = [] if draft.text is None else [SourceFile(path=draft.shown, text=draft.text)]
    try:
        configuration = checked(opened(invocation, drafts))
    except InvalidInput as trouble:
        raise InvalidInput([*trouble.diagnostics, _what_helps()]) from trouble
    if name not in configuration.by_name():
        raise ReconcilerError(
            f"the environment {invocation.environment} calls it otherwise than {name}",
            hint='Give the environment `nameSuffix: ""`, or import without --env.',
        )
    return configuration


def _with_fingerprint(configuration: Configuration, outside: Outside, name: str) -> DesiredModel:
    """Raises InvalidInput where the training data cannot be read: what it was trained on is part of what it is."""
    from reconciler.domain.errors import InvalidInput
    from reconciler.engine.importing import wanted

    try:
        return wanted(configuration, outside, name)
    except InvalidInput as trouble:
        raise InvalidInput([*trouble.diagnostics, _what_helps()]) from trouble


def _place(directory: Path, name: str) -> str:
    """Beside the others, where they have the folder that `init` makes."""
    return f"models/{name}.yaml" if (directory / "models").is_dir() else f"{name}.yaml"


def _seen_from(folder: Path, directory: Path, source: str | None) -> str | None:
    """A file that the command line names from the project's folder, as the manifest names it: from its own."""
    if source is None or not (directory / source).is_file():
        return source
    return Path(os.path.relpath(directory / source, folder)).as_posix()


def _what_helps() -> Diagnostic:
    from reconciler.domain.diagnostic import Diagnostic, Severity

    return Diagnostic(
        code="import-needs-more",
        severity=Severity.NOTE,
        summary="Nothing was written or tagged",
        hint="say what the cloud does not tell: --dataset SOURCE, --validation SOURCE, --base-model KEY. Or write the manifest yourself "
        "(--dry-run prints a draft), and repeat the import with --name: a manifest that is there counts",
    )


def _tell(invocation: Invocation, found: Importable, model: DesiredModel, draft: _Draft) -> None:
    from reconciler.domain.naming import short

    screen = invocation.screen()
    screen.line((f"{found.found.address} becomes {model.address}", "bold"))
    screen.entry("  manifest:    ", draft.shown or "the one that is there")
    screen.entry("  version:     ", f"{short(model.fingerprint)}, trained as {found.version}")
    for holding in found.holdings:
        screen.entry("  to be tagged: ", holding.identifier)


def _write(draft: _Draft) -> None:
    """Never over what is there."""
    if draft.text is None:
        return
    draft.path.parent.mkdir(parents=True, exist_ok=True)
    with open(draft.path, "x", encoding="utf-8", newline="\n") as file:
        file.write(draft.text)


def _ended(invocation: Invocation, found: Importable, trouble: str | None) -> ExitCode:
    from reconciler.domain.errors import ReconcilerError

    if trouble is not None:
        raise ReconcilerError(
            f"{found.found.address} could not be tagged: {trouble}",
            hint="The manifest is written. Repeat the import before the next apply: it goes on where it stopped.",
        )
    screen = invocation.screen()
    screen.line(
        (f"Imported {found.found.address}.", "green"),
        " Commit the manifest; `reconciler plan` has nothing to do for it.",
    )
    return ExitCode.OK
