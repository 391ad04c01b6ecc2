"""Both forges, each with a client that never really waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from reconciler.forges.forge import Forge
from reconciler.forges.github import GitHub
from reconciler.forges.gitlab import GitLab
from tests.forges.github_api import GitHubApi
from tests.forges.gitlab_api import GitLabApi
from tests.forges.hub import Hub


@dataclass
class Bench:
    """``waited``: the seconds that the client would have slept."""

    hub: Hub
    waited: list[float] = field(default_factory=list)

    def client(self, token: str | None = None) -> Forge:
        given = self.hub.token if token is None else token
        if isinstance(self.hub, GitHubApi):
            return GitHub(self.hub.url, "acme/llms", given, pause=self.waited.append, now=lambda: 1_000_000.0)
        return GitLab(self.hub.url, "acme/llms", given, pause=self.waited.append, now=lambda: 1_000_000.0)


@pytest.fixture(params=["github", "gitlab"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with (GitHubApi if request.param == "github" else GitLabApi).served() as hub:
        yield Bench(hub)


@pytest.fixture
def github() -> Iterator[Bench]:
    with GitHubApi.served() as hub:
        yield Bench(hub)
