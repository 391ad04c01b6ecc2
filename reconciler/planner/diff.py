"""Field differences between two wantings of a model, and what each of them forces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from reconciler.domain.desired import (
    DatasetFacts,
    DatasetSource,
    DesiredModel,
    Origin,
    ResolvedModel,
    UndeployRule,
    ValidationPlan,
)
from reconciler.domain.fingerprint import canonical_json
from reconciler.domain.naming import short
from reconciler.domain.plan import Effect, FieldChange
from reconciler.domain.quantity import format_duration

EFFECTS: dict[str, Effect] = {
    "metadata.labels": Effect.IN_PLACE,
    "spec.baseModel": Effect.RETRAIN,
    "spec.baseModel.fineTunedModel": Effect.NONE,
    "spec.baseModel.path": Effect.NONE,
    "spec.baseModel.weights": Effect.NONE,
    "spec.acceptEula": Effect.NONE,
    "spec.provider": Effect.RETRAIN,
    "spec.dataset": Effect.RETRAIN,
    "spec.dataset.training.source": Effect.NONE,
    "spec.dataset.validation.source": Effect.NONE,
    "spec.hyperparameters": Effect.RETRAIN,
    "spec.revision": Effect.RETRAIN,
    "spec.resources": Effect.NONE,
    "spec.training.state": Effect.IN_PLACE,
    "spec.promotion": Effect.NONE,
    "spec.deployment.state": Effect.IN_PLACE,
    "spec.deployment.kind": Effect.ROLL,
    "spec.deployment.instanceType": Effect.ROLL,
    "spec.deployment.instanceCount": Effect.ROLL,
    "spec.deployment.image": Effect.ROLL,
    "spec.deployment.throughput": Effect.ROLL,
    "spec.deployment.autoUndeploy": Effect.IN_PLACE,
    "spec.deployment.idle": Effect.NONE,
    "spec.retention": Effect.NONE,
    "spec.lifecycle.preventDestroy": Effect.IN_PLACE,
    "spec.lifecycle.deletionPolicy": Effect.IN_PLACE,
    "spec.lifecycle.trainingRetries": Effect.NONE,
}
"""By manifest path; the longest that fits decides. Nothing that retrains may miss in the fingerprint, and the reverse."""


def differences(before: DesiredModel | None, after: DesiredModel) -> tuple[FieldChange, ...]:
    """Sorted by path. Without ``before`` everything is new."""
    found = _everything(after) if before is None else _compared(plain_view(before), plain_view(after))
    with_origin = (
        change.model_copy(update={"origin": origin_of(change.path, after.resolved)})
        if change.after is not None
        else change
        for change in found
    )
    return tuple(sorted(with_origin, key=lambda change: change.path))


def origin_of(path: str, model: ResolvedModel) -> Origin:
    """Of what the value follows from, else of the path or the nearest thing around it that is known. Labels are the author's."""
    if path.startswith("metadata."):
        return Origin.MANIFEST
    candidates = (*_FOLLOWS_FROM.get(path, ()), *_outwards(path))
    return next((model.origins[each] for each in candidates if each in model.origins), Origin.DEFAULT)


_FOLLOWS_FROM = {
    "spec.baseModel.version": ("spec.baseModel.fineTunedModel",),
    "spec.baseModel.digest": ("spec.baseModel.path", "spec.baseModel.weights"),
    "spec.dataset.validation.source": ("spec.dataset.validation.dataset",),
    "spec.dataset.validation.digest": ("spec.dataset.validation.dataset",),
    "spec.deployment.kind": (
        "spec.deployment.instanceType",
        "spec.deployment.onDemand",
        "spec.deployment.throughput.modelUnits",
    ),
}
"""What nobody writes, by what was written of it."""


def _outwards(path: str) -> Iterator[str]:
    """``spec.promotion[0].max``, ``spec.promotion[0]``, ``spec.promotion``, ``spec``."""
    while path:
        yield path
        path = path[: max(path.rfind("."), path.rfind("["), 0)]


def _everything(after: DesiredModel) -> Iterator[FieldChange]:
    return (_change(path, None, value) for path, value in _leaves(plain_view(after)))


def effect_of(path: str) -> Effect:
    """Raises KeyError for a path that the table does not know."""
    prefixes = [known for known in EFFECTS if path == known or path.startswith((f"{known}.", f"{known}["))]
    return EFFECTS[max(prefixes, key=len)] if prefixes else EFFECTS[path]


def of_effect(changes: Iterable[FieldChange], *effects: Effect) -> tuple[FieldChange, ...]:
    return tuple(change for change in changes if change.effect in effects)


def manifest_view(model: DesiredModel) -> dict[str, Any]:
    """The resolved manifest, nested by manifest path; data by their digests. Absent is left out."""
    resolved = model.resolved
    spec = {
        "baseModel": _base_model(model),
        "acceptEula": resolved.accept_eula or None,
        "provider": str(resolved.provider),
        "dataset": _dataset(model),
        "resources": _resources(resolved),
        "hyperparameters": _hyperparameters(resolved),
        "revision": resolved.revision,
        "training": {"state": "stopped" if resolved.training_stopped else "run"},
        "promotion": [gate.model_dump(exclude_none=True) for gate in resolved.promotion],
        "deployment": _deployment(resolved),
        "retention": {"keepVersions": resolved.keep_versions},
        "lifecycle": _lifecycle(resolved),
    }
    return {"metadata": {"labels": resolved.labels}, "spec": spec}


