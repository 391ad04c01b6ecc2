"""``reconciler schema``: the JSON Schemas, for editors and for whoever writes manifests by program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import color_option, directory_option

FOLDER = Path("schemas")


@click.command()
@click.argument("name", type=click.Choice(["manifest", "environment", "plan"]), default="manifest")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write all schemas into this folder."
)
@click.option("--check", is_flag=True, help="Compare the files (in --out, or schemas/) with what would be written.")
@directory_option
@color_option
@pass_invocation
def schema(invocation: Invocation, name: str, out: Path | None, check: bool) -> int:
    """Print the JSON Schema of manifests, of environments or of the plan's JSON (draft 7), or write them all to files.

    \b
    In an editor with a YAML language server:
      reconciler schema > manifest.schema.json
      # yaml-language-server: $schema=manifest.schema.json
    """
    from reconciler.manifest.schema import schemas

    texts = schemas()
    folder = invocation.directory / (out or FOLDER)
    if check:
        return _compare(invocation, folder, texts)
    if out is not None:
        return _write(invocation, folder, texts)
    click.echo(texts[f"{name}.schema.json"], nl=False)
    return ExitCode.OK


def _compare(invocation: Invocation, folder: Path, texts: Mapping[str, str]) -> ExitCode:
    stale = [name for name, text in texts.items() if not _same(folder / name, text)]
    for name in stale:
        invocation.screen().line(("differs: ", "red"), str(folder / name))
    if stale:
        invocation.screen().line(f"Write them anew with: reconciler schema --out {folder}")
    return ExitCode.ERROR if stale else ExitCode.OK


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _write(invocation: Invocation, folder: Path, texts: Mapping[str, str]) -> ExitCode:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        invocation.screen().line(str(folder / name))
    return ExitCode.OK
