"""Drift as SARIF 2.1.0 (OASIS), for GitHub code scanning and other readers of findings."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.reports.sanitize import printable
from reconciler.reports.view.drift import MEANINGS, DriftItem, DriftKind, DriftView, since_text

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

MOST_RESULTS = 25_000
"""That GitHub accepts of one run (docs.github.com, "SARIF support for code scanning")."""

_PROJECT_FILE = "reconciler.yaml"
"""Stands for what no manifest declares: GitHub shows no result without a place."""

_KINDS = list(DriftKind)


def drift_sarif(view: DriftView, *, folder: str = "") -> dict[str, Any]:
    """``folder``: of the project within the repository; places count from the repository's root."""
    results = [_result(item, view, folder) for item in (*view.items, *view.ignored)][:MOST_RESULTS]
    driver = {"name": "reconciler", "semanticVersion": __version__, "rules": [_rule(kind) for kind in _KINDS]}
    category = "/".join(part for part in ("drift", view.project, view.environment) if part)
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": printable(f"{category}/")},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: DriftKind) -> dict[str, Any]:
    return {
        "id": _rule_id(kind),
        "name": "".join(word.capitalize() for word in kind.split("-")),
        "shortDescription": {"text": MEANINGS[kind]},
        "fullDescription": {"text": MEANINGS[kind]},
        "help": {"text": "To accept what is there, change the manifest; to bring it back, run `reconciler apply`."},
        "defaultConfiguration": {"level": "warning"},
    }


def _result(item: DriftItem, view: DriftView, folder: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": _rule_id(item.kind),
        "ruleIndex": _KINDS.index(item.kind),
        "level": "warning",
        "message": {"text": _message(item, view.observed)},
        "locations": [_location(item, folder)],
        "partialFingerprints": {"reconcilerDrift/v1": _fingerprint(item, view)},
        "properties": {"provider": item.provider, "target": printable(item.target), "path": printable(item.path)},
    }
    if item.ignored:
        result["suppressions"] = [{"kind": "external", "justification": printable(item.ignored)}]
    return result


def _message(item: DriftItem, observed: str) -> str:
    """SARIF reads ``[text](1)`` as a link and ``{0}`` as an argument: brackets are escaped (section 3.11)."""
    values = f": applied {item.was}, found {item.found}" if item.was or item.found else ""
    told = f"{item.address} {item.path}{values}. {item.message} ({since_text(item, observed)})."
    escaped = printable(told).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return escaped.replace("{", "{{").replace("}", "}}")


def _location(item: DriftItem, folder: str) -> dict[str, Any]:
    where = item.where
    file = where.file if where else _PROJECT_FILE
    region = {"startLine": where.line, "startColumn": where.column} if where else {"startLine": 1}
    uri = quote(str(PurePosixPath(folder, file)))
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}, "region": region},
        "logicalLocations": [{"fullyQualifiedName": printable(f"{item.address}/{item.path}")}],
    }


def _fingerprint(item: DriftItem, view: DriftView) -> str:
    """The same as long as the same thing drifted in the same way, wherever the manifest's lines move and whatever the value is."""
    parts = (view.project, view.environment, item.kind, item.address, item.provider, item.path)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()


def _rule_id(kind: DriftKind) -> str:
    return f"drift/{kind}"
