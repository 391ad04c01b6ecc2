"""``reconciler catalog``: base models and instances, with prices, limits and where each figure was read."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.completing import base_models, instance_types
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import color_option, directory_option, json_option
from reconciler.cli.project import checked, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from reconciler.catalog import BundledCatalog
    from reconciler.domain.catalog import Catalog
    from reconciler.reports.view.catalog import CatalogPage
    from reconciler.reports.view.model import Table

region_option = click.option(
    "--region", help="Prices of this AWS region; us-east-1, or where a model is tuned, by default."
)


@click.group()
def catalog() -> None:
    """List base models, instances and container images: what can be tuned, on what, within which bounds, and for how much.

    A price that is not known is `unknown`; one with a question mark is an estimate or was read second-hand.
    """


@catalog.command()
@click.argument("name", required=False, shell_complete=base_models)
@region_option
@json_option
@color_option
@pass_invocation
def models(invocation: Invocation, name: str | None, region: str | None) -> int:
    """List the base models, or show one: hyperparameters and bounds, training data, prices, sources."""
    from reconciler.reports.view.catalog import home_region, model_data, model_page, models_table

    known = _catalog(invocation)
    if name is None:
        chosen = [model for model in known.models if model.instruct]
        entries = (model_data(model, known, region or home_region(model)) for model in chosen)
        return _list(invocation, known, entries, models_table(known))
    entry = known.model(name)
    if entry is None:
        raise _unknown("base model", name, [model.key for model in known.models])
    place = region or home_region(entry)
    return _show(invocation, model_data(entry, known, place), lambda: model_page(entry, known, place))


@catalog.command()
@click.argument("name", required=False, shell_complete=instance_types)
@region_option
@json_option
@color_option
@pass_invocation
def instances(invocation: Invocation, name: str | None, region: str | None) -> int:
    """List the GPU instances, or show one."""
    from reconciler.reports.view.catalog import DEFAULT_REGION, instance_data, instance_page, instances_table

    known, region = _catalog(invocation), region or DEFAULT_REGION
    if name is None:
        entries = (instance_data(instance, known, region) for instance in known.instances)
        return _list(invocation, known, entries, instances_table(known, region))
    entry = known.instance(name)
    if entry is None:
        raise _unknown("instance type", name, [instance.name for instance in known.instances])
    return _show(invocation, instance_data(entry, known, region), lambda: instance_page(entry, known, region))


@catalog.command()
@click.argument("purpose", required=False, type=click.Choice(["training", "serving"]))
@click.option("--region", help="One AWS region; all by default.")
@click.option(
    "--resolve", is_flag=True, help="Ask AWS's SDK as well, and tell where it says otherwise (needs the extra [sdk])."
)
@json_option
@color_option
@pass_invocation
def images(invocation: Invocation, purpose: str | None, region: str | None, resolve: bool) -> int:
    """List the container images of SageMaker trainings and endpoints, pinned by region, with the libraries in them.

    --resolve exits with 2 where a pin is not what the SDK says now; `make images` pins anew.
    """
    from reconciler.catalog import load
    from reconciler.reports.view.catalog import images_data, images_table

    known = load()
    said = _resolved(known) if resolve else None
    chosen = [image for image in known.images if purpose in (None, image.purpose) and region in (None, image.region)]
    if region is not None and not chosen:
        raise _unknown("container image in", region, sorted({image.region for image in known.images}))
    _list(invocation, known, images_data(chosen, said), images_table(chosen, said), more="")
    return ExitCode.CHANGES if said is not None and any(said.get((i.purpose, i.region)) != i.uri for i in chosen) else 0


def _resolved(known: BundledCatalog) -> dict[tuple[str, str], str]:
    """What the SDK says, by purpose and region."""
    from reconciler.catalog import sdk
    from reconciler.domain.errors import ReconcilerError

    try:
        found = {purpose: sdk.resolved(row) for purpose, row in known.image_rows.items()}
    except ImportError as missing:
        hint = "Install it (about 1 GB): pip install 'llm-reconciler[sdk]'."
        raise ReconcilerError(f"AWS's SDK is not installed ({missing.name} is missing)", hint=hint) from missing
    return {(purpose, region): uri for purpose, uris in found.items() for region, uri in uris.items()}


@catalog.command()
@click.option(
    "--region", "regions", multiple=True, help="Read this region's prices; repeat for more. The project's by default."
)
@click.option("--profile", help="The AWS profile, where it is not the one that boto3 finds.")
@directory_option
@json_option
@color_option
@pass_invocation
def refresh(invocation: Invocation, regions: tuple[str, ...], profile: str | None) -> int:
    """Read today's prices from AWS's price list into reconciler.prices.json beside reconciler.yaml.

    Commit the file, so that everybody's plan has the same prices. They go before the snapshot that comes with the program; what AWS
    does not list keeps the snapshot's price, or stays unknown. Needs AWS credentials with pricing:GetProducts, also where the
    project is on the embedded cloud, which has no price list.
    """
    from datetime import UTC, datetime

    from reconciler.catalog import LivePrices
    from reconciler.cli.wiring import catalog_at, price_list
    from reconciler.stores.prices import parse_prices, read_prices, write_prices

    project = opened(invocation)
    root, before = project.directory, catalog_at(project.directory)
    wanted = regions or (checked(project).project.region,)
    source, today = price_list(profile), datetime.now(UTC).date()
    read = {region: source.region(region, before.price_list_tokens, today) for region in dict.fromkeys(wanted)}
    empty = [region for region, found in read.items() if not found.training and not found.bedrock]
    if empty:
        raise _no_prices(empty)
    kept = parse_prices(read_prices(root)).regions
    path = write_prices(root, LivePrices(regions=dict(sorted({**kept, **read}.items()))))
    return _refreshed(invocation, path, before, catalog_at(root), [*read])


def _refreshed(invocation: Invocation, path: Path, before: Catalog, after: Catalog, regions: Sequence[str]) -> ExitCode:
    from reconciler.reports.view.catalog import price_changes

    changes = [change for region in regions for change in price_changes(before, after, region)]
    if invocation.json:
        print_json({"file": str(path), "regions": [*regions], "changes": [asdict(change) for change in changes]})
        return ExitCode.OK
    screen = invocation.screen()
    if changes:
        screen.table(["REGION", "WHAT", "BEFORE", "NOW"], [[c.region, c.what, c.before, c.now] for c in changes])
    screen.line(
        f"Wrote {path}: {', '.join(regions)}. {len(changes)} of the prices that plans use are other than before."
    )
    return ExitCode.OK


def _no_prices(regions: Sequence[str]) -> Exception:
    from reconciler.domain.errors import ReconcilerError

    told = f"AWS's price list has no training prices for {', '.join(regions)}: nothing was written"
    return ReconcilerError(told, hint="Is it the name of a region, such as eu-west-1?")


def _catalog(invocation: Invocation) -> Catalog:
    """With the project's own prices, where there is a project here."""
    from reconciler.cli.wiring import catalog_at
    from reconciler.stores.manifests import find_project

    return catalog_at(find_project(invocation.directory) or invocation.directory)


def _list(
    invocation: Invocation,
    known: Catalog,
    entries: Iterable[dict[str, Any]],
    table: Table,
    more: str = " More about one, with sources: add its name.",
) -> ExitCode:
    if invocation.json:
        print_json({"compiled": known.compiled, "entries": list(entries)})
        return ExitCode.OK
    from reconciler.reports.terminal.catalog import draw_table

    draw_table(invocation.screen(), table, note=f"As of {known.compiled}.{more}")
    return ExitCode.OK


def _show(invocation: Invocation, entry: dict[str, Any], page: Callable[[], CatalogPage]) -> ExitCode:
    if invocation.json:
        print_json(entry)
        return ExitCode.OK
    from reconciler.reports.terminal.catalog import draw_page

    draw_page(invocation.screen(), page())
    return ExitCode.OK


def _unknown(what: str, name: str, choices: list[str]) -> Exception:
    from difflib import get_close_matches

    from reconciler.domain.errors import ReconcilerError

    close = get_close_matches(name, choices, n=1)
    return ReconcilerError(f"the catalog has no {what} {name!r}", hint=f"Did you mean {close[0]}?" if close else "")
