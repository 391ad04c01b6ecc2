"""A served embedded cloud whose clock runs fast, and an environment that cannot reach AWS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.localcloud import control
from reconciler.localcloud.control import LocalStatus

SPEED = 600


@pytest.fixture
def served(tmp_path: Path) -> Iterator[LocalStatus]:
    """Ten minutes pass in a second. The cloud is empty, and gone when the test is."""
    state_dir = tmp_path / "cloud"
    yield control.up(state_dir, speed=SPEED)
    control.down(state_dir)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """For programs: dummy credentials, and nothing of this machine's AWS configuration."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_"))}
    return {
        **kept,
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "dummy",
        "AWS_SECRET_ACCESS_KEY": "dummy",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "NO_PROXY": "127.0.0.1,localhost",
    }
