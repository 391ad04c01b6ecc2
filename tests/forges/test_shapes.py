"""The stand-in for GitHub answers in GitHub's own shapes: every promised field, none invented, each of its type."""

from __future__ import annotations

from typing import Any

import pytest

from tests.forges.github_api import SHAPES, GitHubApi, shaped

TYPES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    list: "array",
    dict: "object",
    type(None): "null",
}


def answers() -> dict[str, dict[str, Any]]:
    api = GitHubApi()
    issue = api.new_issue("ana", "Drift", "text")
    pull = api.open_pull_request("a" * 40)
    comment = api.say(pull.number, "github-actions[bot]", "hello")
    api.merge(pull.number, "b" * 40)
    return {
        "issue": api.issue(issue),
        "issue of a pull request": api.issue(pull),
        "pull-request": api.pull_request(pull),
        "comment": api.comment(comment),
        "branch": api.pull_request(pull)["head"],
        "simple-user": api.comment(comment)["user"],
        "basic-error": api.error(404, "Not Found").body,
        "validation-error": api.invalid("body", "is too long").body,
    }


@pytest.mark.parametrize("name", sorted(answers()))
def test_an_answer_is_shaped_as_github_s(name: str) -> None:
    answer, shape = answers()[name], SHAPES[name.partition(" of ")[0]]
    assert {key for key, each in shape.items() if each["required"]} <= set(answer) <= set(shape)
    wrong = {key: value for key, value in answer.items() if TYPES[type(value)] not in shape[key]["type"]}
    assert wrong == {}


def test_a_field_that_github_does_not_have_is_noticed() -> None:
    with pytest.raises(AssertionError, match="has no"):
        shaped("comment", merged=True)
