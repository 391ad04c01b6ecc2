"""The Project's defaults under a model's own spec.

Mappings are merged key by key; lists and values are replaced. What is a choice is replaced whole: a model that says
``onDemand: true`` does not inherit ``throughput``. What the model's provider or base model does not have is left out of the
defaults silently, so that one Project can hold defaults for both providers; in a model's own spec it is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.domain.catalog import FoundationModel, ProviderName, Requirement
from reconciler.domain.desired import Origin
from reconciler.manifest.document import Path

WHOLE: frozenset[Path] = frozenset(
    {("baseModel",), ("dataset", "validation"), ("deployment", "autoUndeploy"), ("deployment", "throughput")}
)
"""Choices: replaced whole, never mixed."""
RIVALS: dict[Path, Path] = {
    ("deployment", "throughput"): ("deployment", "onDemand"),
    ("deployment", "onDemand"): ("deployment", "throughput"),
}
"""Who gives the one does not inherit the other."""

ONLY_SAGEMAKER: tuple[Path, ...] = (
    ("resources",),
    ("deployment", "instanceType"),
    ("deployment", "instanceCount"),
    ("deployment", "image"),
    ("acceptEula",),
    ("hyperparameters", "optional"),
)
ONLY_BEDROCK: tuple[Path, ...] = (("deployment", "throughput"), ("deployment", "onDemand"))

HYPERPARAMETER_PATHS: dict[str, Path] = {
    "epochs": ("epochs",),
    "learningRate": ("learningRate",),
    "batchSize": ("batchSize",),
    "warmupSteps": ("warmupSteps",),
    "earlyStopping.patience": ("earlyStopping", "patience"),
    "earlyStopping.threshold": ("earlyStopping", "threshold"),
}


def merge(own: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[dict[str, Any], dict[Path, Origin]]:
    """The merged spec, and by path of every leaf where it came from."""
    rivals = {rival for path, rival in RIVALS.items() if value_at(own, path) is not None}
    inherited = _without(defaults, rivals)
    merged = _merged(own, inherited, ())
    origins = {path: Origin.MANIFEST if _under(own, path) else Origin.PROJECT for path in _leaves(merged, ())}
    return merged, origins


def applicable(
    defaults: Mapping[str, Any], provider: ProviderName | None, base: FoundationModel | None
) -> dict[str, Any]:
    """The defaults without what does not exist for this provider and base model."""
    foreign: set[Path] = {("provider",)}
    if provider is not None:
        foreign.update(ONLY_BEDROCK if provider is ProviderName.SAGEMAKER else ONLY_SAGEMAKER)
    if provider is not None and base is not None:
        foreign.update(
            ("hyperparameters", *path)
            for name, path in HYPERPARAMETER_PATHS.items()
            if base.rule(provider, name) is None
        )
        if base.validation.get(provider) is Requirement.UNSUPPORTED:
            foreign.add(("dataset", "validation"))
        if not takes_system_prompt(base, provider):
            foreign.add(("dataset", "systemPrompt"))
        if base.bedrock is not None and not base.bedrock.supports_on_demand:
            foreign.add(("deployment", "onDemand"))
    return _without(defaults, foreign)


def takes_system_prompt(base: FoundationModel, provider: ProviderName) -> bool:
    """Whether its training data has room for one."""
    rules = base.dataset.get(provider)
    return rules is None or rules.format != "prompt-completion"


def _merged(own: Mapping[str, Any], inherited: Mapping[str, Any], path: Path) -> dict[str, Any]:
    merged = {**inherited, **own}
    for key in own.keys() & inherited.keys():
        here = (*path, key)
        if isinstance(own[key], Mapping) and isinstance(inherited[key], Mapping) and here not in WHOLE:
            merged[key] = _merged(own[key], inherited[key], here)
    return merged


def _without(data: Mapping[str, Any], paths: set[Path]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in data.items():
        deeper = {path[1:] for path in paths if path[0] == key}
        if () in deeper:
            continue
        kept[key] = _without(value, deeper) if deeper and isinstance(value, Mapping) else value
    return {key: value for key, value in kept.items() if value != {} or data[key] == {}}


def value_at(data: Any, path: Path) -> Any:
    """``None`` where nothing stands there."""
    for step in path:
        data = data.get(step) if isinstance(data, Mapping) else None
    return data


def _under(data: Any, path: Path) -> bool:
    """Whether the leaf comes from this side of the merge."""
    for length, step in enumerate(path):
        if not isinstance(data, Mapping):
            return True
        if path[:length] in WHOLE:
            return True
        if step not in data:
            return False
        data = data[step]
    return True


def _leaves(data: Any, path: Path) -> Iterator[Path]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _leaves(value, (*path, key))
    elif path:
        yield path
