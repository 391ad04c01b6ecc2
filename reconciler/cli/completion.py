"""``reconciler completion``: what a shell needs to complete commands, flags and model names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from reconciler.cli.exit_codes import ExitCode


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print a completion script for SHELL.

    Model names are completed from the manifests in this folder, without asking the cloud.

    \b
    Examples:
      reconciler completion bash > ~/.local/share/bash-completion/completions/reconciler
      reconciler completion zsh > ~/.zfunc/_reconciler
      reconciler completion fish > ~/.config/fish/completions/reconciler.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, f"click completes {shell}"
    click.echo(kind(ctx.find_root().command, {}, "reconciler", "_RECONCILER_COMPLETE").source())
    return ExitCode.OK
