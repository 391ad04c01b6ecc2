"""Saved plans: what was shown is what ``apply FILE`` carries out, or nothing.

The checksum finds damage and careless edits. Who can write the file can also write its checksum: keep saved plans where only
those who may approve can write. Applying plans again in any case, and refuses where the digests differ.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reconciler import __version__
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.fingerprint import digest
from reconciler.domain.plan import FORMAT_VERSION, Plan, PlanOptions, digest_of
from reconciler.stores.files import read_small, write_private

FILE_VERSION = 1
MAX_PLAN = 256 * 1024 * 1024
"""Bytes. A plan of ten thousand changes has about twenty million."""

_AGAIN = "Make it again: reconciler plan --out FILE"


@dataclass(frozen=True)
class SavedPlan:
    plan: Plan
    options: PlanOptions
    """How it was asked for: what is planned anew when it is applied must be asked for alike."""
    tool_version: str


def save(plan: Plan, path: Path, options: PlanOptions | None = None) -> None:
    """Write the file, mode 0600, whole or not at all. Raises ReconcilerError."""
    assert plan.digest == digest_of(plan), "only sealed plans are saved"
    content = {
        "plan": plan.model_dump(mode="json", by_alias=True),
        "options": (options or PlanOptions()).model_dump(mode="json", by_alias=True),
        "toolVersion": __version__,
    }
    document = {"kind": "reconciler plan", "fileVersion": FILE_VERSION, "checksum": digest(content), **content}
    write_private(path, json.dumps(document, indent=1, ensure_ascii=False).encode())


def read(path: Path) -> SavedPlan:
    """Raises ReconcilerError where the file is no plan of ours, another version's, damaged or changed."""
    document = _document(path)
    if document.get("fileVersion") != FILE_VERSION:
        found = document.get("fileVersion")
        raise ReconcilerError(f"{path} is a plan of format {found}; this version reads {FILE_VERSION}", hint=_AGAIN)
    content = {key: document.get(key) for key in ("plan", "options", "toolVersion")}
    if document.get("checksum") != _checksum(content):
        raise _damaged(path)
    if content["toolVersion"] != __version__:  # which may do the same thing otherwise
        raise _of_another_version(path, content)
    plan, options = _parsed(path, content)
    if plan.digest != digest_of(plan):
        raise _damaged(path)
    return SavedPlan(plan, options, str(content["toolVersion"]))


def _parsed(path: Path, content: dict[str, Any]) -> tuple[Plan, PlanOptions]:
    try:
        plan, options = Plan.model_validate(content["plan"]), PlanOptions.model_validate(content["options"])
    except ValidationError as trouble:
        raise _of_another_version(path, content) from trouble
    if plan.format_version != FORMAT_VERSION:
        raise _of_another_version(path, content)
    return plan, options


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_small(path, MAX_PLAN))
    except (ValueError, RecursionError) as trouble:
        raise ReconcilerError(f"{path} is no saved plan", hint=_AGAIN) from trouble
    if not isinstance(document, dict) or document.get("kind") != "reconciler plan":
        raise ReconcilerError(f"{path} is no saved plan", hint=_AGAIN)
    return document


def _checksum(content: Any) -> str | None:
    try:
        return digest(content)
    except (ValueError, ArithmeticError):  # NaN and infinities, which we never write
        return None


def _damaged(path: Path) -> ReconcilerError:
    return ReconcilerError(f"{path} was damaged or changed after it was saved: nothing was done", hint=_AGAIN)


def _of_another_version(path: Path, content: dict[str, Any]) -> ReconcilerError:
    written = content["toolVersion"]
    return ReconcilerError(f"{path} was written by version {written}; this is {__version__}", hint=_AGAIN)
