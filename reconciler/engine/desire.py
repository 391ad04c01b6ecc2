"""From resolved manifests to desired models: the data is read and digested, the fingerprint computed."""

from __future__ import annotations

from reconciler.domain.catalog import DatasetRules
from reconciler.domain.desired import Configuration, DesiredModel, ResolvedModel
from reconciler.domain.diagnostic import Diagnostic, has_errors
from reconciler.domain.errors import InvalidInput
from reconciler.domain.fingerprint import fingerprint
from reconciler.engine.outside import Outside


def desire(configuration: Configuration, outside: Outside) -> tuple[tuple[DesiredModel, ...], tuple[Diagnostic, ...]]:
    """The desired models, parents before children, and warnings about their data.

    Raises InvalidInput with every problem of every dataset at once.
    """
    desired: dict[str, DesiredModel] = {}
    problems: list[Diagnostic] = []
    for model in configuration.models:
        data, found = outside.data.training_data(model, dataset_rules(model, outside))
        problems.extend(found)
        parent = desired.get(model.parent) if model.parent else None
        if data is None or (model.parent and parent is None):
            continue
        parent_fingerprint = parent.fingerprint if parent else None
        desired[model.name] = DesiredModel(
            resolved=model,
            data=data,
            fingerprint=fingerprint(model, data, parent_fingerprint),
            parent_fingerprint=parent_fingerprint,
        )
    if has_errors(problems):
        raise InvalidInput(tuple(dict.fromkeys(problems)))
    return tuple(desired.values()), tuple(dict.fromkeys(problems))


def dataset_rules(model: ResolvedModel, outside: Outside) -> DatasetRules:
    """What the base model takes from that provider. Manifests were checked: the base model exists there."""
    entry = outside.catalog.model(model.base_model)
    assert entry is not None, f"{model.base_model} passed validation but is not in the catalog"
    return entry.dataset[model.provider]
