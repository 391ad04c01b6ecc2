from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.execution.runtime import Executing
from reconciler.localcloud.execution.settings import ExecutionSettings
from reconciler.localcloud.inprocess import session
from tests.unit.localcloud.story import put_data
from tests.unit.localcloud_execution import programs


@pytest.fixture
def settings(tmp_path: Path) -> ExecutionSettings:
    """Model servers are stand-ins: see `programs.SERVER`."""
    server = tmp_path / "server.py"
    server.write_text(textwrap.dedent(programs.SERVER))
    return ExecutionSettings(folder=tmp_path / "execution", server=(sys.executable, str(server)))


@pytest.fixture
def cloud(settings: ExecutionSettings) -> Iterator[LocalCloud]:
    """A cloud that executes, on a clock at real speed."""
    cloud = LocalCloud(runtime=Executing(settings))
    yield cloud
    cloud.runtime.close()


@pytest.fixture
def aws(cloud: LocalCloud) -> boto3.Session:
    made = session(cloud)
    put_data(made)
    return made
