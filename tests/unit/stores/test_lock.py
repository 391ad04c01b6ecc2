from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.domain.errors import CloudUnavailable, Interrupted, LockHeld, ReconcilerError
from reconciler.stores.lock import LockTiming, S3Lease, S3Lock
from reconciler.stores.s3 import Fetched, Gone, LostRace, ObjectStore

from .conftest import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

NEVER = timedelta(days=1)


class FakeTimer:
    def __init__(self) -> None:
        self.moment = 0.0
        self.slept: list[float] = []
        self.while_asleep: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += seconds
        self.slept.append(seconds)
        self.while_asleep()


class Store(ObjectStore):
    """A bucket whose answers come ``later`` by S3's clock, and whose writes can go wrong as the network makes them go.

    S3 answers each request as a whole; moto, in this process, only where they come one at a time.
    """

    later = timedelta(0)
    one_at_a_time = threading.Lock()

    def __init__(self, client: S3Client, bucket: str = BUCKET) -> None:
        super().__init__(client, bucket)
        self.lose_answers = 0
        self.lose_requests = 0
        self.interrupt: BaseException | None = None
        self.repeat = False

    def get(self, key: str) -> Fetched | None:
        with self.one_at_a_time:
            fetched = super().get(key)
        return fetched and replace(fetched, answered_at=fetched.answered_at + self.later)

    def put(self, key: str, body: bytes, **conditions: object) -> str:
        if self.lose_requests:
            self.lose_requests -= 1
            raise CloudUnavailable("the connection was refused")
        etag = self._put(key, body, **conditions)
        if self.repeat:  # what botocore does when the first answer was lost
            self.repeat = False
            return self._put(key, body, **conditions)
        if self.interrupt:
            raise self.interrupt
        if self.lose_answers:
            self.lose_answers -= 1
            raise CloudUnavailable("the connection broke")
        return etag

    def delete(self, key: str, *, if_match: str | None = None) -> None:
        with self.one_at_a_time:
            super().delete(key, if_match=if_match)

    def _put(self, key: str, body: bytes, **conditions: object) -> str:
        with self.one_at_a_time:
            return super().put(key, body, **conditions)  # type: ignore[arg-type]


@pytest.fixture
def store(s3: S3Client) -> Store:
    return Store(s3)


@pytest.fixture
def timer() -> FakeTimer:
    return FakeTimer()


def a_lock(store: ObjectStore, timer: FakeTimer, who: str = "ana@laptop", **more: object) -> S3Lock:
    timing = LockTiming(renew_every=NEVER)  # tests renew by hand
    return S3Lock(store, "acme", who=who, version="1.0", timing=timing, timer=timer, **more)  # type: ignore[arg-type]


def body(store: ObjectStore) -> dict[str, object]:
    fetched = store.get("acme/lock.json")
    assert fetched is not None
    found: dict[str, object] = json.loads(fetched.body)
    return found


def test_taking_showing_and_releasing(store: Store, timer: FakeTimer) -> None:
    lock = a_lock(store, timer)
    assert lock.show() is None
    lease = lock.acquire("apply")
    assert lease.still_held()
    shown = lock.show()
    assert shown is not None
    assert (shown.id, shown.who, shown.operation) == (lease.info.id, "ana@laptop", "apply")
    assert timedelta(seconds=58) < shown.expires - datetime.now(UTC) < timedelta(seconds=62)
    assert not shown.expired
    lease.release()
    assert lock.show() is None
    assert not lease.still_held()


def test_the_object_reads_like_terraforms(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer, info="ci run 7").acquire("apply")
    names = body(store)
    assert {"ID", "Operation", "Info", "Who", "Version", "Created", "Path"} <= names.keys()
    assert (names["ID"], names["Info"], names["Path"]) == (lease.info.id, "ci run 7", f"{BUCKET}/acme/lock.json")


def test_a_second_is_refused_at_once_and_told_by_whom(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer).acquire("apply")
    with pytest.raises(LockHeld, match="held by ana@laptop for apply") as caught:
        a_lock(store, timer, "bo@ci").acquire("apply")
    assert f"reconciler lock release {lease.info.id}" in caught.value.hint
    assert not timer.slept


def test_waiting_until_the_timeout(store: Store, timer: FakeTimer) -> None:
    a_lock(store, timer).acquire("apply")
    with pytest.raises(LockHeld):
        a_lock(store, timer, "bo@ci").acquire("apply", timeout=timedelta(minutes=2))
    assert timer.moment == pytest.approx(120)
    assert timer.slept[0] <= 1
    assert max(timer.slept) <= 10


def test_waiting_pays(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer).acquire("apply")
    timer.while_asleep = lease.release
    assert a_lock(store, timer, "bo@ci").acquire("apply", timeout=timedelta(minutes=2)).still_held()
    assert len(timer.slept) == 1


