"""One comment and one issue, kept up to date, on GitHub and GitLab alike. Judged by what the forge holds."""

from __future__ import annotations

import pytest

from reconciler.forges.forge import ForgeRefused, ForgeUnavailable
from reconciler.forges.github import GitHub
from reconciler.forges.sticky import Kept, KeptIssue, close_issue, keep_comment, keep_issue, own_comment
from tests.forges.conftest import Bench
from tests.forges.github_api import GitHubApi, Token
from tests.forges.http import Reply, Trouble

MARK = "<!-- reconciler:plan:.: -->"
LABEL = "reconciler-drift"
HEAD = "a" * 40


def test_a_comment_is_made_once_and_then_updated(bench: Bench) -> None:
    forge, pull = bench.client(), bench.hub.open_pull_request(HEAD)
    assert keep_comment(forge, pull.number, f"{MARK}\nfirst\n") is Kept.MADE
    assert keep_comment(forge, pull.number, f"{MARK}\nfirst") is Kept.SAME
    assert keep_comment(forge, pull.number, f"{MARK}\nsecond") is Kept.UPDATED
    assert [(each.author, each.body) for each in pull.comments] == [(bench.hub.bot, f"{MARK}\nsecond")]
    assert pull.comments[0].updated_at > pull.comments[0].created_at


def test_it_is_found_on_a_later_page_and_only_where_it_is_ours(bench: Bench) -> None:
    forge, pull = bench.client(), bench.hub.open_pull_request(HEAD)
    for number in range(230):
        bench.hub.say(pull.number, "mallory", f"{MARK}\nmine {number}")
    bench.hub.say(pull.number, bench.hub.bot, f"Quoted:\n{MARK}")
    bench.hub.say(pull.number, bench.hub.bot, "<!-- reconciler:plan:.:prod -->\nanother environment")
    ours = bench.hub.say(pull.number, bench.hub.bot, f"{MARK}\r\nours")
    assert keep_comment(forge, pull.number, f"{MARK}\nnew") is Kept.UPDATED
    assert ours.body == f"{MARK}\nnew"
    assert len(pull.comments) == 233
    assert sum(each.body.startswith("Quoted") or "mine" in each.body for each in pull.comments) == 231


def test_an_issue_is_opened_updated_and_closed(bench: Bench) -> None:
    forge = bench.client()
    assert close_issue(forge, MARK, LABEL, "gone") == KeptIssue(Kept.NONE, None)
    bench.hub.open_pull_request(HEAD)
    opened = keep_issue(forge, "Drift", f"{MARK}\none", LABEL)
    assert opened.kept is Kept.MADE
    assert keep_issue(forge, "Drift", f"{MARK}\none\n", LABEL) == KeptIssue(Kept.SAME, opened.number)
    assert keep_issue(forge, "Drift", f"{MARK}\ntwo", LABEL) == KeptIssue(Kept.UPDATED, opened.number)
    (issue,) = bench.hub.open_issues()
    assert (issue.title, issue.body, issue.labels) == ("Drift", f"{MARK}\ntwo", [LABEL])
    assert close_issue(forge, MARK, LABEL, "gone") == KeptIssue(Kept.CLOSED, opened.number)
    assert bench.hub.open_issues() == []
    assert [each.body for each in issue.comments] == ["gone"]
    assert keep_issue(forge, "Drift", f"{MARK}\nagain", LABEL).number != opened.number


def test_an_issue_of_somebody_else_is_left_alone(bench: Bench) -> None:
    theirs = bench.hub.new_issue("mallory", "Drift", f"{MARK}\nmine")
    theirs.labels = [LABEL]
    other = bench.hub.new_issue(bench.hub.bot, "Drift", "<!-- reconciler:drift:other: -->")
    other.labels = [LABEL]
    opened = keep_issue(bench.client(), "Drift", f"{MARK}\nours", LABEL)
    assert opened.number not in (theirs.number, other.number)
    close_issue(bench.client(), MARK, LABEL, "gone")
    assert (theirs.state, other.state) == ("open", "open")


@pytest.mark.parametrize("lost", [Reply(502), None], ids=["bad gateway", "no answer"])
def test_a_comment_whose_making_was_not_confirmed_is_not_made_twice(bench: Bench, lost: Reply | None) -> None:
    forge, pull = bench.client(), bench.hub.open_pull_request(HEAD)
    bench.hub.server.troubles.append(Trouble(lost, fits="^POST", obeyed=True))
    assert keep_comment(forge, pull.number, f"{MARK}\nfirst") is Kept.SAME
    assert len(pull.comments) == 1
    bench.hub.server.troubles.append(Trouble(lost, fits="^POST", obeyed=True))
    assert keep_issue(forge, "Drift", f"{MARK}\none", LABEL).kept is Kept.SAME
    assert len(bench.hub.open_issues()) == 1


def test_a_comment_that_was_not_made_is_made(bench: Bench) -> None:
    forge, pull = bench.client(), bench.hub.open_pull_request(HEAD)
    bench.hub.server.troubles.append(Trouble(Reply(500), fits="^POST"))
    assert keep_comment(forge, pull.number, f"{MARK}\nfirst") is Kept.MADE
    bench.hub.server.troubles += [Trouble(Reply(500), fits="^POST") for _ in range(3)]
    with pytest.raises(ForgeUnavailable, match="500"):
        keep_issue(forge, "Drift", f"{MARK}\none", LABEL)
    assert (len(pull.comments), bench.hub.open_issues()) == (1, [])


def test_whose_comment_it_is_decides_who_we_are(bench: Bench) -> None:
    pull = bench.hub.open_pull_request(HEAD)
    bench.hub.say(pull.number, "mallory", f"{MARK}\nmine")
    assert own_comment(bench.client(), pull.number, MARK) is None
    assert bench.client().whoami() == bench.hub.bot


def test_a_token_of_an_unknown_app_is_noticed_at_the_first_comment(github: Bench) -> None:
    assert isinstance(github.hub, GitHubApi)
    github.hub.tokens["app"] = Token(login="acme-reconciler[bot]")
    pull = github.hub.open_pull_request(HEAD)
    for keep in (
        lambda: keep_comment(github.client("app"), pull.number, f"{MARK}\ntext"),
        lambda: keep_issue(github.client("app"), "Drift", f"{MARK}\ntext", LABEL),
    ):
        with pytest.raises(ForgeRefused, match=r"writes as acme-reconciler\[bot\]") as caught:
            keep()
        assert "RECONCILER_AUTHOR: acme-reconciler[bot]" in caught.value.hint
    known = GitHub(github.hub.url, "acme/llms", "app", author="acme-reconciler[bot]")
    assert keep_comment(known, pull.number, f"{MARK}\nmore") is Kept.UPDATED
    assert len(pull.comments) == 1
