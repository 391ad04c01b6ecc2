from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.fingerprint import canonical_json, digest

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("spelling", [2e-5, Decimal("2e-5"), Decimal("0.000020")])
def test_a_number_has_one_spelling(spelling: object) -> None:
    assert canonical_json({"lr": spelling}) == '{"lr":2e-05}'


def test_whole_floats_are_integers() -> None:
    assert digest({"epochs": 3.0}) == digest({"epochs": 3})


def test_true_is_not_one() -> None:
    assert digest({"a": True}) != digest({"a": 1})


@given(st.dictionaries(st.text(), json_values, max_size=6))
def test_key_order_does_not_matter(value: dict[str, object]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)
