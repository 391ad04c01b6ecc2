"""What programs read. Keys are camelCase; readers ignore keys they do not know; ``formatVersion`` steps when something breaks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from reconciler.datasets.examine import Examined
from reconciler.datasets.training import Checked
from reconciler.domain.diagnostic import Diagnostic, has_errors
from reconciler.domain.losses import LossCurve, summary
from reconciler.domain.plan import FORMAT_VERSION, Plan
from reconciler.domain.status import ConditionType, Status
from reconciler.domain.trail import Act
from reconciler.reports.view.drift import DriftItem, DriftView
from reconciler.reports.view.model import Dossier
from reconciler.reports.view.status import ModelRow, StatusView


def to_text(document: Any, *, indent: int | None = 2) -> str:
    """JSON in ASCII, so that no terminal and no log obeys what a manifest or the cloud wrote; NaN is refused."""
    text = json.dumps(document, indent=indent, ensure_ascii=True, allow_nan=False, default=str)
    return text.replace("\x7f", "\\u007f").replace("##[", "##\\u005b")


def plan_document(plan: Plan) -> dict[str, Any]:
    """The Plan itself, with each change's id and the counts by action."""
    document = plan.model_dump(mode="json", by_alias=True)
    for entry, change in zip(document["changes"], plan.changes, strict=True):
        entry["id"] = change.id
    return document | {"summary": plan.summary, "applyable": plan.can_apply}


def drift_document(plan: Plan, view: DriftView) -> dict[str, Any]:
    """The plan of what would bring the cloud back, what drifted by field, what is ignored, and what is pending instead."""
    return plan_document(plan) | {
        "drift": [_drift_entry(item) for item in view.items],
        "ignored": [_drift_entry(item) | {"reason": item.ignored} for item in view.ignored],
        "pendingChanges": list(view.pending),
    }


def _drift_entry(item: DriftItem) -> dict[str, Any]:
    return {
        "kind": str(item.kind),
        "address": item.address,
        "provider": item.provider,
        "target": item.target,
        "path": item.path,
        "message": item.message,
        "applied": item.was or None,
        "found": item.found or None,
        "remedy": item.remedy,
        "since": moment_text(item.since) if item.since else None,
        "by": _act(item.act),
        "where": item.where.model_dump(mode="json", by_alias=True) if item.where else None,
    }


def _act(act: Act | None) -> dict[str, str] | None:
    return None if act is None else {"caller": act.by, "operation": act.operation, "at": moment_text(act.at)}


def diagnostics_document(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """The shape of ``terraform validate -json``: valid, counts, diagnostics."""
    return {
        "formatVersion": FORMAT_VERSION,
        "valid": not has_errors(diagnostics),
        "errorCount": sum(diagnostic.is_error for diagnostic in diagnostics),
        "warningCount": sum(diagnostic.severity == "warning" for diagnostic in diagnostics),
        "diagnostics": [diagnostic.model_dump(mode="json", by_alias=True) for diagnostic in diagnostics],
    }


def data_document(checked: Checked) -> dict[str, Any]:
    """What ``data check`` found. Of data with errors the figures tell of the records that are sound."""
    validation = checked.validation.examined if checked.validation else None
    return {
        **diagnostics_document(checked.problems),
        "training": _examined_entry(checked.training.examined),
        "validation": _examined_entry(validation),
    }


def _examined_entry(examined: Examined | None) -> dict[str, Any] | None:
    if examined is None:
        return None
    facts, spread = examined.facts, examined.spread.model_dump(mode="json", by_alias=True)
    return {
        "name": facts.source.name,
        "source": facts.source.uri,
        "digest": facts.digest,
        "records": facts.records,
        "heldOut": examined.validation_records,
        "sizeBytes": facts.size_bytes,
        "characters": facts.characters,
        "tokens": {**spread, "exact": examined.exact_tokens, "note": facts.tokens_note},
        "remarks": [remark.model_dump(mode="json", by_alias=True) for remark in examined.remarks],
    }


def status_document(plan: Plan, view: StatusView) -> dict[str, Any]:
    return {
        "formatVersion": FORMAT_VERSION,
        "project": plan.project,
        "environment": plan.environment,
        "cloud": plan.cloud,
        "account": plan.account,
        "region": plan.region,
        "observedAt": moment_text(view.observed_at),
        "models": [_status_entry(row) for row in view.rows],
    }


def moment_text(when: datetime) -> str:
    """RFC 3339 in UTC, with microseconds and ``Z``."""
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _status_entry(row: ModelRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "provider": str(row.provider),
        "status": str(row.status),
        "version": row.version or None,
        "ready": row.condition(ConditionType.READY) == "True",
        "createdAt": moment_text(row.created_at) if row.created_at else None,
        "deployment": row.deployment or None,
        "conditions": [condition.model_dump(mode="json", by_alias=True) for condition in row.conditions],
        "pending": [change.id for change in row.pending],
    }


def model_document(dossier: Dossier) -> dict[str, Any]:
    """The manifest resolved, with the origin of every value, and everything observed, in the domain's own terms."""
    return {
        "formatVersion": FORMAT_VERSION,
        "name": dossier.name,
        "environment": dossier.environment,
        "status": str(dossier.changes[0].status_now) if dossier.changes else str(Status.ABSENT),
        "lineage": list(dossier.lineage),
        "desired": dossier.desired.model_dump(mode="json", by_alias=True) if dossier.desired else None,
        "recorded": dossier.recorded.model_dump(mode="json", by_alias=True) if dossier.recorded else None,
        "observed": [model.model_dump(mode="json", by_alias=True) for model in dossier.observed],
        "changes": [change.model_dump(mode="json", by_alias=True) | {"id": change.id} for change in dossier.changes],
        "storageMonthly": dossier.storage.model_dump(mode="json", by_alias=True) if dossier.storage else None,
        "hostingHourly": dossier.hosting_hourly.model_dump(mode="json", by_alias=True)
        if dossier.hosting_hourly
        else None,
        "hostingMonthly": dossier.hosting.model_dump(mode="json", by_alias=True) if dossier.hosting else None,
        "losses": [_losses(curve) for curve in dossier.curves],
        "lastRun": dossier.run.model_dump(mode="json", by_alias=True) if dossier.run else None,
    }


def _losses(curve: LossCurve) -> dict[str, Any]:
    told = {"trainingSummary": summary(curve.training), "validationSummary": summary(curve.validation)}
    return curve.model_dump(mode="json", by_alias=True) | {
        key: found and found.model_dump(mode="json", by_alias=True) for key, found in told.items()
    }
