"""``reconciler estimate``: what a training takes of memory, time and money, before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import base_models, model_names
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.row_answers import ESTIMATORS, answer_rows
from reconciler.cli.supposed import DEFAULT_REGION, METHODS, PROVIDERS, Supposition, supposed

if TYPE_CHECKING:
    from reconciler.domain.catalog import Catalog
    from reconciler.domain.desired import Configuration, DesiredModel
    from reconciler.domain.diagnostic import Diagnostic
    from reconciler.domain.measurement import History
    from reconciler.domain.ports import DataLibrary
    from reconciler.reports.view.options import Estimated


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=model_names)
@click.option(
    "--model",
    shell_complete=base_models,
    metavar="KEY",
    help="Without a manifest: this base model, or a folder of weights.",
)
@click.option("--dataset", metavar="PATH", help="With --model: training data, a file or s3://bucket/key.")
@click.option(
    "--records", type=click.IntRange(1), metavar="N", help="With --model, instead of --dataset: so many records."
)
@click.option("--tokens-per-record", type=click.IntRange(1), metavar="N", help="With --records: their mean length.")
@click.option("--method", type=click.Choice(METHODS), help="With --model: lora unless told otherwise.")
@click.option(
    "--provider", type=click.Choice(PROVIDERS), help="With --model: one of those that tune it; all by default."
)
@click.option("--epochs", type=click.IntRange(1), metavar="N", help="With --model; as the catalog has it by default.")
@click.option("--batch-size", type=click.IntRange(1), metavar="N", help="With --model: records at a time on each GPU.")
@click.option(
    "--max-length", type=click.IntRange(1), metavar="N", help="With --model: tokens kept of a record; 1024 by default."
)
@click.option("--instances", type=click.IntRange(1), metavar="N", help="With --model: so many instances; 1 by default.")
@click.option(
    "--region", help=f"Prices of this AWS region; of manifests the project's by default, else {DEFAULT_REGION}."
)
@click.option("--history", "past", is_flag=True, help="What trainings of the project took, against what was predicted.")
@click.option("--all", "every", is_flag=True, help="Instance types that do not fit, too.")
@click.option(
    "--rows",
    type=click.Path(allow_dash=True, dir_okay=False),
    metavar="FILE.csv",
    help="Print CSV for a table of trainings, one a line; `-` reads standard input. Columns: benchmarks/README.md.",
)
@click.option(
    "--estimator",
    type=click.Choice(ESTIMATORS),
    help="With --rows, of memory: a closed form; the rule that teams use, to compare with; or a training step on tensors without "
    "contents, which takes the [train] extra and seconds a row.",
)
@json_option
@project_options
@pass_invocation
def estimate(
    invocation: Invocation,
    /,
    names: tuple[str, ...],
    rows: str | None,
    estimator: str | None,
    region: str | None,
    every: bool,
    past: bool,
    **flags: object,
) -> int:
    """Compare the instance types that a training could run on: whether it fits, how long it takes, what it costs.

    Of manifests, or of flags alone; the cheapest first. Asks no cloud but for data in S3, and for --history.

    \b
    Examples:
      reconciler estimate support-bot
      reconciler estimate --model llama-3.1-8b-instruct --dataset data.csv --method qlora
      reconciler estimate --model ../my-base --records 10000 --tokens-per-record 300
      reconciler estimate --model qwen3-1.7b --records 10000 --tokens-per-record 300 --json
      reconciler estimate --rows trainings.csv
      reconciler estimate --history
    """
    supposition = Supposition.of(flags)
    _refuse_mixtures(names, rows, estimator, supposition, past=past)
    if past:
        return _show_history(invocation)
    if rows is not None:
        answer_rows(invocation, rows, estimator or ESTIMATORS[0], region or DEFAULT_REGION)
        return ExitCode.OK
    asked = _supposed(invocation, supposition, region) if supposition else _of_manifests(invocation, names, region)
    _show(invocation, asked, every=every)
    return ExitCode.OK


def _refuse_mixtures(
    names: Sequence[str], rows: str | None, estimator: str | None, supposition: Supposition | None, *, past: bool
) -> None:
    asked = (("NAME", names), ("--model", supposition), ("--rows", rows), ("--history", past))
    given = [name for name, it in asked if it]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} exclude each other.")
    if estimator is not None and rows is None:
        raise click.UsageError("--estimator is for --rows.")


def _supposed(invocation: Invocation, supposition: Supposition, region: str | None) -> list[Estimated]:
    from reconciler.cli.wiring import catalog_at
    from reconciler.stores.manifests import find_project

    catalog = catalog_at(find_project(invocation.directory) or invocation.directory)
    return [
        replace(each, supposed=True)
        for configuration, library in supposed(invocation, supposition, catalog, region)
        for each in _estimated(configuration, library, catalog, configuration.project.region)
    ]


def _of_manifests(invocation: Invocation, names: Sequence[str], region: str | None) -> list[Estimated]:
    """Of the models that are named, or of all. What they build on is read too, since their fingerprints say so."""
    from reconciler.cli.wiring import catalog_at, data_files, remembered_history

    project = opened(invocation)
    configuration, catalog = checked(project), catalog_at(project.directory)
    for name in names:
        _known(name, configuration)
    with watching(invocation) as watch:
        library = data_files(project, project.directory, watch)
        wanted = frozenset(names) or frozenset(configuration.by_name())
        lineage = _with_parents(configuration, wanted)
        place = region or configuration.project.region
        found = _estimated(lineage, library, catalog, place, remembered_history(project.directory))
    return [each for each in found if each.model.name in wanted]


def _known(name: str, configuration: Configuration) -> None:
    from reconciler.domain.errors import ReconcilerError
    from reconciler.domain.spelling import did_you_mean

    known = configuration.by_name()
    if name not in known:
        raise ReconcilerError(f"no manifest names a model {name!r}", hint=did_you_mean(name, known) or "")


def _with_parents(configuration: Configuration, wanted: frozenset[str]) -> Configuration:
    """Parents stand before children: from the last to the first each says what it needs."""
    needed = set(wanted)
    for model in reversed(configuration.models):
        if model.name in needed and model.parent:
            needed.add(model.parent)
    return configuration.model_copy(update={"models": tuple(m for m in configuration.models if m.name in needed)})


def _estimated(
    configuration: Configuration,
    library: DataLibrary,
    catalog: Catalog,
    region: str,
    history: History | None = None,
) -> list[Estimated]:
    """Raises InvalidInput where data cannot be used."""
    from reconciler.domain.diagnostic import has_errors
    from reconciler.domain.errors import InvalidInput
    from reconciler.domain.measurement import NO_HISTORY
    from reconciler.engine.desire import asked_for

    models, found = asked_for(configuration, library, catalog)
    if has_errors(found):
        raise InvalidInput(found)
    return [_one(model, catalog, region, history or NO_HISTORY, found) for model in models]


def _one(
    model: DesiredModel, catalog: Catalog, region: str, history: History, found: Sequence[Diagnostic]
) -> Estimated:
    from reconciler.cost.choice import choice_for, why_chosen, why_none
    from reconciler.cost.options import training_options
    from reconciler.domain.desired import AUTO
    from reconciler.reports.view.options import Estimated

    choice, resources = choice_for(model, catalog, region), model.resolved.resources
    asks = resources is not None and resources.instance_type == AUTO
    why = why_chosen(choice) if choice else why_none(model, catalog, region) if asks else ""
    return Estimated(
        model=model,
        region=region,
        prices_as_of=catalog.prices_as_of(region),
        options=training_options(model, catalog, region, history),
        picked=choice.instance_type if choice else None,
        why=why,
        noticed=tuple(each for each in found if each.address == model.address),
    )


def _show(invocation: Invocation, found: Sequence[Estimated], *, every: bool) -> None:
    from reconciler.reports.terminal.options import draw_estimate
    from reconciler.reports.view.options import estimate_data, view_options

    if invocation.json:
        print_json({"estimates": [estimate_data(each) for each in found]})
        return
    screen = invocation.screen()
    for number, each in enumerate(found):
        if number:
            screen.blank()
        draw_estimate(screen, view_options(each, every=every))


def _show_history(invocation: Invocation) -> ExitCode:
    """Raises CloudUnavailable."""
    from reconciler.cli.signals import StopRequest
    from reconciler.reports.terminal.history import draw_history
    from reconciler.reports.view.history import history_data, view_history

    project = opened(invocation)
    checked(project)
    with watching(invocation) as watch:
        found = project.outside(watch, StopRequest()).artifacts.history()
    if invocation.json:
        print_json(history_data(found))
    else:
        draw_history(invocation.screen(), view_history(found))
    return ExitCode.OK
