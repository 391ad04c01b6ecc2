"""What programs read. Keys are camelCase; readers ignore keys they do not know; ``formatVersion`` steps when something breaks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reconciler.domain.diagnostic import Diagnostic, has_errors
from reconciler.domain.plan import FORMAT_VERSION, Plan


def to_text(document: Any, *, indent: int | None = 2) -> str:
    """JSON in ASCII, so that no terminal obeys what a manifest or the cloud wrote; NaN is refused."""
    text = json.dumps(document, indent=indent, ensure_ascii=True, allow_nan=False, default=str)
    return text.replace("\x7f", "\\u007f")


def plan_document(plan: Plan) -> dict[str, Any]:
    """The Plan itself, with each change's id and the counts by action."""
    document = plan.model_dump(mode="json", by_alias=True)
    for entry, change in zip(document["changes"], plan.changes, strict=True):
        entry["id"] = change.id
    return document | {"summary": plan.summary, "applyable": plan.can_apply}


def diagnostics_document(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """The shape of ``terraform validate -json``: valid, counts, diagnostics."""
    return {
        "formatVersion": FORMAT_VERSION,
        "valid": not has_errors(diagnostics),
        "errorCount": sum(diagnostic.is_error for diagnostic in diagnostics),
        "warningCount": sum(diagnostic.severity == "warning" for diagnostic in diagnostics),
        "diagnostics": [diagnostic.model_dump(mode="json", by_alias=True) for diagnostic in diagnostics],
    }


def error_document(message: str, hint: str = "", code: str = "error") -> dict[str, Any]:
    """An error that is about no place in a manifest, as a diagnostic."""
    return diagnostics_document(
        [Diagnostic.model_validate({"code": code, "severity": "error", "summary": message, "hint": hint})]
    )
