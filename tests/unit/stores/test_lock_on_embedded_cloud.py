"""Lost answers as botocore itself meets them: it repeats the request, which then meets its own effect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.inprocess import session
from reconciler.stores.lock import S3Lock
from reconciler.stores.s3 import ObjectStore

Order = Callable[[str], None]


@pytest.fixture
def cloud() -> LocalCloud:
    return LocalCloud()


@pytest.fixture
def lock(cloud: LocalCloud) -> S3Lock:
    store = ObjectStore(session(cloud).client("s3"), "acme-llms-artifacts")
    store.create()
    return S3Lock(store, "acme", who="ana@laptop", version="1.0")


@pytest.fixture
def lose(cloud: LocalCloud) -> Order:
    def lose(operation: str) -> None:
        cloud.world.faults.append(Fault(kind="lost-response", operation=f"s3:{operation}", times=1))

    return lose


def test_every_answer_lost_once(lock: S3Lock, lose: Order) -> None:
    lose("PutObject")
    lease = lock.acquire("apply")
    assert lease.still_held()
    lose("PutObject")
    lease.renew()
    assert lease.still_held()
    lose("DeleteObject")
    lease.release()
    assert lock.show() is None
