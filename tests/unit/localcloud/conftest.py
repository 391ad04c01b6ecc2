from __future__ import annotations

import boto3
import pytest

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.clock import Clock
from reconciler.localcloud.inprocess import session
from reconciler.localcloud.world import World


@pytest.fixture
def cloud() -> LocalCloud:
    """A cloud whose clock stands still."""
    return LocalCloud(world=World(clock=Clock(speed=0, start=1_800_000_000)))


@pytest.fixture
def aws(cloud: LocalCloud) -> boto3.Session:
    return session(cloud)
