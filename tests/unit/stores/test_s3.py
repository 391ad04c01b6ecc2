from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from reconciler.domain.errors import CloudUnavailable
from reconciler.stores.s3 import MULTIPART, Gone, LostRace, ObjectStore

from .conftest import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@pytest.fixture
def store(s3: S3Client) -> ObjectStore:
    return ObjectStore(s3, BUCKET)


class Refusing:
    """A client whose every call fails in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def refuse(**_: Any) -> Any:
            raise self._error

        return refuse


def refusing(status: int, code: str) -> ObjectStore:
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ObjectStore(Refusing(ClientError(answer, "Any")), BUCKET)  # type: ignore[arg-type]


def test_what_was_written_is_read_back(store: ObjectStore) -> None:
    etag = store.put("a/b", b"hello")
    fetched = store.get("a/b")
    assert fetched is not None
    assert (fetched.body, fetched.stored.etag, fetched.stored.size) == (b"hello", etag, 5)
    assert store.head("a/b") == fetched.stored
    stream = store.open("a/b")
    assert stream is not None
    with stream:
        assert stream.read(2) + stream.read() == b"hello"


def test_the_absent_is_none(store: ObjectStore) -> None:
    assert [store.get("nope"), store.head("nope"), store.open("nope")] == [None] * 3


def test_conditions(store: ObjectStore) -> None:
    etag = store.put("k", b"1", if_none_match=True)
    with pytest.raises(LostRace):
        store.put("k", b"2", if_none_match=True)
    newer = store.put("k", b"3", if_match=etag)
    for late in (lambda: store.put("k", b"4", if_match=etag), lambda: store.delete("k", if_match=etag)):
        with pytest.raises(LostRace) as caught:
            late()
        assert not isinstance(caught.value, Gone)
    store.delete("k", if_match=newer)
    for gone in (lambda: store.put("k", b"5", if_match=newer), lambda: store.delete("k", if_match=newer)):
        with pytest.raises(Gone):
            gone()


def test_of_many_who_create_at_once_one_wins(store: ObjectStore) -> None:
    def create(number: int) -> bool:
        try:
            store.put("k", b"%d" % number, if_none_match=True)
        except LostRace:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(16))) == 1


@pytest.mark.parametrize(("status", "code"), [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict")])
def test_both_answers_to_a_late_conditional_write_are_a_lost_race(status: int, code: str) -> None:
    with pytest.raises(LostRace):
        refusing(status, code).put("k", b"", if_none_match=True)


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (403, "AccessDenied", "s3:ListBucket"),
        (404, "NoSuchBucket", "spec.bucket"),
        (403, "RequestTimeTooSkewed", "clock"),
        (400, "ExpiredToken", "renew"),
        (503, "SlowDown", ""),
    ],
)
def test_an_error_is_never_absence(status: int, code: str, hint: str) -> None:
    store = refusing(status, code)
    for ask in (store.get, store.head, store.open, store.delete):
        with pytest.raises(CloudUnavailable, match=code) as caught:
            ask("k")
        assert hint in caught.value.hint
    with pytest.raises(CloudUnavailable, match=code):
        store.put("k", b"", if_match='"etag"')


def test_an_unreachable_cloud_is_told() -> None:
    store = ObjectStore(Refusing(EndpointConnectionError(endpoint_url="https://s3")), BUCKET)  # type: ignore[arg-type]
    with pytest.raises(CloudUnavailable, match="reading s3://acme-llms-artifacts/k") as caught:
        store.get("k")
    assert "network" in caught.value.hint


def test_listing_goes_over_pages(store: ObjectStore, s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        store.put(f"p/{number % 3}/{number}", b"12345")
    store.put("q", b"")
    paginator = s3.get_paginator("list_objects_v2")
    monkeypatch.setattr(s3, "get_paginator", lambda _: _Small(paginator))
    assert len(list(store.list("p/"))) == 7
    assert list(store.folders("p/")) == ["p/0/", "p/1/", "p/2/"]


class _Small:
    def __init__(self, paginator: Any) -> None:
        self._paginator = paginator

    def paginate(self, **asked: Any) -> Any:
        return self._paginator.paginate(**asked, PaginationConfig={"PageSize": 2})


def test_moving_and_deleting(store: ObjectStore) -> None:
    for key in ("p/a", "p/b/c", "px"):
        store.put(key, key.encode())
    assert store.move("p/", "trash/p/") == 2
    assert sorted(each.key for each in store.list("")) == ["px", "trash/p/a", "trash/p/b/c"]
    moved = store.get("trash/p/b/c")
    assert moved is not None
    assert moved.body == b"p/b/c"
    assert store.move("p/", "trash/p/") == 0
    assert store.delete_all("trash/") == 2
    assert [each.key for each in store.list("")] == ["px"]


def test_large_objects_go_in_parts(store: ObjectStore) -> None:
    store.put_stream("large", io.BytesIO(b"x" * (MULTIPART + 1)))
    stored = store.head("large")
    assert stored is not None
    assert stored.size == MULTIPART + 1
    assert stored.etag.endswith('"')
    assert "-" in stored.etag  # S3's mark of a multipart upload


def test_making_the_bucket_may_be_repeated(s3: S3Client) -> None:
    store = ObjectStore(s3, "new-bucket")
    assert not store.exists()
    store.create()
    store.create()
    assert store.exists()
