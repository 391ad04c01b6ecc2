"""What a merge approved: a test a row of the table, and the ways to smuggle an approval in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.forges.approved import Approved, Record, approved_by_merge, recorded
from tests.forges.conftest import Bench

MARK = "<!-- reconciler:plan:.: -->"
HEAD, NEXT, MERGE = "a" * 40, "b" * 40, "c" * 40
DIGEST, OTHER, MANIFESTS, CLOUD = (f"sha256:{str(number) * 64}" for number in range(1, 5))
RECORD = Record(HEAD, DIGEST, MANIFESTS, CLOUD)


def body(record: Record = RECORD) -> str:
    return f"{MARK}\n{record.line}\n### Plan"


def test_what_stood_in_the_comment_when_it_was_merged(bench: Bench) -> None:
    pull = bench.hub.open_pull_request(HEAD)
    bench.hub.say(pull.number, bench.hub.bot, body())
    bench.hub.merge(pull.number, MERGE)
    assert approved_by_merge(bench.client(), MERGE, MARK) == Approved(DIGEST, pull.number, record=RECORD)


def test_a_commit_that_no_pull_request_brought(bench: Bench) -> None:
    pull = bench.hub.open_pull_request(HEAD)
    bench.hub.say(pull.number, bench.hub.bot, body())
    assert approved_by_merge(bench.client(), HEAD, MARK) == Approved(
        None, None, f"commit {HEAD[:12]} was not merged from a pull request"
    )
    bench.hub.merge(pull.number, MERGE)
    assert approved_by_merge(bench.client(), NEXT, MARK).pull_request is None


@pytest.mark.parametrize("author", ["mallory", None])
def test_no_plan_of_ours(bench: Bench, author: str | None) -> None:
    pull = bench.hub.open_pull_request(HEAD)
    if author:
        bench.hub.say(pull.number, author, body())
    bench.hub.say(pull.number, bench.hub.bot, body().replace(MARK, "<!-- reconciler:plan:.:prod -->"))
    bench.hub.merge(pull.number, MERGE)
    found = approved_by_merge(bench.client(), MERGE, MARK)
    assert (found.digest, found.pull_request) == (None, pull.number)
    assert "has no comment with a plan of this project" in found.why_not


def test_a_plan_of_a_commit_before_the_last(bench: Bench) -> None:
    pull = bench.hub.open_pull_request(HEAD)
    bench.hub.say(pull.number, bench.hub.bot, body())
    bench.hub.push(pull.number, NEXT)
    bench.hub.merge(pull.number, MERGE)
    found = approved_by_merge(bench.client(), MERGE, MARK)
    assert found.digest is None
    assert found.why_not.endswith(f"ended with {NEXT[:12]}, but the plan in its comment is of {HEAD[:12]}")


def test_a_comment_that_was_changed_after_the_merge(bench: Bench) -> None:
    pull = bench.hub.open_pull_request(HEAD)
    comment = bench.hub.say(pull.number, bench.hub.bot, body())
    bench.hub.merge(pull.number, MERGE)
    bench.hub.edit(comment, body(replace(RECORD, digest=OTHER)))
    found = approved_by_merge(bench.client(), MERGE, MARK)
    assert found.digest is None
    assert found.why_not.endswith("was changed after the merge")


def test_a_plan_with_errors_cannot_be_approved(bench: Bench) -> None:
    pull = bench.hub.open_pull_request(HEAD)
    bench.hub.say(pull.number, bench.hub.bot, f"{MARK}\n### No plan: 1 problem\n{RECORD.line}")
    bench.hub.merge(pull.number, MERGE)
    assert "holds no plan that could be approved" in approved_by_merge(bench.client(), MERGE, MARK).why_not


def test_a_record_is_the_second_line_and_nothing_else() -> None:
    line = RECORD.line
    assert recorded(f"{MARK}\r\n{line}\r\ntext") == RECORD
    for text in ("", MARK, line, f"{MARK}\n\n{line}", f"{MARK}\n{line} {line}", f"{MARK}\n{line.replace('a', 'A')}"):
        assert recorded(text) is None
