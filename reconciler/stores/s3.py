"""A bucket: typed, conditional, with errors that say what to do. botocore's exceptions end here."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from reconciler.domain.errors import CloudUnavailable, ReconcilerError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3.client import S3Client

MULTIPART = 64 * 1024 * 1024
"""Bytes from which on an upload goes in parts. S3 takes at most 5 GiB in one PUT."""


class LostRace(ReconcilerError):
    """A conditional write came too late: the object was created or changed meanwhile (HTTP 412 or 409)."""


class Gone(LostRace):
    """A conditional write found no object (HTTP 404 on If-Match)."""


@dataclass(frozen=True)
class Stored:
    """An object, as S3 describes it. ``etag`` includes its quotes; ``modified`` is by S3's clock, in whole seconds."""

    key: str
    etag: str
    size: int
    modified: datetime
    version: str | None = None
    checksum: str | None = None
    """Of the whole object, with the algorithm's name, where S3 keeps one that tells contents apart."""


@dataclass(frozen=True)
class Seal:
    """An object and its digests, as far as S3 knows them. ``sha256`` in hexadecimal.

    ``md5`` is the ETag without its quotes: of the whole, or ``<MD5 of the parts' MD5s>-<parts>`` of an object that was uploaded in
    parts of ``part_size`` bytes; ``None`` where the ETag says nothing of the content, as under KMS keys.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """

    stored: Stored
    sha256: str | None
    md5: str | None
    part_size: int


@dataclass(frozen=True)
class Fetched:
    stored: Stored
    body: bytes
    answered_at: datetime
    """By S3's clock (the answer's Date); by this machine's where the answer has none."""


