"""``reconciler data``: what training data holds and what is wrong with it, before anything is planned on it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import base_models, dataset_names
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.datasets.check import Demands
    from reconciler.datasets.examine import Watching
    from reconciler.datasets.passing import Watch
    from reconciler.datasets.tokens import TokenRule
    from reconciler.domain.catalog import FoundationModel
    from reconciler.domain.desired import DatasetSource, ResolvedModel, ValidationPlan
    from reconciler.domain.errors import ReconcilerError
    from reconciler.stores.datafiles import DataFiles


@click.group()
def data() -> None:
    """Look at training data: records, tokens, and everything that is wrong with it."""


@data.command()
@click.argument("name", metavar="NAME|PATH", shell_complete=dataset_names)
@click.option(
    "--model", "key", metavar="KEY", shell_complete=base_models, help="Check against the limits of this base model."
)
@click.option("--provider", type=click.Choice(["sagemaker", "bedrock"]), help="Where a base model has both.")
@click.option(
    "--validation", metavar="N%|NAME|PATH", help="Check together with validation data, or with a share split off."
)
@project_options
@json_option
@pass_invocation
def check(invocation: Invocation, name: str, key: str | None, provider: str | None, validation: str | None) -> int:
    """Report what the data holds: records, tokens, and every problem at once, each with its rows.

    NAME is a Dataset or a model of the project; of a model, its base model's limits and its validation data are checked too.
    PATH is a file, or s3://bucket/key. Nothing is uploaded and nothing is changed. Exit code 1 where there is an error.
    """
    from reconciler.datasets.training import check as check_data
    from reconciler.domain.diagnostic import has_errors

    subject = _subject(invocation, name, validation, key, provider)
    with _progress(invocation, subject) as watching:
        how = subject.files.looking(subject.tokens, watching)
        checked = check_data(subject.source, subject.validation, how, subject.demands)
    if invocation.json:
        from reconciler.reports.json import data_document

        print_json(data_document(checked))
    else:
        from reconciler.reports.terminal.data import draw_data

        draw_data(invocation.screen(), checked, invocation.sources)
    return ExitCode.ERROR if has_errors(checked.problems) else ExitCode.OK


@dataclass(frozen=True)
class _Subject:
    files: DataFiles
    source: DatasetSource
    validation: ValidationPlan
    demands: Demands | None
    tokens: TokenRule


def _subject(
    invocation: Invocation, name: str, validation: str | None, key: str | None, provider: str | None
) -> _Subject:
    """Raises ReconcilerError for a name that nothing has, InvalidInput for broken manifests where the name may be theirs."""
    from reconciler.cli.project import watching
    from reconciler.cli.wiring import data_files
    from reconciler.datasets.tokens import ROUGHLY
    from reconciler.domain.desired import ValidationPlan
    from reconciler.stores.tokenizers import token_rule

    library = _Library(invocation)
    model = library.model(name)
    source = model.training_data if model else library.source(name)
    own = model.validation if model else library.validation_of(source)
    plan = library.validation(validation) if validation is not None else own or ValidationPlan()
    demanded, base = _demands(model, key, provider)
    root = library.root([source, *([plan.source] if plan.source else [])])
    files = data_files(library.project, root, watching(invocation))
    return _Subject(files, source, plan, demanded, token_rule(base) if base else ROUGHLY)


class _Library:
    """What names mean here: with a project its Datasets and models, always files and addresses."""

    def __init__(self, invocation: Invocation) -> None:
        from reconciler.cli.project import opened
        from reconciler.stores.manifests import find_project

        self._directory = invocation.directory
        self.project = opened(invocation) if find_project(invocation.directory) else None
        self._known = self.project.loaded.configuration if self.project else None

    def model(self, name: str) -> ResolvedModel | None:
        return self._known.by_name().get(name.removeprefix("FineTunedModel/")) if self._known else None

    def source(self, name: str) -> DatasetSource:
        from reconciler.domain.desired import DatasetSource

        if self._known and name in self._known.datasets:
            return self._known.datasets[name]
        if name.startswith("s3://"):
            return DatasetSource(name=None, uri=name)
        path = self._directory / name
        if path.exists() or "/" in name or "." in name:
            return DatasetSource(name=None, uri=self._shown(path.resolve()))
        raise self._unknown(name)

    def validation_of(self, source: DatasetSource) -> ValidationPlan | None:
        return self._known.validations.get(source.name or "") if self._known else None

    def validation(self, text: str) -> ValidationPlan:
        """``10%``, or what names a source."""
        from reconciler.domain.desired import ValidationPlan

        percent = text.removesuffix("%")
        if text.endswith("%") and percent.isdecimal():
            if not 1 <= int(percent) <= 99:
                raise click.BadParameter("a share is 1% to 99%", param_hint="--validation")
            return ValidationPlan(split_percent=int(percent))
        return ValidationPlan(source=self.source(text))

    def root(self, sources: Sequence[DatasetSource]) -> Path:
        """The project's folder, or where all files can be reached: to look at data is not to train on it."""
        absolute = [Path(source.uri) for source in sources if not source.is_s3 and Path(source.uri).is_absolute()]
        inside = self.project and all(path.is_relative_to(self.project.directory) for path in absolute)
        return self.project.directory if self.project and inside else Path(Path.cwd().anchor)

    def _shown(self, path: Path) -> str:
        """As the project's manifests would name it, where it lies within."""
        if self.project and path.is_relative_to(self.project.directory):
            return path.relative_to(self.project.directory).as_posix()
        return str(path)

    def _unknown(self, name: str) -> ReconcilerError:
        from reconciler.cli.project import checked
        from reconciler.domain.errors import ReconcilerError
        from reconciler.domain.spelling import did_you_mean

        found = checked(self.project) if self.project else None
        known = sorted([*found.datasets, *found.by_name()]) if found else []
        usual = "Name a Dataset or a model of the project, a path, or s3://bucket/key."
        return ReconcilerError(f"there is no Dataset, model or file {name!r}", hint=did_you_mean(name, known) or usual)


def _demands(
    model: ResolvedModel | None, key: str | None, provider: str | None
) -> tuple[Demands | None, FoundationModel | None]:
    """Of the model, or of the base model that ``--model`` names."""
    from reconciler.catalog import load
    from reconciler.datasets.check import demands, usual_demands
    from reconciler.domain.catalog import ProviderName
    from reconciler.domain.errors import ReconcilerError
    from reconciler.domain.spelling import did_you_mean

    wanted = key or (model.base_model if model else None)
    if wanted is None:
        return None, None
    catalog = load()
    base = catalog.model(wanted)
    if base is None:
        hint = did_you_mean(wanted, [each.key for each in catalog.models])
        raise ReconcilerError(f"the catalog has no base model {wanted!r}", hint=hint)
    if model and base.key == model.base_model:
        return demands(model, base), base
    where = ProviderName(provider) if provider else base.providers[0]
    if where not in base.dataset:
        raise ReconcilerError(f"{base.key} is not tuned on {where}", hint=f"Leave out --provider {where}.")
    return usual_demands(base, where), base


@contextmanager
def _progress(invocation: Invocation, subject: _Subject) -> Iterator[Watching | None]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty() or invocation.json:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("Reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    screen = invocation.screen(sys.stderr)
    with Progress(*columns, console=screen.console, transient=True) as progress:

        def watching(source: DatasetSource) -> Watch:
            task = progress.add_task("", total=subject.files.size(source))
            return lambda position: progress.update(task, completed=position)

        yield watching
