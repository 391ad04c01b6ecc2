"""A new project on a stand-in for GitHub, with its embedded cloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.cli.scaffold import Choices, project_files
from reconciler.localcloud import control
from tests.forges.github_api import GitHubApi
from tests.gitops.site import Site


@contextmanager
def opened_site(home: Path, action: str = "") -> Iterator[Site]:
    with GitHubApi.served() as api:
        local = home / "shop"
        for path, text in project_files(Choices(name="shop", pipelines=("github",), action=action)).items():
            (local / path).parent.mkdir(parents=True, exist_ok=True)
            (local / path).write_text(text, encoding="utf-8")
        site = Site.around(api, home, local)
        state = site.runner.workspace / ".reconciler" / "local"
        control.up(state, speed=0)
        try:
            yield site
        finally:
            control.down(state)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Workflows as `init` makes them."""
    with opened_site(tmp_path) as made:
        yield made
