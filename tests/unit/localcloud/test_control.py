"""The cloud as a process of its own: started, asked, killed, stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError

from reconciler.localcloud import control
from reconciler.localcloud.control import LocalCloudError, LocalStatus
from reconciler.localcloud.server import serve
from tests.unit.localcloud.story import NO_RETRIES, put_data

DEADLINE = 20.0


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cloud"
    control.down(tmp_path / "cloud")


def _client(status: LocalStatus, name: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
    return session.client(name, endpoint_url=status.endpoint_url, config=NO_RETRIES)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, "what was waited for did not come"
        threading.Event().wait(0.02)


def test_two_that_start_at_once_get_one_server(state_dir: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: control.up(state_dir, speed=0), range(2))
    assert (first.pid, first.port) == (second.pid, second.port)
    again = control.up(state_dir)
    assert (again.pid, again.speed) == (first.pid, 0)


def test_status_tells_where_it_is_and_what_it_holds(state_dir: Path) -> None:
    assert control.status(state_dir) is None
    started = control.up(state_dir, speed=60)
    _client(started, "sagemaker").create_model(ModelName="m")
    found = control.status(state_dir)
    assert found is not None
    assert found.resources == {"sagemaker:model": 1}
    shown = found.as_dict()
    assert shown["endpointUrl"] == f"http://127.0.0.1:{found.port}"
    assert (shown["speed"], shown["accountId"], shown["region"]) == (60, "123456789012", "us-east-1")
    assert shown["stateDir"] == str(state_dir)
    json.dumps(shown)


def test_state_outlives_a_stop_and_time_stands_still_meanwhile(state_dir: Path) -> None:
    started = control.up(state_dir, speed=0)
    _client(started, "sagemaker").create_model(ModelName="m")
    before = control.advance(state_dir, 1000)
    assert control.down(state_dir) is True
    assert control.down(state_dir) is False
    assert control.status(state_dir) is None
    again = control.up(state_dir)
    assert (again.now, again.speed, again.port) == (before.now, 0, started.port)
    assert _client(again, "sagemaker").describe_model(ModelName="m")["ModelName"] == "m"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_nothing_is_lost(state_dir: Path, number: signal.Signals) -> None:
    started = control.up(state_dir, speed=0)
    put_data_over_http(started)
    os.kill(started.pid, number)
    _until(lambda: control.status(state_dir) is None)
    _until(lambda: not (state_dir / "server.json").exists())
    again = control.up(state_dir)
    assert _client(again, "s3").list_objects_v2(Bucket="story-bucket")["KeyCount"] == 1


def test_a_kill_loses_nothing_that_was_answered(state_dir: Path) -> None:
    started = control.up(state_dir, speed=0)
    put_data_over_http(started)
    _client(started, "sagemaker").create_model(ModelName="answered")
    os.kill(started.pid, signal.SIGKILL)
    _until(lambda: control.status(state_dir) is None)
    again = control.up(state_dir)
    assert again.pid != started.pid
    assert _client(again, "sagemaker").describe_model(ModelName="answered")["ModelName"] == "answered"
    assert _client(again, "s3").list_objects_v2(Bucket="story-bucket")["KeyCount"] == 1


def test_faults_and_the_request_log(state_dir: Path) -> None:
    started = control.up(state_dir, speed=0)
    ordered = control.add_fault(state_dir, "lost-response", operation="sagemaker:CreateModel", times=1)
    assert ordered[0]["operation"] == "sagemaker:CreateModel"
    with pytest.raises(ConnectionClosedError):
        _client(started, "sagemaker").create_model(ModelName="m")
    assert _client(started, "sagemaker").describe_model(ModelName="m")["ModelName"] == "m"
    changes = control.requests(state_dir, changes=True)
    assert [(entry["operation"], entry["status"]) for entry in changes] == [("CreateModel", 0)]
    assert control.requests(state_dir, since=changes[0]["sequence"])[0]["operation"] == "DescribeModel"
    with pytest.raises(LocalCloudError, match="not one of error"):
        control.add_fault(state_dir, "nonsense")
    control.clear_faults(state_dir)
    found = control.status(state_dir)
    assert found is not None
    assert found.details["faults"] == []


def test_the_clock_is_driven_from_outside(state_dir: Path) -> None:
    started = control.up(state_dir, speed=0)
    assert control.advance(state_dir, 3600).now > started.now
    assert control.set_speed(state_dir, 10).speed == 10
    with pytest.raises(LocalCloudError, match="cannot go back"):
        control.advance(state_dir, -1)


def test_without_a_server_the_advice_is_to_start_one(state_dir: Path) -> None:
    with pytest.raises(LocalCloudError, match="reconciler local up"):
        control.advance(state_dir, 1)


def test_a_snapshot_of_another_version_stops_the_start(state_dir: Path) -> None:
    state_dir.mkdir()
    (state_dir / "cloud.snapshot").write_text('{"format": "reconciler-local-cloud", "version": 99, "moto": "0"}\n')
    with pytest.raises(LocalCloudError, match="of version 99"):
        control.up(state_dir)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalCloudError, match="cannot hold the embedded cloud's state"):
        control.up(tmp_path / "file" / "cloud")


def test_the_folder_is_hidden_from_version_control(strict: LocalStatus) -> None:
    assert (strict.state_dir / ".gitignore").read_text() == "*\n"


def test_a_taken_port_is_told_when_it_was_asked_for(state_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalCloudError, match="did not start"):
            control.up(state_dir, port=port)


def test_another_programs_port_is_not_taken_for_ours(state_dir: Path, tmp_path: Path) -> None:
    """The announcement of a killed server may point at a port that another cloud has by now."""
    other = control.up(tmp_path / "other", speed=0)
    try:
        state_dir.mkdir()
        stale = {"pid": 1, "host": "127.0.0.1", "port": other.port, "token": "stale"}
        (state_dir / "server.json").write_text(json.dumps(stale))
        assert control.status(state_dir) is None
    finally:
        control.down(tmp_path / "other")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/_local/status", {}),
        ("/_local/status", {"X-Local-Token": "guessed"}),
        ("/", {"Host": "evil.example"}),
        ("/", {"Origin": "https://evil.example"}),
        ("/", {"Origin": "null"}),
        ("/", {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_strangers_are_refused(strict: LocalStatus, path: str, headers: dict[str, str]) -> None:
    connection = HTTPConnection("127.0.0.1", strict.port)
    connection.request("GET", path, headers=headers)
    assert connection.getresponse().status == 403
    connection.close()


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStatus]:
    state_dir = tmp_path_factory.mktemp("strict")
    yield control.up(state_dir, speed=0)
    control.down(state_dir)


def test_the_token_is_for_its_user_alone(strict: LocalStatus) -> None:
    assert (strict.state_dir / "server.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com"])
def test_only_loopback_is_served(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValueError, match="loopback addresses only"):
        serve(tmp_path, host=host)


def put_data_over_http(status: LocalStatus) -> None:
    class Session:
        def client(self, name: str) -> Any:
            return _client(status, name)

    put_data(Session())


def test_a_server_whose_folder_was_deleted_ends_by_itself(state_dir: Path) -> None:
    started = control.up(state_dir, speed=0)
    shutil.rmtree(state_dir)
    _until(lambda: not _answers(started.port))
    assert not state_dir.exists()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
