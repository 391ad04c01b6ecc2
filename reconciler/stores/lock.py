"""The project's lock: one object in S3, written conditionally, with a lease that its holder keeps renewing.

::

    take       PUT If-None-Match: *           412 → GET: our own id (the answer to our PUT was lost) → held by us;
                                              expired → PUT If-Match: its ETag; otherwise it is somebody else's
    renew      PUT If-Match: our ETag         412 → GET: our own id → held by us; otherwise the lock is lost
    release    GET, compare the id, DELETE If-Match: its ETag

Expiry is judged by S3's own clock: the answer's Date against the object's LastModified. Both have whole seconds. A nonce in the
body makes every write another ETag. Whether we still hold it, we judge by this machine's steady clock, counted from before the
last renewal was sent.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from reconciler.domain.errors import CloudUnavailable, Interrupted, LockHeld, ReconcilerError
from reconciler.domain.ports import LockInfo
from reconciler.stores.claim import Claim, Holder, lock_info
from reconciler.stores.s3 import Gone, LostRace, ObjectStore

_TRIES = 5
"""Races in a row that are lost to others before we say so."""

_PATIENCE = 3.0
"""Seconds that a release waits for a renewal in flight. CI systems kill a few seconds after they ask."""


@dataclass(frozen=True, kw_only=True)
class LockTiming:
    """``lease``: how long the lock outlives a holder that died. A holder that froze stops ``margin`` earlier."""

    lease: timedelta = timedelta(seconds=60)
    renew_every: timedelta = timedelta(seconds=15)
    margin: timedelta = timedelta(seconds=10)
    first_pause: float = 1.0
    longest_pause: float = 10.0


class Timer(Protocol):
    def now(self) -> float:
        """Seconds on a clock that never jumps."""
        ...

    def sleep(self, seconds: float) -> None: ...


class SteadyTimer:
    """This machine's steady clock; on Linux the one that goes on while the machine is suspended."""

    def now(self) -> float:
        clock = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if clock is None else time.clock_gettime(clock)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class S3Lock:
    """``s3://<bucket>/<project>/lock.json``. ``stopped``: whether somebody asked us to stop while waiting for the lock."""

    def __init__(
        self,
        store: ObjectStore,
        project: str,
        *,
        who: str,
        version: str,
        info: str = "",
        timing: LockTiming | None = None,
        timer: Timer | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.store = store
        self.key = f"{project}/lock.json"
        self.timing = timing or LockTiming()
        self.timer = timer or SteadyTimer()
        self._who, self._version, self._info = who, version, info
        self._stopped = stopped

    def acquire(self, operation: str, *, timeout: timedelta = timedelta(0)) -> S3Lease:
        """Take the lock, and keep it until it is released. Raises LockHeld after ``timeout``; Interrupted, CloudUnavailable."""
        claim = self._claim(operation)
        deadline = self.timer.now() + timeout.total_seconds()
        for pause in self._pauses():
            taken = self._take_or_withdraw(claim)
            if isinstance(taken, S3Lease):
                return taken
            left = deadline - self.timer.now()
            if left <= 0:
                raise self._held(taken)
            self.timer.sleep(min(pause, left))
            if self._stopped():
                raise Interrupted("stopped while waiting for the lock", hint="Nothing was changed.")
        raise AssertionError("pauses never end")

    def show(self) -> LockInfo | None:
        holder = self.holder()
        return holder.info if holder else None

    def release(self, lock_id: str) -> None:
        """By hand. Raises ReconcilerError where nobody holds the lock, or somebody with another id does."""
        holder = self.holder()
        if holder is None:
            raise ReconcilerError("the lock is free", hint="There is nothing to release.")
        if holder.claim.id != lock_id or not self.remove(lock_id):
            found = (self.holder() or holder).claim
            raise ReconcilerError(
                f"the lock has the id {found.id}, not {lock_id}; it is held by {found.who}",
                hint="`reconciler lock show` tells who holds it now.",
            )

    def holder(self) -> Holder | None:
        fetched = self.store.get(self.key)
        return Holder(Claim.of(fetched), fetched) if fetched else None

    def remove(self, lock_id: str) -> bool:
        """Delete the lock if it has that id; says whether it is gone by that."""
        for _ in range(_TRIES):
            holder = self.holder()
            if holder is None or holder.claim.id != lock_id:
                return False
            try:
                self.store.delete(self.key, if_match=holder.fetched.stored.etag)
                return True
            except Gone:
                return True
            except LostRace:
                continue  # renewed between the two calls: look again
        raise CloudUnavailable(f"{self.store.uri(self.key)} keeps changing", hint="Try again.")

    def _claim(self, operation: str) -> Claim:
        return Claim(
            id=str(uuid.uuid4()),
            operation=operation,
            who=self._who,
            version=self._version,
            created=datetime.now(UTC).replace(microsecond=0),
            path=f"{self.store.bucket}/{self.key}",
            lease=self.timing.lease,
            info=self._info,
        )

    def _take_or_withdraw(self, claim: Claim) -> S3Lease | Holder:
        """Whatever goes wrong, Ctrl-C included: a PUT whose answer we did not see may have taken the lock."""
        try:
            return self._take(claim)
        except BaseException:
            with suppress(CloudUnavailable):
                self.remove(claim.id)
            raise

    def _take(self, claim: Claim) -> S3Lease | Holder:
        started = self.timer.now()
        holder: Holder | None = None
        for _ in range(_TRIES):
            with suppress(LostRace):
                return S3Lease(self, claim, self.store.put(self.key, claim.to_json(), if_none_match=True), started)
            holder = self.holder()
            if holder is not None and holder.claim.id == claim.id:
                return S3Lease(self, claim, holder.fetched.stored.etag, started)
            if holder is not None and not holder.is_expired:
                return holder
            if holder is not None:
                etag = holder.fetched.stored.etag
                with suppress(LostRace):
                    return S3Lease(self, claim, self.store.put(self.key, claim.to_json(), if_match=etag), started)
        if holder is None:
            raise CloudUnavailable(f"{self.store.uri(self.key)} keeps changing", hint="Try again.")
        return holder

    def _held(self, holder: Holder) -> LockHeld:
        claim = holder.claim
        ends = "" if claim.lease is None else f", renewed until {holder.expires:%Y-%m-%d %H:%M:%S} UTC"
        return LockHeld(
            f"the lock is held by {claim.who} for {claim.operation}, since {claim.created:%Y-%m-%d %H:%M:%S} UTC{ends}",
            hint=f"Wait (--lock-timeout 10m). If the holder is surely gone: reconciler lock release {claim.id}",
        )

    def _pauses(self) -> Iterator[float]:
        """Twice as long each time, up to the longest; jittered, so that those who wait do not come all at once."""
        pause = self.timing.first_pause
        while True:
            yield pause * random.uniform(0.5, 1.0)  # noqa: S311  # nothing secret about it
            pause = min(pause * 2, self.timing.longest_pause)


class S3Lease:
    """The lock, held. A thread renews it until it is released or lost."""

    def __init__(self, lock: S3Lock, claim: Claim, etag: str, renewed_at: float) -> None:
        """``renewed_at``: a moment before the lock was written."""
        self._lock = lock
        self._claim = claim
        self._etag = etag
        self._renewed_at = renewed_at
        self._lost = False
        self._renewing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lock-lease", daemon=True)
        self._thread.start()

    @property
    def info(self) -> LockInfo:
        return lock_info(self._claim, self._claim.created + self._lock.timing.lease)

    def still_held(self) -> bool:
        timing = self._lock.timing
        safe = (timing.lease - timing.margin).total_seconds()
        return not self._lost and not self._ended.is_set() and self._lock.timer.now() - self._renewed_at < safe

    def renew(self) -> None:
        """Once. Where S3 cannot be reached nothing is lost yet: the lease still runs, and the next renewal may succeed."""
        with self._renewing, suppress(CloudUnavailable):
            if not self._ended.is_set() and not self._lost:
                self._lost = not (self._renew() or self._renew())

    def release(self) -> None:
        """Give the lock back. Where S3 cannot be reached it frees itself when the lease ends."""
        self._ended.set()
        waited = self._renewing.acquire(timeout=_PATIENCE)
        try:
            with suppress(CloudUnavailable):
                self._lock.remove(self._claim.id)
        finally:
            if waited:
                self._renewing.release()

    def _keep(self) -> None:
        while not self._lost and not self._ended.wait(self._lock.timing.renew_every.total_seconds()):
            self.renew()

    def _renew(self) -> bool:
        """False: not renewed; worth a second try, because an earlier renewal whose answer was lost changed the ETag."""
        started = self._lock.timer.now()
        claim = self._claim.renewed()
        try:
            self._etag = self._lock.store.put(self._lock.key, claim.to_json(), if_match=self._etag)
        except LostRace:
            holder = self._lock.holder()
            if holder is None or holder.claim.id != claim.id:
                return False
            self._etag = holder.fetched.stored.etag
            if holder.claim.nonce != claim.nonce:
                return False
        self._renewed_at = started
        return True
