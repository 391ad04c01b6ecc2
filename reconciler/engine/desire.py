"""From resolved manifests to desired models: the data is read and digested, the fingerprint computed."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.catalog.query import described_by
from reconciler.cost.choice import Choice, choice_for, chosen, why_chosen, why_none
from reconciler.domain.catalog import Catalog, DatasetRules, FoundationModel
from reconciler.domain.desired import AUTO, Configuration, DesiredModel, ResolvedModel
from reconciler.domain.diagnostic import Diagnostic, Severity, error, has_errors
from reconciler.domain.errors import InvalidInput
from reconciler.domain.fingerprint import fingerprint
from reconciler.domain.ports import DataLibrary
from reconciler.engine.outside import Outside


def desire(configuration: Configuration, outside: Outside) -> tuple[tuple[DesiredModel, ...], tuple[Diagnostic, ...]]:
    """The desired models, parents before children, with an instance type where the manifest leaves that to us; and warnings.

    Raises InvalidInput with every problem of every dataset at once.
    """
    read, found = asked_for(configuration, outside.data, outside.catalog)
    region = configuration.project.region
    choices = [(_with_weights(model, outside), choice_for(model, outside.catalog, region)) for model in read]
    told = (each for model, choice in choices for each in _told_of_choice(model, choice, outside.catalog, region))
    problems = tuple(dict.fromkeys((*found, *told)))
    if has_errors(problems):
        raise InvalidInput(problems)
    return tuple(chosen(model, choice) for model, choice in choices), problems


def asked_for(
    configuration: Configuration, library: DataLibrary, catalog: Catalog
) -> tuple[tuple[DesiredModel, ...], tuple[Diagnostic, ...]]:
    """The models whose data could be read, ``instanceType: auto`` as it stands; and all that was found in the data."""
    desired: dict[str, DesiredModel] = {}
    problems: list[Diagnostic] = []
    for model in configuration.models:
        parent = desired.get(model.parent) if model.parent else None
        above = parent.root_weights if parent else None
        data, found = library.training_data(model, described_by(base_model(model, catalog), above))
        problems.extend(found)
        weights, missing = library.weights_digest(model) if model.weights_uri else (None, ())
        problems.extend(missing)
        if data is None or missing or (model.parent and parent is None):
            continue
        parent_fingerprint = parent.fingerprint if parent else None
        desired[model.name] = DesiredModel(
            resolved=model,
            data=data,
            fingerprint=fingerprint(model, data, parent_fingerprint, weights),
            parent_fingerprint=parent_fingerprint,
            weights_digest=weights,
            root_weights=data.weights or above,
        )
    return tuple(desired.values()), tuple(dict.fromkeys(problems))


def _with_weights(model: DesiredModel, outside: Outside) -> DesiredModel:
    """Weights in a folder are copied to the bucket before they are trained or served: there they lie under their digest."""
    weights = model.data.weights
    if weights is None:
        return model
    uri = outside.artifacts.weights_uri(weights.digest)
    return model.model_copy(update={"resolved": model.resolved.model_copy(update={"weights_uri": uri})})


def _told_of_choice(asked: DesiredModel, choice: Choice | None, catalog: Catalog, region: str) -> Iterator[Diagnostic]:
    """``instanceType: auto``: which type was picked and why, or that nothing is known to fit."""
    resources = asked.resolved.resources
    if resources is None or resources.instance_type != AUTO:
        return
    place = {"address": asked.address, "where": asked.resolved.where}
    if choice is None:
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
            summary=f"{asked.name} trains on {choice.instance_type}: {why_chosen(choice)}",
            **place,
        )


def dataset_rules(model: ResolvedModel, catalog: Catalog) -> DatasetRules:
    """What the base model takes from that provider. Manifests were checked: the base model exists there."""
    return base_model(model, catalog).dataset[model.provider]


def base_model(model: ResolvedModel, catalog: Catalog) -> FoundationModel:
    entry = catalog.model(model.base_model)
    assert entry is not None, f"{model.base_model} passed validation but is not in the catalog"
    return entry
