"""The file behind an S3 prefix."""

from __future__ import annotations

from typing import Any

from reconciler.providers.aws.faults import AwsTrouble
from reconciler.providers.aws.session import AwsSession

READABLE = (".csv", ".jsonl", ".csv.gz", ".jsonl.gz")


def only_file(aws: AwsSession, uri: str) -> str:
    """The address of the one data file below ``uri``; ``uri`` as it is where there are several, or where nobody may look."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    client: Any = aws.reading("s3")
    try:
        listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=100).get("Contents", ())
    except AwsTrouble:
        return uri
    keys = [entry["Key"] for entry in listed if entry["Size"]]
    readable = [key for key in keys if key.lower().endswith(READABLE)] or keys
    return f"s3://{bucket}/{readable[0]}" if len(readable) == 1 else uri
