"""Log streams of CloudWatch, merged by time.

GetLogEvents: a page may be empty and still have a successor; the token that was sent comes back where there is nothing more; a page
has at most 10,000 events or 1 MB (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from reconciler.domain.logs import LogLine
from reconciler.providers.aws.faults import code_of, looks, looks_through
from reconciler.providers.aws.paging import every
from reconciler.providers.aws.session import AwsSession

MOST = 10_000
"""Events that one call gives."""

SourceOf = Callable[[str], str]
"""From a stream's name to who writes it."""


class CloudWatchLog:
    """See :class:`reconciler.domain.logs.Log`. A group or a stream that is not there yet has no lines."""

    def __init__(self, aws: AwsSession, group: str, prefix: str = "", *, source_of: SourceOf = str) -> None:
        self._aws = aws
        self._group = group
        self._prefix = prefix
        self._source_of = source_of
        self._streams: dict[str, _Stream] = {}

    @looks("reading the log")
    def tail(self, lines: int) -> tuple[LogLine, ...]:
        self._discover()
        found = [line for stream in self._streams.values() for line in stream.tail(lines)]
        return tuple(sorted(found, key=lambda line: line.at))[-lines:] if lines else ()

    @looks_through("reading the log")
    def unread(self) -> Iterator[LogLine]:
        self._discover()
        reading = [*self._streams.values()]
        while True:
            reading = [stream for stream in reading if stream.has_more()]
            if not reading:
                return
            yield min(reading, key=lambda stream: stream.next_at).take()

    def _discover(self) -> None:
        """Streams appear as hosts begin to write."""
        request = {"logGroupName": self._group} | ({"logStreamNamePrefix": self._prefix} if self._prefix else {})
        client: Any = self._aws.reading("logs")
        try:
            for found in every(client.describe_log_streams, "logStreams", next_page="nextToken", **request):
                name = found["logStreamName"]
                if name not in self._streams:
                    self._streams[name] = _Stream(client, self._group, name, self._source_of(name))
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise


class _Stream:
    """One stream and how far it was read: ``_held`` was fetched and not handed out yet."""

    def __init__(self, client: Any, group: str, name: str, source: str) -> None:
        self._client = client
        self._request = {"logGroupName": group, "logStreamName": name}
        self._source = source
        self._token: str | None = None
        self._held: deque[LogLine] = deque()

    @property
    def next_at(self) -> datetime:
        return self._held[0].at

    def take(self) -> LogLine:
        return self._held.popleft()

    def has_more(self) -> bool:
        """Fetches where nothing is held."""
        while not self._held:
            place = {"nextToken": self._token} if self._token else {}
            page = self._client.get_log_events(**self._request, startFromHead=True, **place)
            self._held.extend(self._lines(page))
            before, self._token = self._token, page["nextForwardToken"]
            if before == self._token:
                return bool(self._held)
        return True

    def tail(self, count: int) -> list[LogLine]:
        """The last lines; what comes after them is read next."""
        page = self._back(count)
        self._token = page["nextForwardToken"]
        found = [*self._lines(page)]
        while len(found) < count:
            token = page["nextBackwardToken"]
            page = self._back(count - len(found), nextToken=token)
            found = [*self._lines(page), *found]
            if page["nextBackwardToken"] == token:
                break
        return found[-count:] if count else []

    def _back(self, count: int, **place: str) -> dict[str, Any]:
        limit = max(1, min(MOST, count))
        return dict(self._client.get_log_events(**self._request, startFromHead=False, limit=limit, **place))

    def _lines(self, page: Mapping[str, Any]) -> Iterator[LogLine]:
        """A progress bar rewrites its line with carriage returns: its states are lines here."""
        for event in page["events"]:
            at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
            for text in str(event["message"]).rstrip("\r\n").replace("\r", "\n").split("\n"):
                yield LogLine(at=at, source=self._source, text=text)
