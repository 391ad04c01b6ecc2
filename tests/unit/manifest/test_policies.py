"""Policies in manifests: mistakes in expressions at their own place, tests checked, the digest."""

from __future__ import annotations

from textwrap import dedent

import pytest

from reconciler.domain.diagnostic import Location
from reconciler.manifest.checks.policy import place
from reconciler.manifest.load import Loaded, SourceFile, load
from tests.unit.manifest.fake_catalog import FakeCatalog
from tests.unit.manifest.manifests import PROJECT

HEAD = "apiVersion: reconciler/v1\nkind: Policy\nmetadata: {name: rule}\nspec:\n"
TESTED = "  tests: [{name: one, expect: pass}]\n"


def loaded(spec: str) -> Loaded:
    files = [SourceFile(path="reconciler.yaml", text=PROJECT), SourceFile(path="policy.yaml", text=HEAD + spec)]
    return load(files, FakeCatalog())


@pytest.mark.parametrize(
    ("spec", "line", "column"),
    [
        ("  rule: change.actoin == 'train'\n", 5, 16),
        ("  rule: \"change.actoin == 'train'\"\n", 5, 17),
        ("  rule: |\n    true &&\n      change.actoin == 'train'\n", 7, 14),
        ("  rule: >-\n    true &&\n    change.actoin == 'train'\n", 7, 12),
        ("  rule: true &&\n    change.actoin == 'train'\n", 6, 12),
        ("  rule:\n    change.actoin == 'train'\n", 6, 12),
        ("  rule: 'true'\n  message: no ${change.actoin}\n", 6, 24),
    ],
)
def test_a_mistake_in_an_expression_is_told_where_it_stands(spec: str, line: int, column: int) -> None:
    (found,) = loaded(spec + TESTED).diagnostics
    assert (found.code, found.hint) == ("invalid-expression", "did you mean `action`?")
    assert found.where is not None
    assert (found.where.file, found.where.line, found.where.column) == ("policy.yaml", line, column)


def test_the_place_is_never_outside_the_file() -> None:
    at = Location(file="a", line=3, column=5)
    assert place("one line", at, 7) == at
    assert place("a: 'x'", Location(file="a", line=1, column=4), 99).line == 1


@pytest.mark.parametrize(
    ("spec", "code", "detail"),
    [
        ("  rule: plan.summary.train < 3\n", "untested-policy", "of Policy/rule"),
        ("  forEach: plan\n  rule: change.drift\n" + TESTED, "invalid-expression", "`change` is not known; there are plan"),
        ("  rule: 'true'\n  tests: [{name: a, expect: pass}, {name: a, expect: pass}]\n", "duplicate-name", "`a`"),
        ("  rule: 'true'\n  tests: [{name: a, expect: pass, given: {modle: {}}}]\n", "invalid-policy-test", "`modle`"),
        ("  severity: fatal\n  rule: 'true'\n" + TESTED, "invalid-value", "fatal"),
    ],
)  # fmt: skip
def test_what_else_can_be_wrong(spec: str, code: str, detail: str) -> None:
    found = loaded(spec).diagnostics
    assert {each.code for each in found} == {code}
    assert any(detail in each.detail for each in found)


def test_two_policies_of_one_name() -> None:
    again = "---\n" + HEAD + "  rule: 'true'\n" + TESTED
    assert [each.code for each in loaded("  rule: 'true'\n" + TESTED + again).diagnostics] == ["duplicate-name"]


def test_policies_are_part_of_what_was_approved() -> None:
    digests = [loaded(f"  rule: '{rule}'\n{TESTED}").configuration for rule in ("true", "true", "false")]
    one, same, other = (each.digest for each in digests if each is not None)
    assert one == same != other


def test_a_project_without_policies_keeps_its_digest() -> None:
    """Figured before there were policies."""
    bare = load([SourceFile(path="reconciler.yaml", text=dedent(PROJECT))], FakeCatalog()).configuration
    assert bare is not None
    assert bare.digest == "sha256:be150fa74709ffaa61554ce743ce2106a5ba1d335d1d73bf9316281285fc63da"