def plain_view(model: DesiredModel) -> dict[str, Any]:
    """JSON values in one spelling, so that 3 and 3.0, or a tuple and a list, are no difference."""
    view: dict[str, Any] = json.loads(canonical_json(_present(manifest_view(model))))
    return view


def _present(value: Any) -> Any:
    """Without ``None`` and empty containers, but for what stands in the free part of the hyperparameters."""
    if not isinstance(value, dict):
        return value
    kept = {key: item if key == "optional" else _present(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item not in (None, {}, [])}


def _compared(before: dict[str, Any], after: dict[str, Any]) -> Iterator[FieldChange]:
    from deepdiff import DeepDiff  # takes a tenth of a second to import

    found = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0)
    for level in (level for levels in found.values() for level in levels):
        path = _spelled(level.path(output_format="list"))
        yield from _expanded(path, _known(level.t1), _known(level.t2))


def _expanded(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    """A branch that came or went is told leaf by leaf."""
    if not isinstance(before, dict) and not isinstance(after, dict):
        yield _change(path, before, after)
        return
    old = dict(_leaves(before, path)) if isinstance(before, dict) else {path: before} if before is not None else {}
    new = dict(_leaves(after, path)) if isinstance(after, dict) else {path: after} if after is not None else {}
    yield from (_change(leaf, old.get(leaf), new.get(leaf)) for leaf in dict.fromkeys((*old, *new)))


def _known(value: Any) -> Any:
    """DeepDiff marks absence with an object of its own."""
    from deepdiff.helper import NotPresent

    return None if isinstance(value, NotPresent) else value


def _change(path: str, before: Any, after: Any) -> FieldChange:
    return FieldChange(path=path, before=before, after=after, effect=effect_of(path))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for key, item in value.items():
        yield from _leaves(item, f"{path}.{key}" if path else str(key))


def _spelled(path: list[Any]) -> str:
    """``spec.promotion[0].max``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _base_model(model: DesiredModel) -> Any:
    folder = model.data.weights
    if folder is not None:
        return {"path": PurePosixPath(folder.folder.path).name, "digest": short(folder.digest)}
    if model.weights_digest is not None:
        key, weights = model.resolved.base_model, model.resolved.weights_uri
        return {"key": key, "weights": weights, "digest": short(model.weights_digest)}
    if model.resolved.parent is None:
        return model.resolved.base_model
    version = short(model.parent_fingerprint) if model.parent_fingerprint else None
    return {"fineTunedModel": model.resolved.parent, "version": version}


def _dataset(model: DesiredModel) -> dict[str, Any]:
    return {
        "training": _facts(model.data.training),
        "validation": _validation(model.resolved.validation, model.data.validation),
        "systemPrompt": model.resolved.system_prompt or None,
    }


def _facts(facts: DatasetFacts) -> dict[str, Any]:
    return {"source": _source(facts.source), "digest": short(facts.digest)}


def _validation(plan: ValidationPlan, facts: DatasetFacts | None) -> dict[str, Any]:
    if facts is not None:
        return _facts(facts)
    if plan.split_percent is None:
        return {}
    return {"split": f"{plan.split_percent}%", "seed": plan.split_seed}


def _source(source: DatasetSource) -> str:
    """A local path differs from machine to machine: its last part tells enough."""
    return source.name or (source.uri if source.is_s3 else PurePosixPath(source.uri).name)


def _resources(resolved: ResolvedModel) -> dict[str, Any]:
    resources = resolved.resources
    if resources is None:
        return {}
    return {
        "instanceType": resources.instance_type,
        "instanceCount": resources.instance_count,
        "volumeSizeGB": resources.volume_size_gb,
        "fallbackInstanceTypes": list(resources.fallback_instance_types),
        "maxRuntime": format_duration(resources.max_runtime),
        "spot": resources.spot,
        "image": resources.image,
    }


def _hyperparameters(resolved: ResolvedModel) -> dict[str, Any]:
    chosen = resolved.hyperparameters
    return {
        "epochs": chosen.epochs,
        "learningRate": chosen.learning_rate,
        "batchSize": chosen.batch_size,
        "warmupSteps": chosen.warmup_steps,
        "earlyStopping": {"patience": chosen.early_stopping_patience, "threshold": chosen.early_stopping_threshold},
        "optional": chosen.optional,
    }


def _deployment(resolved: ResolvedModel) -> dict[str, Any]:
    wanted = resolved.deployment
    return {
        "state": "deployed" if wanted.deployed else "undeployed",
        "kind": str(wanted.kind),
        "instanceType": wanted.instance_type,
        "instanceCount": wanted.instance_count,
        "image": wanted.image,
        "throughput": {"modelUnits": wanted.model_units, "commitment": wanted.commitment},
        "autoUndeploy": _rule(wanted.undeploy),
        "idle": format_duration(wanted.idle) if wanted.idle else None,
    }


def _rule(rule: UndeployRule | None) -> dict[str, Any]:
    if rule is None:
        return {}
    return {
        "after": format_duration(rule.after) if rule.after else None,
        "at": rule.at.isoformat() if isinstance(rule.at, datetime) else None,
        "hours": rule.hours,
        "timezone": rule.timezone if rule.hours else None,
    }


def _lifecycle(resolved: ResolvedModel) -> dict[str, Any]:
    return {
        "preventDestroy": resolved.prevent_destroy,
        "deletionPolicy": resolved.deletion_policy,
        "trainingRetries": resolved.training_retries,
    }