def test_waiting_can_be_interrupted(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer).acquire("apply")
    with pytest.raises(Interrupted):
        a_lock(store, timer, "bo@ci", stopped=lambda: True).acquire("apply", timeout=timedelta(hours=1))
    assert body(store)["ID"] == lease.info.id


def test_an_expired_lock_is_taken_over_and_the_zombie_notices(store: Store, timer: FakeTimer) -> None:
    zombie = a_lock(store, timer).acquire("apply")
    store.later = timedelta(seconds=63)
    lease = a_lock(store, timer, "bo@ci").acquire("apply")
    assert body(store)["ID"] == lease.info.id
    zombie.renew()
    assert not zombie.still_held()
    zombie.release()
    assert body(store)["ID"] == lease.info.id
    assert lease.still_held()


def test_the_local_clock_expires_nothing(store: Store, timer: FakeTimer) -> None:
    """A machine that is half an hour off judges by S3's clock."""
    a_lock(store, timer).acquire("apply")
    timer.moment += 1800
    store.later = timedelta(seconds=61)  # the lease ran out within what whole seconds cannot tell
    with pytest.raises(LockHeld):
        a_lock(store, timer, "bo@ci").acquire("apply")


def test_a_lock_that_is_renewed_does_not_expire(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer).acquire("apply")
    before = store.head("acme/lock.json")
    timer.moment += 40
    lease.renew()
    timer.moment += 40
    assert lease.still_held()
    after = store.head("acme/lock.json")
    assert before is not None
    assert after is not None
    assert before.etag != after.etag


def test_a_frozen_holder_stops_before_its_lease_ends(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer).acquire("apply")
    timer.moment = 49.9
    assert lease.still_held()
    timer.moment = 50
    assert not lease.still_held()
    lease.renew()  # nobody took it over meanwhile
    assert lease.still_held()


def test_our_own_repeated_put_is_not_somebody_elses_lock(store: Store, timer: FakeTimer) -> None:
    store.repeat = True
    lease = a_lock(store, timer).acquire("apply")
    assert lease.still_held()
    lease.release()
    assert store.head("acme/lock.json") is None


def test_our_own_repeated_take_over_is_ours(store: Store, timer: FakeTimer) -> None:
    a_lock(store, timer).acquire("apply")
    store.later = timedelta(seconds=63)
    real = ObjectStore.put

    def put(key: str, content: bytes, **conditions: object) -> str:
        etag = real(store, key, content, **conditions)  # type: ignore[arg-type]
        return real(store, key, content, **conditions) if "if_match" in conditions else etag  # type: ignore[arg-type]

    store.put = put  # type: ignore[method-assign,assignment]
    lease = a_lock(store, timer, "bo@ci").acquire("apply")
    assert body(store)["ID"] == lease.info.id


@pytest.mark.parametrize("lost", ["lose_answers", "lose_requests"])
def test_a_put_of_unknown_outcome_leaves_no_lock_behind(store: Store, timer: FakeTimer, lost: str) -> None:
    setattr(store, lost, 1)
    with pytest.raises(CloudUnavailable):
        a_lock(store, timer).acquire("apply")
    assert store.head("acme/lock.json") is None


def test_ctrl_c_between_effect_and_answer_leaves_no_lock_behind(store: Store, timer: FakeTimer) -> None:
    store.interrupt = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        a_lock(store, timer).acquire("apply")
    assert store.head("acme/lock.json") is None


def test_a_renewal_whose_answer_was_lost_is_ours(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer).acquire("apply")
    timer.moment = 45
    store.lose_answers = 1
    lease.renew()
    assert lease.still_held()  # by the first renewal still
    timer.moment = 48
    lease.renew()
    timer.moment = 90
    assert lease.still_held()
    lease.release()
    assert store.head("acme/lock.json") is None


def test_a_renewal_that_botocore_repeated_is_ours(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer).acquire("apply")
    timer.moment, store.repeat = 45, True
    lease.renew()
    timer.moment = 90
    assert lease.still_held()


def test_without_s3_the_lease_runs_out(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer).acquire("apply")
    store.lose_requests = 100
    lease.renew()
    assert lease.still_held()
    timer.moment = 51
    lease.renew()
    assert not lease.still_held()


def test_a_lock_that_somebody_released_by_hand_is_lost(store: Store, timer: FakeTimer) -> None:
    lock = a_lock(store, timer)
    lease = lock.acquire("apply")
    lock.release(lease.info.id)
    lease.renew()
    assert not lease.still_held()
    assert store.head("acme/lock.json") is None


