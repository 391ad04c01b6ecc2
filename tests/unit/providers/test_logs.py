"""Streams of CloudWatch as one log: merged by time, read on without a repetition, whatever the pages are like."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.logs import LogLine
from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.inprocess import session
from reconciler.localcloud.world import World
from reconciler.providers.aws import logs
from reconciler.providers.aws.logs import CloudWatchLog
from reconciler.providers.aws.session import AwsSession, AwsSettings
from reconciler.providers.sagemaker.logs import TRAININGS, host_of

START = 1_772_000_000.0


class Hosts:
    """An embedded cloud whose log of ``job`` is written here; times count from START."""

    def __init__(self) -> None:
        self.cloud = LocalCloud(world=World())
        settings = AwsSettings(region="us-east-1", endpoint_url="http://127.0.0.1:1", attempts=1)
        self.aws = AwsSession(settings, session=session(self.cloud))

    def write(self, host: str, *lines: tuple[int, str], job: str = "job") -> None:
        for at, text in lines:
            self.cloud.logs.write("us-east-1", TRAININGS, f"{job}/{host}-1772000000", START + at, [text])

    def log(self) -> CloudWatchLog:
        return CloudWatchLog(self.aws, TRAININGS, "job/", source_of=host_of)

    def spoil(self, code: str, *, times: int | None = None) -> None:
        fault = Fault(kind="error", operation="logs:GetLogEvents", code=code, message="no", times=times)
        self.cloud.world.faults.append(fault)


def texts(lines: Any) -> list[str]:
    return [line.text for line in lines]


def test_hosts_are_merged_by_time_and_named() -> None:
    hosts = Hosts()
    hosts.write("algo-1", (1, "a"), (3, "c"), (3, "d"))
    hosts.write("algo-2", (2, "b"), (4, "e"))
    hosts.write("algo-1", (0, "another job's"), job="job-2")
    found = [*hosts.log().unread()]
    assert texts(found) == ["a", "b", "c", "d", "e"]
    assert [line.source for line in found] == ["algo-1", "algo-2", "algo-1", "algo-1", "algo-2"]
    assert found[0] == LogLine(at=datetime.fromtimestamp(START + 1, UTC), source="algo-1", text="a")


def test_what_was_read_is_not_read_again_and_hosts_may_come_later() -> None:
    hosts = Hosts()
    log = hosts.log()
    assert texts(log.unread()) == []
    hosts.write("algo-1", (1, "a"))
    assert texts(log.unread()) == ["a"]
    assert texts(log.unread()) == []
    hosts.write("algo-1", (2, "b"))
    hosts.write("algo-2", (3, "c"))
    assert texts(log.unread()) == ["b", "c"]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(0, 15), st.integers(1, 4))
def test_the_last_lines_and_what_comes_after_them(gaps: list[int], count: int, page: int) -> None:
    hosts = Hosts()
    log = hosts.log()
    ends = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    for n, at in enumerate(ends):
        hosts.write(f"algo-{n % 2 + 1}", (at, str(n)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "MOST", page)
        assert texts(log.tail(count)) == [str(n) for n in range(len(ends))][len(ends) - min(count, len(ends)) :]
    assert texts(log.unread()) == []
    hosts.write("algo-1", (200, "more"))
    assert texts(log.unread()) == ["more"]


def test_progress_bars_are_lines() -> None:
    hosts = Hosts()
    hosts.write("algo-1", (1, "\r 10%\r 20%\n"), (2, "\tindented\n"))
    assert texts(hosts.log().unread()) == ["", " 10%", " 20%", "\tindented"]


def test_a_page_without_events_is_not_the_end() -> None:
    """As CloudWatch has it; moto never gives one."""
    pages = {None: ([], "1"), "1": (["a"], "2"), "2": ([], "3"), "3": (["b"], "4"), "4": ([], "4")}

    class Client:
        def get_log_events(self, **request: Any) -> dict[str, Any]:
            events, token = pages[request.get("nextToken")]
            return {"events": [{"timestamp": 0, "message": e} for e in events], "nextForwardToken": token}

    stream = logs._Stream(Client(), "group", "stream", "algo-1")
    read = []
    while stream.has_more():
        read.append(stream.take().text)
    assert read == ["a", "b"]


def test_where_reading_breaks_off_nothing_is_lost_or_told_twice() -> None:
    hosts = Hosts()
    log = hosts.log()
    hosts.write("algo-1", (1, "a"), (3, "c"))
    hosts.write("algo-2", (2, "b"))
    reading = log.unread()
    assert next(reading).text == "a"
    hosts.spoil("ThrottlingException")
    rest: list[str] = []
    with pytest.raises(CloudUnavailable, match="ThrottlingException") as busy:
        rest.extend(line.text for line in reading)
    assert busy.value.transient
    hosts.cloud.world.faults.clear()
    assert [*rest, *texts(log.unread())] == ["b", "c"]


def test_what_may_not_be_read_is_no_empty_log() -> None:
    hosts = Hosts()
    hosts.write("algo-1", (1, "a"))
    hosts.spoil("AccessDeniedException")
    with pytest.raises(CloudUnavailable, match="AccessDeniedException") as denied:
        hosts.log().tail(5)
    assert not denied.value.transient


@pytest.mark.parametrize(
    ("stream", "host"), [("job/algo-1-1772000000", "algo-1"), ("job/algo-12-1", "algo-12"), ("odd", "odd")]
)
def test_the_host_of_a_stream(stream: str, host: str) -> None:
    assert host_of(stream) == host
