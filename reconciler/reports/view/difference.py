"""What makes a fresh plan another one than the approved plan."""

from __future__ import annotations

from reconciler.domain.plan import Change, Plan

_PLACE = ("project", "environment", "cloud", "account", "region")


def differences(approved: Plan, fresh: Plan) -> tuple[str, ...]:
    """In sentences; empty where both would do the same. The cloud or the manifests may differ without another action."""
    places = (_place(name, approved, fresh) for name in _PLACE)
    manifests = "the manifests were changed" if approved.manifests_digest != fresh.manifests_digest else ""
    cloud = "the cloud is not as it was observed" if approved.snapshot_digest != fresh.snapshot_digest else ""
    overridden = (
        f"errors overridden were {_codes(approved)} and are {_codes(fresh)}"
        if _codes(approved) != _codes(fresh)
        else ""
    )
    return tuple(line for line in (*places, overridden, manifests, cloud, *_changes(approved, fresh)) if line)


def _place(name: str, approved: Plan, fresh: Plan) -> str:
    before, after = getattr(approved, name), getattr(fresh, name)
    return f"the {name} was {before or 'none'} and is {after or 'none'}" if before != after else ""


def _codes(plan: Plan) -> str:
    return ", ".join(plan.overridden) or "none"


def _changes(approved: Plan, fresh: Plan) -> tuple[str, ...]:
    before = {change.id: change for change in approved.pending}
    after = {change.id: change for change in fresh.pending}
    gone = (f"no longer planned: {_named(before[key])}" for key in before if key not in after)
    new = (f"newly planned: {_named(after[key])}" for key in after if key not in before)
    other = (
        f"planned otherwise: {_named(after[key])}"
        for key in after
        if key in before and _core(after[key]) != _core(before[key])
    )
    return (*gone, *new, *other)


def _named(change: Change) -> str:
    return f"{change.action} {change.target} ({change.address})"


def _core(change: Change) -> tuple[object, ...]:
    return change.fingerprint, change.attempt, change.instance_type, change.fields, change.depends_on, change.then
