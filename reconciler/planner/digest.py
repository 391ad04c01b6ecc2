"""A digest of what was seen: equal where nothing that a plan depends on has changed."""

from __future__ import annotations

from typing import Any

from reconciler.domain.fingerprint import digest
from reconciler.domain.observation import Deployment, ModelObservation, Snapshot, Version


def snapshot_digest(snapshot: Snapshot) -> str:
    """``sha256:`` over what exists and how it stands, in any order; not over times, finer details or metrics."""
    seen = {
        "project": snapshot.project,
        "cloud": snapshot.cloud,
        "account": snapshot.account,
        "region": snapshot.region,
        "models": sorted((_model(model) for model in snapshot.models), key=lambda m: (m["name"], m["provider"])),
        "foreign": sorted([f.provider, f.kind, f.name, f.identifier] for f in snapshot.foreign),
    }
    return digest(seen)


def _model(model: ModelObservation) -> dict[str, Any]:
    return {
        "name": model.name,
        "provider": model.provider,
        "versions": sorted((_version(version) for version in model.versions), key=lambda v: str(v["fingerprint"])),
        "deployments": sorted((_deployment(d) for d in model.deployments), key=lambda d: (d["name"], d["kind"])),
        "schedules": sorted([s.purpose, s.name, s.rule.model_dump_json() if s.rule else ""] for s in model.schedules),
        "tags": [model.prevent_destroy, model.deletion_policy, model.parent, model.labels],
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "fingerprint": version.fingerprint,
        "runs": [[run.name, run.attempt, run.phase, run.discarded] for run in version.runs],
        "artifact": [version.artifact.identifier, version.artifact.ready] if version.artifact else None,
        "leftovers": sorted(version.leftovers),
        **({"promotedFrom": version.promoted_from} if version.promoted_from else {}),
    }


def _deployment(deployment: Deployment) -> dict[str, Any]:
    return {
        "name": deployment.name,
        "kind": deployment.kind,
        "phase": deployment.phase,
        "fingerprint": deployment.fingerprint,
        "target": deployment.target_fingerprint,
        "instance": [deployment.instance_type, None if deployment.autoscaled else deployment.instance_count],
        "throughput": [deployment.model_units, deployment.commitment],
        "rolledBack": deployment.rolled_back,
    }
