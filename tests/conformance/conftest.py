"""One embedded cloud for all conformance tests; each finds it empty."""

from __future__ import annotations

import pytest

from tests.conformance.bench import Site


@pytest.fixture(scope="session")
def site() -> Site:
    return Site()
