"""The plan in the shape of ``terraform show -json``, so that tools written for Terraform's plans read ours.

The shape is that of Terraform 1.11's format 1.2: https://developer.hashicorp.com/terraform/internals/json-format.
Three types of resources stand for what is in the cloud; what follows a change is listed like the change itself.

================  ==============================  ==========================
our action        resource                        Terraform's actions
================  ==============================  ==========================
train             reconciler_model_version        create
stop, delete      reconciler_model_version        delete
deploy            reconciler_deployment           create
roll              reconciler_deployment           update
undeploy          reconciler_deployment           delete
update, adopt     reconciler_fine_tuned_model     update
wait, no-op       reconciler_fine_tuned_model     no-op
both of a pair    of one name                     delete, create
================  ==============================  ==========================

Our own keys stand beside Terraform's: ``cost``, ``reasons``, ``fingerprint``, ``our_actions``; readers ignore keys they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler import __version__
from reconciler.domain.desired import DesiredModel
from reconciler.domain.plan import Action, Change, Effect, Plan
from reconciler.planner.diff import plain_view
from reconciler.policy.facts import model_facts
from reconciler.reports.json import moment_text

FORMAT_VERSION = "1.2"
TERRAFORM_VERSION = "1.11.4"
"""Whose output this follows; readers check that the key is there."""

VERSION, DEPLOYMENT, MODEL = "reconciler_model_version", "reconciler_deployment", "reconciler_fine_tuned_model"

_MEANING: Mapping[Action, tuple[str, str]] = {
    Action.TRAIN: (VERSION, "create"),
    Action.STOP: (VERSION, "delete"),
    Action.DELETE: (VERSION, "delete"),
    Action.DEPLOY: (DEPLOYMENT, "create"),
    Action.ROLL: (DEPLOYMENT, "update"),
    Action.UNDEPLOY: (DEPLOYMENT, "delete"),
    Action.UPDATE: (MODEL, "update"),
    Action.ADOPT: (MODEL, "update"),
    Action.WAIT: (MODEL, "no-op"),
    Action.NO_OP: (MODEL, "no-op"),
}

Views = Mapping[str, Mapping[str, Any]]
"""By model: the resolved manifest, ``metadata`` and ``spec``."""


def terraform_document(plan: Plan, desired: Sequence[DesiredModel] = ()) -> dict[str, Any]:
    """``desired`` supplies what the manifests ask for in full; without it, only what differs is shown of a model."""
    views = {model.name: model_facts(model.name, plain_view(model)) for model in desired}
    resources = [*_resources(plan)]
    changes = [_resource_change(resource, views) for resource in resources]
    drift = [_resource_drift(resource, views) for resource in resources if resource.change.drift]
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "planned_values": {"root_module": _module(changes, "after")},
        **({"resource_drift": drift} if drift else {}),
        "resource_changes": changes,
        "prior_state": {
            "format_version": "1.0",
            "terraform_version": TERRAFORM_VERSION,
            "values": {"root_module": _module(changes, "before")},
        },
        "configuration": _configuration(plan, views),
        "timestamp": moment_text(plan.observed_at),
        "applyable": plan.can_apply and any(change.action.mutates for change in plan.changes),
        "complete": not plan.targets,
        "errored": not plan.can_apply,
        **_ours(plan),
    }


def _ours(plan: Plan) -> dict[str, Any]:
    shown = plan.model_dump(mode="json", by_alias=True)
    same = ("project", "environment", "cloud", "account", "region", "digest", "diagnostics")
    return {key: shown[key] for key in same} | {"reconciler_version": __version__, "cost": shown["totals"]}


@dataclass
class _Resource:
    """One thing in the cloud, and what is done to it in the order of the plan. ``change`` is where it is first named."""

    type: str
    name: str
    change: Change
    actions: list[Action] = field(default_factory=list)
    follows: bool = False
    """It is not a change of its own, but what follows ``change``."""

    @property
    def address(self) -> str:
        return f"{self.type}.{self.name}"

    @property
    def model(self) -> str:
        return self.change.address.partition("/")[2]

    @property
    def verbs(self) -> list[str]:
        """Terraform's: one of them, or the pair of a replacement."""
        found = {_MEANING[action][1] for action in self.actions}
        if {"create", "delete"} <= found:
            return ["delete", "create"]
        return [next(verb for verb in ("create", "delete", "update", "no-op") if verb in found)]


def _resources(plan: Plan) -> Iterator[_Resource]:
    """Each once, in the order of the plan."""
    known: dict[tuple[str, str, str], _Resource] = {}
    for change in plan.changes:
        steps = [(change.action, change.target, False), *((step.action, step.target, True) for step in change.then)]
        for action, target, follows in steps:
            kind = _MEANING[action][0]
            name = change.address.partition("/")[2] if kind == MODEL else target
            key = (kind, name, change.provider)
            resource = known.setdefault(key, _Resource(kind, name, change, follows=follows))
            resource.actions.append(action)
    yield from known.values()


def _resource_change(resource: _Resource, views: Views) -> dict[str, Any]:
    verbs = resource.verbs
    before = None if verbs == ["create"] else _before(resource, views)
    after = None if verbs == ["delete"] else _after(resource, views)
    entry = _identity(resource) | {"change": _change(resource, verbs, before, after)}
    reason = _action_reason(resource, verbs, views)
    return entry | ({"action_reason": reason} if reason else {}) | _own_keys(resource)


