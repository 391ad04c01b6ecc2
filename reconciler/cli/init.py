"""``reconciler init``: a project that can be planned at once. Nothing that is there is touched."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation
from reconciler.cli.options import color_option, directory_option

if TYPE_CHECKING:
    from reconciler.cli.scaffold import Choices
    from reconciler.reports.screen import Screen

PIPELINES = ("github", "gitlab", "atlantis")
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
"""S3's rule for names, near enough: "General purpose bucket naming rules"."""
REGION = r"[a-z]{2,3}(-[a-z]+)+-[0-9]"
BRANCH = r"[A-Za-z0-9][A-Za-z0-9._/-]*"
ACTION = r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*@[A-Za-z0-9._/-]+"
_HOOKS = ".pre-commit-config.yaml"
_AT_THE_TOP = (".github/", ".gitlab-ci.yml", "atlantis.yaml")
"""Forges read these at the top of a repository, and nowhere else."""
EMAIL = r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--name", metavar="NAME", help="The project's name; the folder's where left out.")
@click.option("--cloud", type=click.Choice(["local", "aws"]), help="The embedded cloud, or your account.")
@click.option("--region", help="Where it is; us-east-1 by default.")
@click.option("--bucket", help="For data, artifacts and the lock; NAME-artifacts by default.")
@click.option("--email", "emails", multiple=True, help="Who is told when a training ends; repeat for more.")
@click.option(
    "--ci", "pipelines", multiple=True, type=click.Choice(PIPELINES), help="Workflows for this; repeat for more."
)
@click.option("--branch", metavar="NAME", help="The branch whose merges workflows on GitHub apply; main by default.")
@click.option(
    "--action",
    metavar="OWNER/NAME@REF",
    help="Workflows on GitHub use the action in this repository, instead of installing the package.",
)
@click.option("--pre-commit", "hooks", is_flag=True, help="Hooks that format and check before each commit.")
@click.option("--no-input", is_flag=True, help="Ask nothing; what no flag says is by default.")
@directory_option
@color_option
@pass_invocation
def init(invocation: Invocation, /, folder: Path, name: str | None, no_input: bool, **given: Any) -> int:
    """Make a new project in FOLDER (here, where left out).

    On a terminal it asks for what no flag says; elsewhere, and with --no-input, everything has a default. Existing files are kept
    as they are.

    \b
    Examples:
      reconciler init my-models
      reconciler init --name acme-llms --cloud aws --ci github --pre-commit
    """
    from reconciler.cli.scaffold import project_files, project_name

    target = invocation.directory / folder
    asking = not no_input and _somebody_is_there()
    name = name or _ask(asking, "Name of the project", project_name(target.resolve().name))
    choices = _choices(_legal(name), asking, given)
    files = project_files(choices)
    made = [path for path, text in files.items() if _write_new(target / path, text)]
    _tell(invocation, target, made, [path for path in files if path not in made], _next(target, choices))
    return ExitCode.OK


def _choices(name: str, asking: bool, given: dict[str, Any]) -> Choices:
    """Flags first, then answers, then defaults."""
    from reconciler.cli.scaffold import Choices

    cloud = given["cloud"] or _ask(asking, "Cloud", "local", choice=("local", "aws"))
    region = given["region"] or _ask(asking, "Region", "us-east-1")
    bucket = given["bucket"] or _ask(asking, "Bucket", f"{name}-artifacts".lower())
    pipelines = given["pipelines"] or _pipelines(_ask(asking, "Workflows for", "none", choice=(*PIPELINES, "none")))
    return Choices(
        name=name,
        cloud=cloud,
        region=_shaped(region, REGION, "--region", "a region such as eu-central-1"),
        bucket=_shaped(bucket, BUCKET, "--bucket", "a bucket's name: 3-63 lower-case letters, digits, dots, hyphens"),
        emails=tuple(_shaped(email, EMAIL, "--email", "an e-mail address") for email in given["emails"]),
        pipelines=pipelines,
        branch=_shaped(given["branch"] or "main", BRANCH, "--branch", "a branch's name"),
        action=_shaped(given["action"], ACTION, "--action", "an action: owner/name@ref") if given["action"] else "",
        hooks=given["hooks"],
    )


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and not os.environ.get("CI")


def _ask(asking: bool, question: str, default: str, *, choice: tuple[str, ...] = ()) -> str:
    if not asking:
        return default
    kind = click.Choice(choice) if choice else None
    return str(click.prompt(question, default=default, type=kind, err=True))


def _pipelines(answer: str) -> tuple[str, ...]:
    return () if answer == "none" else (answer,)


def _shaped(value: str, pattern: str, flag: str, meaning: str) -> str:
    if re.fullmatch(pattern, value, re.ASCII):
        return value
    raise click.BadParameter(f"{value!r} is not {meaning}", param_hint=flag)


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


def _next(target: Path, choices: Choices) -> str:
    """To be pasted into a shell. On AWS nothing can be planned before the bucket and the roles are there."""
    folder = f" -C {shlex.quote(str(target))}" if target != Path() else ""
    return f"reconciler{folder} {'bootstrap' if choices.cloud == 'aws' else 'plan'}"


def _tell(invocation: Invocation, target: Path, made: list[str], kept: list[str], following: str) -> None:
    screen = invocation.screen()
    for path in made:
        screen.line(("+ ", "green"), str(target / path))
    for path in kept:
        screen.line(("= ", "dim"), str(target / path), ("  kept as it was", "dim"))
    _tell_misplaced(screen, target, made)
    if made:
        screen.blank()
        screen.line("Next: ", (following, "bold"))


def _tell_misplaced(screen: Screen, target: Path, made: list[str]) -> None:
    from reconciler.cli.repository import folder_in_repository

    folder = folder_in_repository(target)
    for advice in _misplaced(folder, made) if folder else ():
        screen.blank()
        screen.entry(("Note: ", "yellow"), advice)


def _misplaced(folder: str, made: list[str]) -> Iterator[str]:
    workflows = [path for path in made if path.startswith(_AT_THE_TOP)]
    if workflows:
        yield (
            f"{', '.join(workflows)}: forges read these at the top of the repository. Move them there, and let their steps work "
            f"in {folder} (GitHub: working-directory; elsewhere: reconciler -C {folder})."
        )
    if _HOOKS in made:
        yield (
            f"{_HOOKS}: pre-commit reads it at the top of the repository. Move it there, or its hooks to what is there already, and "
            f"let the second one run `reconciler validate -C {folder}`."
        )