def test_releasing_by_hand_needs_the_right_id(store: Store, timer: FakeTimer) -> None:
    lock = a_lock(store, timer)
    with pytest.raises(ReconcilerError, match="the lock is free"):
        lock.release("any")
    lease = lock.acquire("apply")
    with pytest.raises(ReconcilerError, match=f"has the id {lease.info.id}, not any"):
        lock.release("any")
    assert lease.still_held()


def test_a_release_that_meets_a_renewal_tries_again(store: Store, timer: FakeTimer) -> None:
    lease = a_lock(store, timer).acquire("apply")
    real = store.delete
    met: list[str] = []

    def delete(key: str, *, if_match: str | None = None) -> None:
        if not met:
            met.append(key)
            ObjectStore.put(store, key, json.dumps({**body(store), "Nonce": "another"}).encode())
        real(key, if_match=if_match)

    store.delete = delete  # type: ignore[method-assign]
    lease.release()
    assert met
    assert store.head("acme/lock.json") is None


def test_a_release_without_s3_says_nothing(store: Store, timer: FakeTimer, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = a_lock(store, timer).acquire("apply")

    def unreachable(key: str) -> Fetched | None:
        raise CloudUnavailable("no network")

    monkeypatch.setattr(store, "get", unreachable)
    lease.release()
    assert not lease.still_held()


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"ID": 1}',
        json.dumps({"LeaseSeconds": 1e300}).encode(),
        b'{"LeaseSeconds": "nan"}',
    ],
)
def test_an_unreadable_lock_is_held_until_somebody_releases_it(store: Store, timer: FakeTimer, garbage: bytes) -> None:
    ObjectStore.put(store, "acme/lock.json", garbage)
    store.later = timedelta(days=400)
    lock = a_lock(store, timer)
    with pytest.raises(LockHeld, match="cannot be read"):
        lock.acquire("apply")
    shown = lock.show()
    assert shown is not None
    lock.release(shown.id)
    assert lock.acquire("apply").still_held()


def test_a_lock_that_nobody_renewed_is_shown_as_expired(store: Store, timer: FakeTimer) -> None:
    lock = a_lock(store, timer)
    lease = lock.acquire("apply")
    store.later = timedelta(minutes=5)
    shown = lock.show()
    assert shown is not None
    assert (shown.id, shown.expired) == (lease.info.id, True)
    lease.release()


def test_a_conflict_that_s3_could_not_decide_is_tried_again(store: Store, timer: FakeTimer) -> None:
    real, conflicts = store.put, [LostRace("409"), LostRace("409")]

    def put(key: str, content: bytes, **conditions: object) -> str:
        if conflicts:
            raise conflicts.pop()
        return real(key, content, **conditions)

    store.put = put  # type: ignore[method-assign,assignment]
    assert a_lock(store, timer).acquire("apply").still_held()


def test_endless_conflict_is_told(store: Store, timer: FakeTimer, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(key: str, content: bytes, **conditions: object) -> str:
        raise LostRace("409")

    monkeypatch.setattr(store, "put", put)
    with pytest.raises(CloudUnavailable, match="keeps changing"):
        a_lock(store, timer).acquire("apply")


@pytest.mark.parametrize("expired", [False, True])
def test_of_many_who_try_at_once_one_gets_it(store: Store, timer: FakeTimer, expired: bool) -> None:
    if expired:
        a_lock(store, timer).acquire("apply")
    together = threading.Barrier(8)

    def attempt(number: int) -> S3Lease | None:
        mine = Store(store._client)
        mine.later = timedelta(seconds=63) if expired else timedelta(0)
        together.wait()
        try:
            return a_lock(mine, FakeTimer(), f"worker {number}").acquire("apply")
        except LockHeld:
            return None

    with ThreadPoolExecutor(8) as pool:
        winners = [lease for lease in pool.map(attempt, range(8)) if lease]
    for lease in winners:
        lease.renew()
    holding = [lease for lease in winners if lease.still_held()]
    assert len(holding) == 1
    # Where the old lease has run out by *everybody's* clock, a taker may itself be taken over; then it has noticed.
    assert len(winners) == 1 or expired
    assert body(store)["ID"] == holding[0].info.id


def test_the_thread_renews_by_itself_and_ends_with_the_lease(store: Store) -> None:
    timing = LockTiming(renew_every=timedelta(milliseconds=1))
    lease = S3Lock(store, "acme", who="ana", version="1", timing=timing).acquire("apply")
    nonces: set[object] = set()
    enough = threading.Event()
    while len(nonces) < 3 and not enough.wait(0.001):
        nonces.add(body(store)["Nonce"])
    lease.release()
    lease._thread.join(5)
    assert not lease._thread.is_alive()
    assert store.head("acme/lock.json") is None


def test_gone_is_a_lost_race() -> None:
    assert issubclass(Gone, LostRace)