class ObjectStore:
    """One bucket. Every method raises CloudUnavailable where S3 cannot be reached or refuses: an error is never absence."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def beside(self, bucket: str) -> ObjectStore:
        """Another bucket, with the same credentials."""
        return ObjectStore(self._client, bucket)

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def get(self, key: str) -> Fetched | None:
        """A small object, whole."""
        with self._asking("reading", key), _absent_is_none() as found:
            answer = self._client.get_object(Bucket=self.bucket, Key=key)
            body = answer["Body"].read()
            found.append(Fetched(_stored(key, answer), body, _answered_at(answer)))
        return found[0] if found else None

    def open(self, key: str, *, start: int = 0, if_match: str | None = None) -> BinaryIO | None:
        """An object of any size from byte ``start`` on, as a stream whose reading raises CloudUnavailable when the connection breaks.

        With ``if_match`` raises LostRace where the object has another ETag by now.
        """
        condition: dict[str, Any] = {} if if_match is None else {"IfMatch": if_match}
        condition |= {"Range": f"bytes={start}-"} if start else {}
        with self._asking("reading", key, conditional=if_match is not None), _absent_is_none() as found:
            found.append(self._client.get_object(Bucket=self.bucket, Key=key, **condition)["Body"])
        return cast(BinaryIO, io.BufferedReader(_Download(found[0], self.uri(key)))) if found else None

    def seal(self, key: str) -> Seal | None:
        """What S3 tells of an object's content, so that a copy of it can be checked."""
        with self._asking("looking at", key), _absent_is_none() as found:
            whole = self._client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
            parts = (
                whole
                if "-" not in whole["ETag"]
                else self._client.head_object(Bucket=self.bucket, Key=key, PartNumber=1)
            )
            found.append(_seal(key, whole, parts["ContentLength"]))
        return found[0] if found else None

    def head(self, key: str) -> Stored | None:
        with self._asking("looking at", key), _absent_is_none() as found:
            answer = self._client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
            found.append(_stored(key, answer))
        return found[0] if found else None

    def put(
        self,
        key: str,
        body: bytes,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
        content_type: str = "application/json",
    ) -> str:
        """Write, and return the new ETag. ``if_none_match``: only where nothing is; ``if_match``: only over that ETag.

        Raises LostRace, and Gone where ``if_match`` finds nothing. After CloudUnavailable it may have been written all the same.
        """
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if if_none_match else {}
        condition |= {} if if_match is None else {"IfMatch": if_match}
        with self._asking("writing", key, conditional=bool(condition)):
            answer = self._client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, **condition
            )
        return answer["ETag"]

    def put_stream(self, key: str, body: BinaryIO) -> None:
        """Write something large, in parts where it is larger than ``MULTIPART``. It appears whole or not at all, and only if
        what arrived has the SHA-256 of what was sent."""
        from boto3.s3.transfer import TransferConfig

        with self._asking("uploading", key):
            config = TransferConfig(multipart_threshold=MULTIPART)
            self._client.upload_fileobj(
                body, self.bucket, key, Config=config, ExtraArgs={"ChecksumAlgorithm": "SHA256"}
            )

    def delete(self, key: str, *, if_match: str | None = None) -> None:
        """Deleting the absent is done. With ``if_match`` raises LostRace, and Gone where nothing is."""
        condition: dict[str, Any] = {} if if_match is None else {"IfMatch": if_match}
        with self._asking("deleting", key, conditional=bool(condition)):
            self._client.delete_object(Bucket=self.bucket, Key=key, **condition)

    def list(self, prefix: str) -> Iterator[Stored]:
        """Everything below a prefix, page by page."""
        with self._asking("listing", prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    yield Stored(entry["Key"], entry["ETag"], entry["Size"], entry["LastModified"])

    def folders(self, prefix: str) -> Iterator[str]:
        """The next level below a prefix that ends in a slash: ``a/`` → ``a/b/``, ``a/c/``."""
        with self._asking("listing", prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, Delimiter="/"
            )
            for page in pages:
                yield from (entry["Prefix"] for entry in page.get("CommonPrefixes", ()))

    def move(self, prefix: str, to: str) -> int:
        """Move everything below ``prefix`` to below ``to``; returns how many objects. May be repeated after an interruption."""
        moved = 0
        for stored in self.list(prefix):
            with self._asking("moving", stored.key):
                target = to + stored.key.removeprefix(prefix)
                self._client.copy({"Bucket": self.bucket, "Key": stored.key}, self.bucket, target)
            self.delete(stored.key)
            moved += 1
        return moved

    def delete_all(self, prefix: str) -> int:
        """Delete everything below a prefix; returns how many objects."""
        keys = [stored.key for stored in self.list(prefix)]
        for key in keys:
            self.delete(key)
        return len(keys)

    def exists(self) -> bool:
        """Whether the bucket is there, and ours to look into."""
        with self._asking("looking for the bucket"), _absent_is_none() as found:
            self._client.head_bucket(Bucket=self.bucket)
            found.append(True)
        return bool(found)

    def create(self) -> None:
        """Make the bucket; done where it is ours already."""
        region = self._client.meta.region_name
        where: dict[str, Any] = (
            {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        try:
            with self._asking("making the bucket"):
                self._client.create_bucket(Bucket=self.bucket, **where)
        except CloudUnavailable:
            if not self.exists():
                raise

    @contextmanager
    def _asking(self, doing: str, key: str = "", *, conditional: bool = False) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        what = f"{doing} {self.uri(key)}"
        try:
            yield
        except ClientError as error:
            raise _translated(error, what, conditional=conditional) from error
        except (BotoCoreError, Boto3Error) as error:
            raise CloudUnavailable(f"{what}: {error}", hint=_hint(type(error).__name__)) from error


@contextmanager
def _absent_is_none() -> Iterator[list[Any]]:
    """Swallows 404 for an object or bucket that is not there; what was found is put into the list."""
    from botocore.exceptions import ClientError

    found: list[Any] = []
    try:
        yield found
    except ClientError as error:
        if _status(error) != 404 or _code(error) not in ("404", "NoSuchKey", "NotFound"):
            raise
        found.clear()


def _translated(error: ClientError, what: str, *, conditional: bool) -> ReconcilerError:
    """
    ============================ ============================================
    conditional, 412 or 409      LostRace
    conditional, 404 of the key  Gone
    everything else              CloudUnavailable
    ============================ ============================================
    """
    code, message = _code(error), str(error.response.get("Error", {}).get("Message", ""))
    match _status(error):
        case 412 | 409 if conditional:
            return LostRace(f"{what}: somebody else was faster ({code})")
        case 404 if conditional and code != "NoSuchBucket":
            return Gone(f"{what}: it is not there any more")
        case _:
            return CloudUnavailable(f"{what}: {code}: {message}", hint=_hint(code))


def _hint(code: str) -> str:
    return _HINTS.get(code, "")


_CREDENTIALS = "Check the credentials: `aws sts get-caller-identity` shows whose they are."
_PERMISSION = (
    "Allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket; without the last, absence looks like denial."
)
_REACH = "Check the network and the project's region; `reconciler local status` tells whether an embedded cloud runs."
_HINTS: dict[str, str] = {
    "AccessDenied": _PERMISSION,
    "403": _PERMISSION,
    "NoSuchBucket": "Make the bucket, or correct its name: spec.bucket of the Project, or the address of the data.",
    "PermanentRedirect": "The bucket is in another region than the project.",
    "301": "The bucket is in another region than the project.",
    "RequestTimeTooSkewed": "Set this machine's clock: AWS refuses requests that are off by more than 15 minutes.",
    "ExpiredToken": "The credentials have expired: renew them and run the command again.",
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "NoCredentialsError": _CREDENTIALS,
    "EndpointConnectionError": _REACH,
    "ConnectTimeoutError": _REACH,
    "ReadTimeoutError": _REACH,
}


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _stored(key: str, answer: Any) -> Stored:
    version, checksum = answer.get("VersionId"), _checksum(answer)
    return Stored(key, answer["ETag"], answer.get("ContentLength", 0), answer["LastModified"], version, checksum)


_CHECKSUMS = ("SHA256", "SHA1", "CRC64NVME")
"""Of 64 bits and more. Of an object that came in parts, S3 may keep one over the parts' checksums, which ends in their number."""


def _checksum(answer: Any) -> str | None:
    kept = ((name, answer.get(f"Checksum{name}")) for name in _CHECKSUMS)
    whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
    return next((f"{name}:{value}" for name, value in kept if value and whole and "-" not in value), None)


def _seal(key: str, answer: Any, part_size: int) -> Seal:
    """A checksum of an object in parts is of the parts' checksums, unless it says that it is of the whole."""
    told = answer.get("ChecksumSHA256") if answer.get("ChecksumType") != "COMPOSITE" else None
    readable = answer.get("ServerSideEncryption") in (None, "AES256") and "SSECustomerAlgorithm" not in answer
    etag = answer["ETag"].strip('"')
    return Seal(
        stored=_stored(key, answer),
        sha256=base64.b64decode(told).hex() if told else None,
        md5=etag if readable and re.fullmatch(r"[0-9a-f]{32}(-\d+)?", etag) else None,
        part_size=part_size,
    )


def _answered_at(answer: Any) -> datetime:
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(told) if told else datetime.now(UTC)


class _Download(io.RawIOBase):
    """What a BufferedReader needs of botocore's streaming body."""

    def __init__(self, body: Any, uri: str) -> None:
        self._body = body
        self._uri = uri

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        from botocore.exceptions import BotoCoreError

        try:
            chunk: bytes = self._body.read(len(buffer))
        except BotoCoreError as error:
            raise CloudUnavailable(f"reading {self._uri}: {error}", hint=_REACH) from error
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._body.close()
        super().close()