def _identity(resource: _Resource) -> dict[str, Any]:
    return {
        "address": resource.address,
        "mode": "managed",
        "type": resource.type,
        "name": resource.name,
        "provider_name": f"reconciler/builtin/{resource.change.provider}",
    }


def _change(resource: _Resource, verbs: list[str], before: Any, after: Any) -> dict[str, Any]:
    shown = {
        "actions": verbs,
        "before": before,
        "after": after,
        "after_unknown": {"identifier": True} if "create" in verbs else {},
        "before_sensitive": False if before is None else {},
        "after_sensitive": False if after is None else {},
    }
    return shown | ({"replace_paths": _replace_paths(resource)} if len(verbs) == 2 else {})


def _replace_paths(resource: _Resource) -> list[list[str]]:
    forcing = (Effect.RETRAIN, Effect.ROLL)
    return [each.path.split(".") for each in resource.change.fields if each.effect in forcing]


def _action_reason(resource: _Resource, verbs: list[str], views: Views) -> str | None:
    """Terraform's own, where one of them is true."""
    match verbs:
        case ["delete"] if views and resource.model not in views:
            return "delete_because_no_resource_config"
        case ["delete", "create"]:
            return "replace_because_cannot_update"
    return None


def _own_keys(resource: _Resource) -> dict[str, Any]:
    """Cost and reasons stand where the change itself does: what follows is counted there."""
    change = resource.change.model_dump(mode="json", by_alias=True)
    own = {
        "model": resource.change.address,
        "our_actions": [str(action) for action in resource.actions],
        "fingerprint": change["fingerprint"],
    }
    if resource.follows:
        return own | {"follows": resource.change.id}
    return own | {key: change[key] for key in ("reasons", "cost", "fit", "stalled")} | {"id": resource.change.id}


def _resource_drift(resource: _Resource, views: Views) -> dict[str, Any]:
    """What the cloud did: the reverse of what sets it right."""
    undone = {"create": "delete", "delete": "create"}
    verb = undone.get(resource.verbs[-1], resource.verbs[-1])
    before = None if verb == "create" else _after(resource, views)
    after = None if verb == "delete" else _before(resource, views)
    return _identity(resource) | {"change": _change(resource, [verb], before, after), "model": resource.change.address}


def _after(resource: _Resource, views: Views) -> dict[str, Any]:
    view = views.get(resource.model)
    return _about(resource) | (dict(view) if view else _told(resource, "after"))


def _before(resource: _Resource, views: Views) -> dict[str, Any]:
    """What differs, as it was; the rest as the manifest has it, where it is about what stays. Of what goes only that is known
    which the plan says: the manifest may ask for something else by now.
    """
    view = None if resource.verbs == ["delete"] else views.get(resource.model)
    known = _told(resource, "before") if view is None else _reversed(view, resource)
    return _about(resource) | known


def _about(resource: _Resource) -> dict[str, Any]:
    """``instance_type`` is that of this attempt, which a fallback may have changed."""
    change = resource.change
    known = {"fingerprint": change.fingerprint, "attempt": change.attempt, "instance_type": change.instance_type}
    given = {key: value for key, value in known.items() if value and not (resource.follows and key == "instance_type")}
    return {"target": resource.name, "provider": str(change.provider)} | given


def _told(resource: _Resource, side: str) -> dict[str, Any]:
    known = model_facts(resource.model, {})
    for each in resource.change.fields:
        if (value := getattr(each, side)) is not None:
            _put(known, each.path, value)
    return known


def _reversed(view: Mapping[str, Any], resource: _Resource) -> dict[str, Any]:
    known: dict[str, Any] = _copied(view)
    for each in resource.change.fields:
        _put(known, each.path, each.before)
    return known


def _copied(value: Any) -> Any:
    return {key: _copied(item) for key, item in value.items()} if isinstance(value, dict) else value


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    """At ``spec.deployment.instanceType``; ``None`` removes. A path into a list stands under its own spelling."""
    *parents, last = path.split(".")
    for step in parents:
        below = tree.get(step)
        tree[step] = below if isinstance(below, dict) else {}
        tree = tree[step]
    if value is None:
        tree.pop(last, None)
    else:
        tree[last] = value


def _module(changes: Sequence[Mapping[str, Any]], side: str) -> dict[str, Any]:
    resources = [_value(each, each["change"][side]) for each in changes if each["change"][side] is not None]
    return {"resources": resources} if resources else {}


def _value(entry: Mapping[str, Any], values: Any) -> dict[str, Any]:
    identity = {key: entry[key] for key in ("address", "mode", "type", "name", "provider_name")}
    return identity | {"schema_version": 0, "values": values, "sensitive_values": {}}


def _configuration(plan: Plan, views: Views) -> dict[str, Any]:
    used = sorted({str(change.provider) for change in plan.changes})
    resources = [
        {
            "address": f"{MODEL}.{name}",
            "mode": "managed",
            "type": MODEL,
            "name": name,
            "provider_config_key": view["spec"]["provider"],
            "expressions": {key: {"constant_value": view[key]} for key in ("metadata", "spec")},
            "schema_version": 0,
        }
        for name, view in views.items()
    ]
    providers = {name: {"name": name, "full_name": f"reconciler/builtin/{name}"} for name in used}
    return {"provider_config": providers, "root_module": {"resources": resources} if resources else {}}
