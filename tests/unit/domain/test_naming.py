from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.naming import (
    MAX_GROUP,
    MAX_NAME,
    endpoint_config_name,
    is_legal_name,
    schedule_group,
    schedule_name,
    version_name,
)

FINGERPRINT = "sha256:1a2b3c4d" + "0" * 56


@pytest.mark.parametrize("name", ["a", "support-bot", "A1", "9", "a-b-c", "x" * 63])
def test_legal(name: str) -> None:
    assert is_legal_name(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "a--b", "a_b", "a.b", "a b", "x" * 64, "support-bot\n", "suppört", "ｓupport", "a/b"]
)
def test_illegal(name: str) -> None:
    assert not is_legal_name(name)


def test_a_version_is_named_by_model_fingerprint_and_attempt() -> None:
    assert version_name("support-bot", FINGERPRINT) == "support-bot-1a2b3c4d"
    assert version_name("support-bot", FINGERPRINT, attempt=2) == "support-bot-1a2b3c4d-r2"


@given(st.from_regex(r"\A[A-Za-z0-9](-?[A-Za-z0-9]){0,62}\Z").filter(is_legal_name), st.integers(1, 99))
def test_computed_names_are_legal_whatever_the_model_is_called(model: str, attempt: int) -> None:
    names = [
        version_name(model, FINGERPRINT, attempt),
        endpoint_config_name(model, FINGERPRINT, "9f8e77"),
        schedule_name(model, "undeploy"),
    ]
    assert all(is_legal_name(name) and len(name) <= MAX_NAME for name in names)


def test_a_schedule_group_belongs_to_one_project() -> None:
    assert schedule_group("acme-prod") == "reconciler-acme-prod"
    groups = [schedule_group("x" * 55 + end) for end in ("-prod", "-staging")]
    assert len(set(groups)) == 2
    assert all(len(group) == MAX_GROUP for group in groups)
