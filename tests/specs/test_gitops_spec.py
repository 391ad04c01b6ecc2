"""Runs ``specs/gitops.md``: the life of a repository, through the steps of its workflows.

``console`` blocks run in an empty folder, ``yaml FILE`` blocks are written into the clone, ``python`` blocks use what ``hands`` gives, and
the block after a ``show(…)`` is what it shows: ``…`` alone on a line stands for any lines, within one for anything on it.
"""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.localcloud import control
from tests.forges.github_api import GitHubApi
from tests.gitops.runner import Job
from tests.gitops.site import Site
from tests.specs.test_environments_spec import COMMANDS, pattern, told
from tests.unit.cli.calling import call

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "specs" / "gitops.md").read_text(encoding="utf-8")
BLOCKS = re.compile(
    r"^```(?P<kind>console|python|yaml|markdown|text)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Story:
    """The page's own folder, a stand-in for GitHub, and the people of the story."""

    def __init__(self, home: Path, api: GitHubApi) -> None:
        self.home, self.api = home, api
        self.shown: list[str] = []
        self.site: Site | None = None

    def hands(self) -> dict[str, Any]:
        """What the page's Python has at hand."""
        names = (
            "push",
            "open_pull_request",
            "merge",
            "schedule",
            "dispatch",
            "show",
            "job",
            "comments",
            "issue",
            "cloud",
        )
        return {"api": self.api, **{name: getattr(self, f"_{name}") for name in names}}

    @property
    def _there(self) -> Site:
        assert self.site is not None
        return self.site

    @property
    def state(self) -> Path:
        return self._there.runner.workspace / ".reconciler" / "local"

    def _push(self) -> None:
        self.site = Site.around(self.api, self.home, self.home / "shop")
        control.up(self.state, speed=0)

    def _open_pull_request(self, branch: str) -> int:
        """Of what was changed in the clone since the last time."""
        return self._there.open_pull_request(branch, {})

    def _merge(self, number: int) -> None:
        self._there.merge(number)

    def _schedule(self) -> None:
        self._there.schedule()

    def _dispatch(self, workflow: str, **inputs: str) -> None:
        self._there.dispatch(workflow, inputs)

    def _job(self, workflow: str) -> Job:
        return self._there.last(workflow)

    def _comments(self, number: int) -> list[str]:
        return [read_by_people(each.body) for each in self.api.issues[number].comments]

    def _issue(self) -> str:
        (found,) = self.api.open_issues()
        return f"#{found.number} {found.title} [{', '.join(found.labels)}]\n\n{read_by_people(found.body)}"

    def _cloud(self, service: str) -> Any:
        """A client of somebody who goes past the manifests."""
        status = control.status(self.state)
        assert status is not None
        session: Any = boto3.Session("somebody", "else", region_name="us-east-1")
        return session.client(service, endpoint_url=status.endpoint_url)

    def _show(self, shown: object) -> None:
        if isinstance(shown, Job):
            outputs = "".join(f"{name}={value}\n" for name, value in shown.outputs.items())
            self.shown.append(f"{shown.conclusion}\n{outputs}")
        else:
            self.shown.append(f"{shown}\n")


def read_by_people(body: str) -> str:
    """Character references resolved, as a browser does."""
    return html.unescape(body).replace("\u200b", "").rstrip("\n")


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "1")
    with GitHubApi.served() as api:
        made = Story(tmp_path, api)
        yield made
        if made.site is not None:
            control.down(made.state)


def test_the_page_tells_what_happens(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    hands = story.hands()
    for block in BLOCKS.finditer(PAGE):
        if block["kind"] == "python":
            exec(block["text"], hands)
        elif block["file"]:
            (story.home / "shop" / block["file"]).write_text(block["text"], encoding="utf-8")
        elif block["kind"] in ("markdown", "text"):
            shown = story.shown.pop(0)
            assert re.fullmatch(pattern(block["text"]), shown), shown
        for command, expected in COMMANDS.findall(block["text"]) if block["kind"] == "console" else ():
            printed = told(call(capsys, *shlex.split(command)))
            assert re.fullmatch(pattern(expected), printed), f"$ reconciler {command}\n{printed}"
    assert story.shown == []
    assert story.api.open_issues() == []


def test_every_block_is_run() -> None:
    assert PAGE.count("```") == 2 * len(list(BLOCKS.finditer(PAGE)))
