"""One call of the program: what the flags that every command shares said. Filled while click parses, before a command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from reconciler.reports.screen import Screen


@dataclass
class Invocation:
    directory: Path = Path()
    json: bool = False
    format: str | None = None
    """Of ``--format``."""
    no_color: bool = False
    stream: bool = False
    """JSON is printed one object a line, problems too."""
    cloud: str | None = None
    allow: tuple[str, ...] = ()
    environment: str | None = None
    """Of ``--env``; none, or the empty text: the manifests as they are."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """The manifests' text by file once they were read, for excerpts beside problems."""

    @property
    def rendering(self) -> str:
        """What is printed: ``--json`` is ``--format json``. Raises UsageError where both say different things."""
        if self.json and self.format not in (None, "json"):
            raise click.UsageError(f"--json and --format {self.format} exclude each other.")
        return "json" if self.json else self.format or "text"

    def screen(self, stream: TextIO | None = None) -> Screen:
        """Where people read: stdout unless told otherwise."""
        from reconciler.reports.screen import Screen, wants_color

        chosen = stream or sys.stdout
        commanding = os.environ.get("GITHUB_ACTIONS") == "true"
        return Screen(chosen, color=wants_color(chosen, os.environ, refused=self.no_color), commanding=commanding)


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def print_json(document: Mapping[str, object]) -> None:
    """Every document says which format it has."""
    from reconciler.domain.plan import FORMAT_VERSION
    from reconciler.reports.json import to_text

    click.echo(to_text({"formatVersion": FORMAT_VERSION, **document}))


def print_foreign_json(document: object) -> None:
    """A document in somebody else's format, which has no place for our ``formatVersion``."""
    from reconciler.reports.json import to_text

    click.echo(to_text(document))


def print_markup(text: str) -> None:
    """Markdown or XML; where stdout is not UTF-8, other characters than ASCII's as references, which read the same."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    click.echo(text if encoding == "utf8" else text.encode("ascii", "xmlcharrefreplace").decode("ascii"), nl=False)
