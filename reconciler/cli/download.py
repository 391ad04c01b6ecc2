"""``reconciler download``: what a training made, from S3 to this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import model_names
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.signals import StopRequest

if TYPE_CHECKING:
    from reconciler.domain.ports import Downloaded
    from reconciler.engine.downloading import Wares
    from reconciler.engine.outside import Outside
    from reconciler.reports.transfer import Bar, Lines


@click.command()
@click.argument("name", shell_complete=model_names)
@click.option("--version", metavar="FINGERPRINT", help="This version; the beginning of its fingerprint is enough.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="The folder to put it into, instead of this one; made where it is missing.",
)
@click.option("--extract", "extracting", is_flag=True, help="Unpack the archive, and keep only what was in it.")
@project_options
@json_option
@pass_invocation
def download(invocation: Invocation, name: str, version: str | None, out: Path, extracting: bool) -> int:
    """Download what the training of NAME made: weights or adapters, configuration, tokenizer, as NAME-VERSION.tar.gz.

    Without --version it is the version that serves, else the one trained last. What broke off is continued by the same command.
    The file appears under its name once it is whole and has S3's size and digest. Bedrock gives no weights away.
    """
    from reconciler.engine.downloading import downloadable
    from reconciler.engine.observe import observe

    project = opened(invocation)
    configuration = checked(project)
    with watching(invocation) as watch:
        outside = project.outside(watch, StopRequest())
        snapshot = observe(configuration.project, outside)
    name = name.removeprefix("FineTunedModel/")
    wares = downloadable(name, version, snapshot, configuration, outside.artifacts.discarded)
    place = _place(wares, invocation.directory / out, extracting=extracting)
    done = _fetched(invocation, outside, wares, place)
    simulated = _is_simulated(place) if configuration.project.cloud == "local" else False
    if extracting and _is_archive(place):
        place, done = _unpacked(place, done)
    _tell(invocation, wares, place, done, simulated=simulated)
    return ExitCode.OK


def _place(wares: Wares, folder: Path, *, extracting: bool) -> Path:
    """``support-bot-1a2b3c4d.tar.gz``; without the ending where all below a prefix is meant."""
    from reconciler.domain.naming import version_name
    from reconciler.stores.extraction import require_absent

    folder.mkdir(parents=True, exist_ok=True)
    uri = wares.artifact.identifier
    ending = "" if uri.endswith("/") else ".tar.gz" if uri.endswith(".tar.gz") else Path(uri).suffix
    place = folder / f"{version_name(wares.model.name, wares.version.fingerprint)}{ending}"
    if extracting and _is_archive(place):
        require_absent(_folder_of(place))
    return place


def _is_archive(place: Path) -> bool:
    return place.name.endswith(".tar.gz")


def _folder_of(archive: Path) -> Path:
    return archive.with_name(archive.name.removesuffix(".tar.gz"))


def _fetched(invocation: Invocation, outside: Outside, wares: Wares, place: Path) -> Downloaded:
    screen = invocation.screen(sys.stderr)
    screen.entry("Downloading ", wares.artifact.identifier)
    try:
        with _bar(invocation) as bar:
            return outside.artifacts.download(wares.artifact, place, bar.tell)
    except KeyboardInterrupt:
        screen.entry("", f"What came so far is kept as {place}.part: the same command goes on from there.")
        raise


def _bar(invocation: Invocation) -> Bar | Lines:
    from reconciler.reports.transfer import Bar, Lines

    screen = invocation.screen(sys.stderr)
    live = sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
    return Bar(screen) if live else Lines(screen)


def _unpacked(archive: Path, done: Downloaded) -> tuple[Path, Downloaded]:
    from reconciler.stores.extraction import extract

    folder = _folder_of(archive)
    count = extract(archive, folder)
    archive.unlink()
    return folder, done.model_copy(update={"files": count})


def _is_simulated(place: Path) -> bool:
    """The embedded cloud trained nothing, and wrote an archive that says so."""
    from reconciler.localcloud import simulated

    small = place.is_file() and place.stat().st_size <= simulated.MOST_BYTES
    return small and simulated.is_archive(place.read_bytes())


def _tell(invocation: Invocation, wares: Wares, place: Path, done: Downloaded, *, simulated: bool) -> None:
    from reconciler.reports.figures import counted, size

    if invocation.json:
        told = {"model": wares.model.name, "fingerprint": wares.version.fingerprint, "uri": wares.artifact.identifier}
        result = {"path": str(place), **done.model_dump(mode="json", by_alias=True), "simulated": simulated}
        print_json(told | result)
        return
    screen = invocation.screen()
    what = counted(done.files, "file") if place.is_dir() else size(done.size_bytes)
    checked_by = f"{', '.join(done.checks)} as in S3" if done.checks else "not checked"
    screen.line((str(place), "bold"), f"  {what}, {checked_by}" + ("" if done.new else "; it was there already"))
    if simulated:
        screen.entry("", ("It was written by a simulated training: it holds no weights.", "yellow"))
