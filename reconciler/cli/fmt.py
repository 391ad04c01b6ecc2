"""``reconciler fmt``: manifests in their canonical form, as ``terraform fmt`` does for its files."""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import color_option, directory_option

if TYPE_CHECKING:
    from reconciler.domain.diagnostic import Diagnostic


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(allow_dash=True, path_type=Path))
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where something would change.")
@click.option("--diff", is_flag=True, help="Show what changes.")
@click.option("--skip-others", is_flag=True, help="Leave named files alone that are no manifests, as hooks name them.")
@directory_option
@color_option
@pass_invocation
def fmt(invocation: Invocation, paths: tuple[Path, ...], check: bool, diff: bool, skip_others: bool) -> int:
    """Rewrite manifests in their canonical form, keeping comments, order and meaning. Lists the files it changes.

    PATHS are files or folders, this folder where left out; `-` reads standard input and writes standard output. Of a folder, manifests
    alone are taken; a file that is named is taken as it is, unless --skip-others.
    """
    from reconciler.domain.errors import InvalidInput

    if paths == (Path("-"),):
        click.echo(_formatted(sys.stdin.read(), "<stdin>"), nl=False)
        return ExitCode.OK
    problems: list[Diagnostic] = []
    changed = False
    files = _manifests(invocation, paths, problems, skip_others=skip_others)
    for path in files:
        try:
            changed |= _format_one(invocation, path, write=not check, diff=diff)
        except InvalidInput as trouble:
            problems += trouble.diagnostics
    if problems:
        invocation.sources = {_shown(invocation, path): _read(path) for path in files}
        raise InvalidInput(problems)
    return ExitCode.ERROR if check and changed else ExitCode.OK


def _format_one(invocation: Invocation, path: Path, *, write: bool, diff: bool) -> bool:
    """Whether the file was not in its canonical form."""
    before = _read(path)
    after = _formatted(before, _shown(invocation, path))
    if before == after:
        return False
    invocation.screen().line(_shown(invocation, path))
    if diff:
        _draw_diff(invocation, _shown(invocation, path), before, after)
    if write:
        replace(path, after)
    return True


def _read(path: Path) -> str:
    """Raises ReconcilerError where it cannot be read as text."""
    from reconciler.domain.errors import ReconcilerError

    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise ReconcilerError(f"{path} cannot be read: {trouble}") from trouble


def _formatted(text: str, name: str) -> str:
    from reconciler.manifest.fmt import format_text

    return format_text(text, name)


def _shown(invocation: Invocation, path: Path) -> str:
    return str(path.relative_to(invocation.directory)) if path.is_relative_to(invocation.directory) else str(path)


def _draw_diff(invocation: Invocation, name: str, before: str, after: str) -> None:
    screen = invocation.screen()
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"old/{name}", f"new/{name}", lineterm=""
    ):
        screen.line((line, styles.get(line[:1], "")))


def replace(path: Path, text: str) -> None:
    """Whole or not at all, with the permissions that the file had. Raises OSError that names the file."""
    mode = path.stat().st_mode
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as trouble:
        raise OSError(trouble.errno, trouble.strerror, str(path)) from trouble
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(temporary, mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _manifests(
    invocation: Invocation, paths: tuple[Path, ...], problems: list[Diagnostic], *, skip_others: bool
) -> list[Path]:
    """Files are taken as they are named, unless others are skipped; of folders, what holds our manifests."""
    from reconciler.stores.manifests import is_manifest

    chosen = [invocation.directory / path for path in paths] or [invocation.directory]
    files = [path for path in chosen if not path.is_dir() and (not skip_others or is_manifest(path))]
    found = [folder / file for folder in chosen if folder.is_dir() for file in _within(folder, problems)]
    return list(dict.fromkeys([*files, *found]))


def _within(folder: Path, problems: list[Diagnostic]) -> list[str]:
    """``problems``: takes what cannot be read, so that it does not pass as formatted."""
    from reconciler.domain.diagnostic import Severity
    from reconciler.stores.manifests import ENVIRONMENTS, environments, read_manifests

    manifests = read_manifests(folder)
    problems += (each for each in manifests.diagnostics if each.severity is Severity.ERROR)
    overlays = [f"{ENVIRONMENTS}/{name}.yaml" for name in environments(folder)]
    return [*(file.path for file in manifests.files), *overlays]
