"""Plans told in short, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.domain.desired import DesiredModel
from reconciler.domain.observation import ModelObservation, Snapshot
from reconciler.domain.plan import Change, Plan, PlanOptions
from reconciler.planner.plan import make_plan
from tests.builders import a_configuration, a_snapshot


def plan_of(
    wanted: DesiredModel | Iterable[DesiredModel],
    *seen: ModelObservation,
    snapshot: Snapshot | None = None,
    recorded: Iterable[DesiredModel] = (),
    **options: Any,
) -> Plan:
    models = (wanted,) if isinstance(wanted, DesiredModel) else tuple(wanted)
    return make_plan(
        a_configuration(*models), models, snapshot or a_snapshot(*seen), PlanOptions(**options), written(recorded)
    )


def written(recorded: Iterable[DesiredModel]) -> Mapping[tuple[str, str], DesiredModel]:
    return {(model.name, model.fingerprint): model for model in recorded}


def told(plan: Plan) -> list[str]:
    """``train support-bot-1a2b3c4d (drift), then deploy support-bot``."""
    return [tell(change) for change in plan.changes]


def tell(change: Change) -> str:
    marks = [mark for mark, on in (("drift", change.drift), ("stalled", change.stalled)) if on]
    marked = f" ({', '.join(marks)})" if marks else ""
    then = "".join(f", then {follow_up.action} {follow_up.target}" for follow_up in change.then)
    return f"{change.action} {change.target}{marked}{then}"


def reasons(plan: Plan) -> list[str]:
    return [reason.code for change in plan.changes for reason in change.reasons]


def message(plan: Plan) -> str:
    return " ".join(reason.message for change in plan.changes for reason in change.reasons)


def codes(plan: Plan) -> list[str]:
    return [diagnostic.code for diagnostic in plan.diagnostics]
