"""Names for shell completion: from the manifests and the catalog alone, and silent where they cannot be read."""

from __future__ import annotations

import click

from reconciler.cli.invocation import Invocation


def model_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.cli.wiring import open_project

    invocation = ctx.find_object(Invocation) or Invocation()
    try:
        configuration = open_project(
            invocation.directory, cloud=None, allow=(), environment=invocation.environment
        ).loaded.configuration
    except Exception:
        return []  # a shell is waiting for words: an error message would end up in its line
    names = [model.name for model in configuration.models] if configuration else []
    return [name for name in names if name.startswith(incomplete)]


def dataset_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.cli.wiring import open_project

    invocation = ctx.find_object(Invocation) or Invocation()
    try:
        configuration = open_project(
            invocation.directory, cloud=None, allow=(), environment=invocation.environment
        ).loaded.configuration
    except Exception:
        return []
    names = [*configuration.datasets, *configuration.by_name()] if configuration else []
    return [name for name in names if name.startswith(incomplete)]


def base_models(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.catalog import load

    return [model.key for model in load().models if model.key.startswith(incomplete)]


def instance_types(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.catalog import load

    return [instance.name for instance in load().instances if instance.name.startswith(incomplete)]


def overridable_codes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.domain.diagnostic import OVERRIDABLE

    return [code for code in OVERRIDABLE if code.startswith(incomplete)]


def environment_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.stores.manifests import environments, find_project

    root = find_project((ctx.find_object(Invocation) or Invocation()).directory)
    return [name for name in environments(root) if name.startswith(incomplete)] if root else []
