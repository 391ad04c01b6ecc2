"""Tags as each service spells them, and the owner in them.

Charsets: SageMaker's ``[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*``, Bedrock's ``[a-zA-Z0-9\\s._:/=+@-]*``; keys to 128 characters, values to
256 (botocore 1.44's service models). What does not fit is replaced by ``_``: only free text such as a creator's name can.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.domain.tags import LABEL_PREFIX, Owner

MAX_KEY = 128
MAX_VALUE = 256

KEPT_BY_RESOURCE = frozenset({"reconciler:fingerprint", "reconciler:attempt", "reconciler:created-by"})
"""What a tag update leaves alone: it belongs to the resource's own history."""


def resource_tags(owner: Owner, labels: Mapping[str, str]) -> dict[str, str]:
    """Everything that is written on a resource in the call that creates it."""
    return owner.to_tags() | {LABEL_PREFIX + key: value for key, value in labels.items()}


def labels_in(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.removeprefix(LABEL_PREFIX): value for key, value in tags.items() if key.startswith(LABEL_PREFIX)}


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
