"""What the lock's object says, and who holds the lock by it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.domain.ports import LockInfo
from reconciler.stores.s3 import Fetched

_RESOLUTION = timedelta(seconds=2)
"""Two whole-second clocks may be off by so much together."""

_LONGEST_LEASE = 86_400
"""Seconds. What asks for more was not written by us."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the lock's object says. The names in JSON are Terraform's, with a lease and a nonce added."""

    id: str
    operation: str
    who: str
    version: str
    created: datetime
    path: str
    lease: timedelta | None
    """``None``: it never ends by itself."""
    info: str = ""
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)

    def renewed(self) -> Claim:
        return replace(self, nonce=uuid.uuid4().hex)

    def to_json(self) -> bytes:
        names = {
            "ID": self.id,
            "Operation": self.operation,
            "Info": self.info,
            "Who": self.who,
            "Version": self.version,
            "Created": self.created.isoformat(),
            "Path": self.path,
            "LeaseSeconds": self.lease.total_seconds() if self.lease else None,
            "Nonce": self.nonce,
        }
        return json.dumps(names, indent=2).encode()

    @classmethod
    def of(cls, fetched: Fetched) -> Claim:
        """What stands in the bucket. Of something unreadable the ETag serves as id, so that it can be released by hand."""
        try:
            return _parsed(json.loads(fetched.body))
        except (ValueError, KeyError, TypeError, OverflowError):
            etag = fetched.stored.etag.strip('"')
            unknown = "unknown: the lock's object cannot be read"
            return cls(
                id=etag,
                operation="unknown",
                who=unknown,
                version="",
                created=fetched.stored.modified,
                path=fetched.stored.key,
                lease=None,
            )


def _parsed(names: dict[str, Any]) -> Claim:
    seconds = float(names["LeaseSeconds"])
    if not 0 < seconds <= _LONGEST_LEASE:
        raise ValueError(f"a lease of {seconds} seconds")
    return Claim(
        id=str(names["ID"]),
        operation=str(names["Operation"]),
        info=str(names["Info"]),
        who=str(names["Who"]),
        version=str(names["Version"]),
        created=datetime.fromisoformat(names["Created"]),
        path=str(names["Path"]),
        lease=timedelta(seconds=seconds),
        nonce=str(names["Nonce"]),
    )


@dataclass(frozen=True)
class Holder:
    claim: Claim
    fetched: Fetched

    @property
    def expires(self) -> datetime:
        """By S3's clock."""
        lease = self.claim.lease
        return datetime.max.replace(tzinfo=UTC) if lease is None else self.fetched.stored.modified + lease

    @property
    def is_expired(self) -> bool:
        lease, age = self.claim.lease, self.fetched.answered_at - self.fetched.stored.modified
        return lease is not None and age > lease + _RESOLUTION

    @property
    def info(self) -> LockInfo:
        return lock_info(self.claim, self.expires).model_copy(update={"expired": self.is_expired})


def lock_info(claim: Claim, expires: datetime) -> LockInfo:
    return LockInfo(
        id=claim.id,
        operation=claim.operation,
        who=claim.who,
        version=claim.version,
        created=claim.created,
        expires=expires,
        info=claim.info,
    )
