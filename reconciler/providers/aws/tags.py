"""Tags as each service spells them, and the owner in them.

Charsets: SageMaker's ``[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*``, Bedrock's ``[a-zA-Z0-9\\s._:/=+@-]*``; keys to 128 characters, values to
256 (botocore 1.44's service models). What does not fit is replaced by ``_``: only free text such as a creator's name can.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from reconciler.domain.tags import LABEL_PREFIX, METRICS, PROMOTED_FROM, Owner

MAX_KEY = 128
MAX_VALUE = 256

KEPT_BY_RESOURCE = frozenset({"reconciler:fingerprint", "reconciler:attempt", "reconciler:created-by"})
"""What a tag update leaves alone: it belongs to the resource's own history."""


def resource_tags(owner: Owner, labels: Mapping[str, str]) -> dict[str, str]:
    """Everything that is written on a resource in the call that creates it."""
    return owner.to_tags() | {LABEL_PREFIX + key: value for key, value in labels.items()}


def labels_in(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.removeprefix(LABEL_PREFIX): value for key, value in tags.items() if key.startswith(LABEL_PREFIX)}


def promotion_tags(promoted_from: str, metrics: Mapping[str, Decimal]) -> dict[str, str]:
    """Where a version was trained, and how well; of more metrics than a tag holds, the first by name."""
    told = ""
    for name in sorted(metrics):
        more = f"{told} {name}={metrics[name].normalize():f}".lstrip()
        told = more if len(more) <= MAX_VALUE else told
    return {PROMOTED_FROM: promoted_from, METRICS: told}


def metrics_in(tags: Mapping[str, str]) -> dict[str, Decimal]:
    """What :func:`promotion_tags` wrote; anything else in the tag is left out."""
    pairs = (entry.partition("=") for entry in tags.get(METRICS, "").split())
    return {name: number for name, _, value in pairs if (number := _number(value)) is not None}


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def sagemaker_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"Key": _fit(key, MAX_KEY, _worldwide), "Value": _fit(value, MAX_VALUE, _worldwide)}
        for key, value in tags.items()
    ]


def bedrock_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": _fit(key, MAX_KEY, _ascii), "value": _fit(value, MAX_VALUE, _ascii)} for key, value in tags.items()]


def read_tags(listed: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Either spelling."""
    return {str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value", ""))) for tag in listed}


def _fit(text: str, longest: int, legal: Any) -> str:
    return "".join(character if legal(character) else "_" for character in text[:longest])


def _worldwide(character: str) -> bool:
    return character in "_.:/=+-@" or unicodedata.category(character)[0] in "LZN"


def _ascii(character: str) -> bool:
    return re.fullmatch(r"[a-zA-Z0-9\s._:/=+@-]", character, re.ASCII) is not None
