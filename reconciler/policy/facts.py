"""What a rule sees: the plan's JSON, a change of it, and that change's model as its manifest has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.domain.desired import DesiredModel
from reconciler.domain.observation import Snapshot
from reconciler.domain.plan import Change, Plan
from reconciler.planner.diff import plain_view

Facts = Mapping[str, Any]


def plan_facts(plan: Plan) -> dict[str, Any]:
    """As ``plan --json`` has it, without what the policies themselves decide: diagnostics and digest."""
    document = plan.model_dump(mode="json", by_alias=True, exclude={"digest", "diagnostics"})
    for entry, change in zip(document["changes"], plan.changes, strict=True):
        entry["id"] = change.id
    return document | {"summary": plan.summary}


def change_facts(
    plan: Plan, facts: Facts, desired: Mapping[str, DesiredModel], snapshot: Snapshot
) -> Iterator[tuple[Change, Facts]]:
    """Of every change that is still to be made; what is as desired is nobody's decision now."""
    for entry, change in zip(facts["changes"], plan.changes, strict=True):
        if change.is_pending:
            yield change, {"change": entry, "model": _model(change, desired, snapshot), "plan": facts}


def _model(change: Change, desired: Mapping[str, DesiredModel], snapshot: Snapshot) -> dict[str, Any]:
    """Of a model without a manifest: its name, and the labels that it was last tagged with."""
    name = change.address.partition("/")[2]
    if name not in desired:
        labels = next((seen.labels for seen in snapshot.models if seen.name == name), {})
        return model_facts(name, {"metadata": {"labels": labels}})
    return model_facts(name, plain_view(desired[name]))


def model_facts(name: str, view: Mapping[str, Any]) -> dict[str, Any]:
    """``metadata.labels`` and ``spec`` are always there; what a manifest leaves out and no default fills is not."""
    metadata = {"name": name, "labels": {}} | view.get("metadata", {})
    return {"metadata": metadata, "spec": view.get("spec", {})}
