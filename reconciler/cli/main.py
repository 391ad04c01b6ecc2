"""``reconciler``: finds the command, runs it, and turns every ending into an exit code.

Commands are imported when they are called, and nothing heavier than click is imported here: ``--help`` and ``--version`` cost
what Python and click cost.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Any, NoReturn

import click

from reconciler import __version__
from reconciler.cli.argv import normalised
from reconciler.cli.endings import ending
from reconciler.cli.invocation import Invocation
from reconciler.cli.options import color_option, directory_option
from reconciler.cli.signals import heard

COMMANDS = {
    "init": "Make a new project in a folder.",
    "bootstrap": "Create or print what the project needs in its account.",
    "validate": "Check the manifests: every problem at once.",
    "fmt": "Rewrite manifests in their canonical form.",
    "plan": "Show what would change, why, and what it costs.",
    "apply": "Bring the cloud to what the manifests say.",
    "drift": "Show what the cloud changed that no manifest asked for.",
    "ci": "Plan, apply and drift as a pipeline's steps, told on its forge.",
    "status": "List the models and where they stand.",
    "show": "Show everything about one model.",
    "ask": "Ask deployed models one question.",
    "logs": "Show what a training or a deployment wrote.",
    "download": "Download what a training made.",
    "promote": "Bring what one environment trained into another.",
    "discover": "List what was made elsewhere and could be imported.",
    "import": "Adopt what was made elsewhere, without training it again.",
    "report": "Write one HTML page about the whole project.",
    "inventory": "List what costs money here, and whose it is.",
    "rollback": "Change a manifest back to an older version.",
    "restore": "Bring a deleted version back from the trash.",
    "destroy": "Undeploy and delete everything the project owns.",
    "data": "Check training data: every problem at once.",
    "policy": "List and test the project's policies.",
    "lock": "Show or release the project's lock.",
    "estimate": "Estimate memory, time and cost of trainings.",
    "catalog": "List base models, instances and container images, with prices and sources.",
    "schema": "Print or write the JSON Schemas.",
    "local": "Run the embedded cloud on this machine.",
    "completion": "Print a completion script for your shell.",
}
"""Name → one line of help; the command lives in the module of that name, under that name; ``import_`` for ``import``."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed; the list of commands needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(import_module(f"reconciler.cli.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}.{_suggestion(args[0])}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """click itself writes an empty line at a KeyboardInterrupt, on a terminal or not."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise click.Abort from interrupt

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: reconciler init my-models && cd my-models && reconciler plan",
)
@click.version_option(__version__, message="reconciler %(version)s")
@directory_option
@color_option
def reconciler() -> None:
    """Fine-tuned LLMs on Amazon SageMaker and Amazon Bedrock, declared in YAML: plan, apply, drift."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    _open_what_is_closed()
    with heard():
        code = run(sys.argv[1:] if arguments is None else arguments)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """The exit code; see :mod:`reconciler.cli.exit_codes`."""
    invocation = Invocation()
    given = normalised(arguments)
    try:
        result: Any = reconciler.main(args=given, prog_name="reconciler", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
        return int(result or 0)
    except BaseException as trouble:
        return int(ending(trouble, invocation, given))


def _open_what_is_closed() -> None:
    """A program may be started without its standard streams (``>&-``), and Python has ``None`` there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as the program


def _suggestion(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
