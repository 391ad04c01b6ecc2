"""Flags that several commands share. What all commands share is kept in the Invocation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.cli.completing import environment_names, model_names, overridable_codes
from reconciler.cli.invocation import Invocation

Command = TypeVar("Command", bound=Callable[..., Any])


class Duration(click.ParamType[timedelta]):
    """``90s``, ``10m``, ``1h30m``; a bare ``0`` too."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        from reconciler.domain.quantity import parse_duration

        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration("0s" if value == "0" else value)
        except ValueError as trouble:
            self.fail(str(trouble), param, ctx)


def directory_option(command: Command) -> Command:
    kind = click.Path(exists=True, file_okay=False, path_type=Path)
    return click.option(
        "-C",
        "--chdir",
        "directory",
        type=kind,
        expose_value=False,
        callback=_keep("directory"),
        metavar="DIR",
        help="The project's folder, instead of this one.",
    )(command)


def color_option(command: Command) -> Command:
    return click.option(
        "--no-color",
        is_flag=True,
        expose_value=False,
        callback=_keep("no_color"),
        help="No colours; NO_COLOR and FORCE_COLOR are honoured too.",
    )(command)


def json_option(command: Command) -> Command:
    return click.option(
        "--json", "json", is_flag=True, expose_value=False, callback=_keep("json"), help="Print JSON for programs."
    )(command)


def format_option(*formats: str) -> Callable[[Command], Command]:
    """``--format``; the first is what is printed where it is not given."""

    def keep(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        invocation = ctx.ensure_object(Invocation)
        invocation.format = value
        invocation.json = invocation.json or value == "json"

    return click.option(
        "--format", "format", type=click.Choice(formats), expose_value=False, callback=keep, help="What is printed."
    )


def max_size_option(command: Command) -> Command:
    return click.option(
        "--max-size",
        type=click.IntRange(min=2_000),
        default=65_536,
        show_default=True,
        metavar="BYTES",
        help="Of Markdown: details are dropped to stay below. A comment on GitHub has 65536, a note on GitLab 1000000, "
        "a job summary on GitHub 1048576.",
    )(command)


def cloud_option(command: Command) -> Command:
    return click.option(
        "--cloud",
        type=click.Choice(["local", "aws"]),
        expose_value=False,
        callback=_keep("cloud"),
        help="Use this cloud, whatever the Project says.",
    )(command)


def environment_option(command: Command) -> Command:
    return click.option(
        "--env",
        "environment",
        envvar="RECONCILER_ENV",
        show_envvar=True,
        expose_value=False,
        is_eager=True,
        callback=_keep("environment"),
        metavar="NAME",
        shell_complete=environment_names,
        help="Merge environments/NAME.yaml over the manifests.",
    )(command)


def allow_option(command: Command) -> Command:
    return click.option(
        "--allow",
        multiple=True,
        expose_value=False,
        callback=_keep_allowed,
        metavar="CODE",
        shell_complete=overridable_codes,
        help="Accept an error that a person may override; repeat for more.",
    )(command)


def project_options(command: Command) -> Command:
    """What every command that reads the project takes."""
    return directory_option(environment_option(cloud_option(allow_option(color_option(command)))))


def plan_options(command: Command) -> Command:
    """What is planned."""
    command = click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="NAME",
        shell_complete=model_names,
        help="Only this model and what it builds on; repeat for more.",
    )(command)
    command = click.option(
        "--redeploy",
        multiple=True,
        metavar="NAME",
        shell_complete=model_names,
        help="Deploy again although that failed, was rolled back, or its time ran out; repeat for more.",
    )(command)
    return click.option(
        "--retrain",
        multiple=True,
        metavar="NAME",
        shell_complete=model_names,
        help="Train again although its training was stopped or failed; repeat for more.",
    )(command)


def run_options(command: Command) -> Command:
    """How an apply runs."""
    for option in (
        click.option(
            "--timeout", type=Duration(), metavar="DURATION", help="Stop waiting after so long: 90s, 30m, 2h."
        ),
        click.option("--no-wait", is_flag=True, help="Start what can be started, and do not wait for it."),
        parallelism_option,
        lock_timeout_option,
        click.option("--auto-approve", is_flag=True, help="Do not ask."),
    ):
        command = option(command)
    return command


parallelism_option = click.option(
    "--parallelism",
    type=click.IntRange(1, 64),
    default=10,
    show_default=True,
    help="Calls to the cloud at once.",
)

lock_timeout_option = click.option(
    "--lock-timeout",
    type=Duration(),
    default="0s",
    show_default=True,
    metavar="DURATION",
    help="Wait so long for somebody else's lock.",
)


def _keep_allowed(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:
    """A code that is misspelt would override nothing, and nobody would notice."""
    from reconciler.domain.diagnostic import OVERRIDABLE

    for code in value:
        if code not in OVERRIDABLE:
            raise click.BadParameter(f"{code!r} is not one of {', '.join(OVERRIDABLE)}", ctx=ctx, param=param)
    _keep("allow")(ctx, param, value)


def _keep(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """A callback that keeps a given value in the Invocation; a flag before the command's name holds for the command too."""

    def keep(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        invocation = ctx.ensure_object(Invocation)
        if value not in (None, False, ()):
            setattr(invocation, attribute, value)

    return keep
