"""From resolved manifests to desired models: the data is read and digested, the fingerprint computed."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.domain.catalog import Catalog, DatasetRules, FoundationModel
from reconciler.domain.desired import Configuration, DesiredModel, ResolvedModel, TrainingData
from reconciler.domain.diagnostic import Diagnostic, Severity, error, has_errors
from reconciler.domain.errors import InvalidInput
from reconciler.domain.fingerprint import fingerprint
from reconciler.engine.outside import Outside
from reconciler.estimators.choice import AUTO, picked, why_none


def desire(configuration: Configuration, outside: Outside) -> tuple[tuple[DesiredModel, ...], tuple[Diagnostic, ...]]:
    """The desired models, parents before children, and warnings about their data.

    Raises InvalidInput with every problem of every dataset at once.
    """
    desired: dict[str, DesiredModel] = {}
    problems: list[Diagnostic] = []
    for model in configuration.models:
        data, found = outside.data.training_data(model, base_model(model, outside))
        problems.extend(found)
        weights, missing = outside.data.weights_digest(model) if model.weights_uri else (None, ())
        problems.extend(missing)
        parent = desired.get(model.parent) if model.parent else None
        if data is None or missing or (model.parent and parent is None):
            continue
        parent_fingerprint = parent.fingerprint if parent else None
        wanted = DesiredModel(
            resolved=_with_weights(model, data, outside),
            data=data,
            fingerprint=fingerprint(model, data, parent_fingerprint, weights),
            parent_fingerprint=parent_fingerprint,
            weights_digest=weights,
        )
        desired[model.name] = picked(wanted, outside.catalog, configuration.project.region)
        problems.extend(_told_of_choice(wanted, desired[model.name], outside.catalog, configuration.project.region))
    if has_errors(problems):
        raise InvalidInput(tuple(dict.fromkeys(problems)))
    return tuple(desired.values()), tuple(dict.fromkeys(problems))


def _with_weights(model: ResolvedModel, data: TrainingData, outside: Outside) -> ResolvedModel:
    """Weights in a folder are copied to the bucket before they are trained or served: there they lie under their digest."""
    if data.weights is None:
        return model
    return model.model_copy(update={"weights_uri": outside.artifacts.weights_uri(data.weights.digest)})


def _told_of_choice(asked: DesiredModel, chosen: DesiredModel, catalog: Catalog, region: str) -> Iterator[Diagnostic]:
    """``instanceType: auto``: which type was picked and why, or that nothing is known to fit."""
    before, after = asked.resolved.resources, chosen.resolved.resources
    if before is None or after is None or before.instance_type != AUTO:
        return
    place = {"address": asked.address, "where": asked.resolved.where}
    if after.instance_type == AUTO:
        yield error(
            "no-instance-fits",
            "No instance type is known to fit",
            detail=f"{asked.name} asks for `instanceType: auto`, and {why_none(asked, catalog, region)}.",
            hint="name a type; LoRA (`optional: {use_lora: true}`) and a smaller batch take less memory",
            **place,
        )
    else:
        yield Diagnostic(
            code="instance-picked",
            severity=Severity.NOTE,
            summary=f"{asked.name} trains on {after.instance_type}: the cheapest type with a known price and BF16 that fits",
            **place,
        )


def dataset_rules(model: ResolvedModel, outside: Outside) -> DatasetRules:
    """What the base model takes from that provider. Manifests were checked: the base model exists there."""
    return base_model(model, outside).dataset[model.provider]


def base_model(model: ResolvedModel, outside: Outside) -> FoundationModel:
    entry = outside.catalog.model(model.base_model)
    assert entry is not None, f"{model.base_model} passed validation but is not in the catalog"
    return entry
