from __future__ import annotations

import pytest

from tests.unit.localcloud_bedrock.embedded import Embedded


@pytest.fixture
def aws() -> Embedded:
    return Embedded()
