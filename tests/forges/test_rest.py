"""Pages, rate limits, trouble and refusals, as the clients meet them."""

from __future__ import annotations

import pytest

from reconciler.domain.errors import ReconcilerError
from reconciler.forges.forge import ForgeRefused, ForgeUnavailable
from reconciler.forges.github import GitHub
from reconciler.forges.rest import ATTEMPTS
from tests.forges.conftest import Bench
from tests.forges.github_api import GitHubApi, Token
from tests.forges.http import Reply, Trouble

HEAD = "a" * 40


def test_trouble_that_passes_is_waited_for(bench: Bench) -> None:
    bench.hub.open_pull_request(HEAD)
    bench.hub.server.troubles += [Trouble(Reply(503)), Trouble(None), Trouble(Reply(500))]
    assert list(bench.client().comments(1)) == []
    assert bench.waited == [2, 4, 8]


def test_trouble_that_stays_is_told(bench: Bench) -> None:
    bench.hub.server.troubles += [Trouble(Reply(503, {"message": "Unavailable"})) for _ in range(ATTEMPTS)]
    with pytest.raises(ForgeUnavailable, match="503 Unavailable") as caught:
        list(bench.client().comments(1))
    assert "Run the job again" in caught.value.hint


LIMITS = {
    "secondary": (Reply(403, {"message": "You have exceeded a secondary rate limit."}, {"Retry-After": "7"}), 7),
    "too many": (Reply(429, {"message": "Too Many Requests"}), 60),
    "primary": (
        Reply(
            403,
            {"message": "API rate limit exceeded"},
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1000042"},
        ),
        42,
    ),
}


@pytest.mark.parametrize(("reply", "wait"), LIMITS.values(), ids=LIMITS)
def test_a_rate_limit_is_waited_for_and_nothing_is_done_twice(bench: Bench, reply: Reply, wait: float) -> None:
    pull = bench.hub.open_pull_request(HEAD)
    bench.hub.server.troubles.append(Trouble(reply, fits="^POST"))
    bench.client().add_comment(pull.number, "hello")
    assert bench.waited == [wait]
    assert [each.body for each in pull.comments] == ["hello"]


def test_a_rate_limit_that_takes_too_long_is_told(bench: Bench) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(1_000_000 + 1800)}
    bench.hub.server.troubles.append(Trouble(Reply(403, {"message": "API rate limit exceeded"}, headers)))
    with pytest.raises(ForgeUnavailable) as caught:
        list(bench.client().comments(1))
    assert "about 30 minutes" in caught.value.hint
    assert bench.waited == []


def test_a_wrong_token(bench: Bench) -> None:
    with pytest.raises(ForgeRefused, match=r"does not know the token \(401") as caught:
        list(bench.client("wrong").comments(1))
    assert "Give the job" in caught.value.hint
    assert bench.waited == []


@pytest.mark.parametrize(
    ("grants", "do", "needed"),
    [
        ({"pull_requests": "read"}, "add_comment", "`pull-requests: write`"),
        ({"pull_requests": "write"}, "open_issue", "`issues: write`"),
        ({}, "merged_as", "`pull-requests: write`"),
    ],
)
def test_on_github_it_says_which_permission_lacks(github: Bench, grants: dict[str, str], do: str, needed: str) -> None:
    assert isinstance(github.hub, GitHubApi)
    github.hub.open_pull_request(HEAD)
    github.hub.tokens["weak"] = Token(grants=grants)
    calls = {
        "add_comment": lambda forge: forge.add_comment(1, "hello"),
        "open_issue": lambda forge: forge.open_issue("Drift", "text", "label"),
        "merged_as": lambda forge: forge.merged_as(HEAD),
    }
    with pytest.raises(ForgeRefused, match="Resource not accessible by integration") as caught:
        calls[do](github.client("weak"))
    assert caught.value.hint == f"Grant the job {needed}."
    assert github.waited == []


def test_what_is_not_there(bench: Bench) -> None:
    with pytest.raises(ForgeRefused, match="finds nothing at"):
        list(bench.client().comments(99))


def test_issues_switched_off(github: Bench) -> None:
    github.hub.has_issues = False
    with pytest.raises(ForgeRefused, match="issues are switched off"):
        list(github.client().open_issues("label"))


def test_too_long_a_comment_is_refused_plainly(github: Bench) -> None:
    github.hub.open_pull_request(HEAD)
    with pytest.raises(ForgeRefused, match="body is too long"):
        github.client().add_comment(1, "x" * 65_537)


def test_a_label_that_is_dropped_leaves_no_issue_that_nobody_finds(github: Bench) -> None:
    api = github.hub
    assert isinstance(api, GitHubApi)
    issue = api.issue(api.new_issue(api.bot, "Drift", "text"))
    api.server.troubles.append(Trouble(Reply(201, issue), fits="POST .*/issues$"))
    with pytest.raises(ForgeRefused, match="did not label issue 1"):
        github.client().open_issue("Drift", "text", "label")
    assert api.open_issues() == []


def test_a_person_s_token_says_who_it_is(github: Bench) -> None:
    assert isinstance(github.hub, GitHubApi)
    github.hub.tokens["ghp"] = Token(login="ana", is_app=False)
    assert github.client("ghp").whoami() == "ana"
    assert GitHub(github.hub.url, "acme/llms", "t", author="our-app[bot]").whoami() == "our-app[bot]"


@pytest.mark.parametrize("headers", [{"Location": "https://elsewhere.example/"}, {}])
def test_a_token_is_not_sent_elsewhere(bench: Bench, headers: dict[str, str]) -> None:
    bench.hub.server.troubles.append(Trouble(Reply(301, {"message": "Moved Permanently"}, headers)))
    with pytest.raises(ForgeRefused):
        list(bench.client().comments(1))
    link = {"Link": '<https://elsewhere.example/comments?page=2>; rel="next"'}
    bench.hub.server.troubles.append(Trouble(Reply(200, [], link)))
    with pytest.raises(ForgeUnavailable, match="elsewhere"):
        list(bench.client().comments(1))
    with pytest.raises(ReconcilerError, match="https:// is needed"):
        GitHub("http://api.example", "acme/llms", "t")
    with pytest.raises(ReconcilerError, match="owner/name"):
        GitHub("https://api.example", "acme/llms/../x", "t")


def test_a_list_that_is_none(bench: Bench) -> None:
    bench.hub.server.troubles.append(Trouble(Reply(200, {"login": "please"})))
    with pytest.raises(ForgeUnavailable, match="no list"):
        list(bench.client().comments(1))


@pytest.mark.parametrize("answer", ["text", {"message": None}, []])
def test_an_answer_that_makes_no_sense(bench: Bench, answer: object) -> None:
    bench.hub.server.troubles.append(Trouble(Reply(418, answer)))
    with pytest.raises(ForgeRefused, match="418"):
        list(bench.client().comments(1))
