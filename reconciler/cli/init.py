"""``reconciler init``: a project that can be planned at once. Nothing that is there is touched."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import color_option, directory_option


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--name", metavar="NAME", help="The project's name; the folder's where left out.")
@directory_option
@color_option
@pass_invocation
def init(invocation: Invocation, folder: Path, name: str | None) -> int:
    """Make a new project in FOLDER (here, where left out).

    Existing files are kept as they are.

    \b
    Examples:
      reconciler init my-models
      reconciler init --name acme-llms
    """
    from reconciler.cli.scaffold import project_files, project_name

    target = invocation.directory / folder
    chosen = _legal(name) if name else project_name(target.resolve().name)
    made = [path for path, text in project_files(chosen).items() if _write_new(target / path, text)]
    _tell(invocation, target, made, kept=[path for path in project_files(chosen) if path not in made])
    return ExitCode.OK


def _legal(name: str) -> str:
    from reconciler.domain.naming import is_legal_name

    if not is_legal_name(name):
        raise click.BadParameter(
            "1-63 letters, digits and single hyphens, alphanumeric at both ends", param_hint="--name"
        )
    return name


def _write_new(path: Path, text: str) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _tell(invocation: Invocation, target: Path, made: list[str], kept: list[str]) -> None:
    screen = invocation.screen()
    for path in made:
        screen.line(("+ ", "green"), str(target / path))
    for path in kept:
        screen.line(("= ", "dim"), str(target / path), ("  kept as it was", "dim"))
    if made:
        screen.blank()
        screen.line("Next: ", (f"reconciler -C {target} plan" if target != Path() else "reconciler plan", "bold"))
