"""Bringing an older version back: which there are, and what the manifest must say so that it is that version again.

The cloud is not touched. Once the manifest has the older version's fingerprint, the next apply finds it trained and rolls to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.domain.base import Value
from reconciler.domain.desired import DatasetSource, DesiredModel, ValidationPlan
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.naming import is_meant, short
from reconciler.domain.observation import Artifact, Version
from reconciler.domain.plan import Effect
from reconciler.domain.quantity import Exact
from reconciler.engine.outside import Outside
from reconciler.engine.propose import Proposal
from reconciler.planner.diff import differences, of_effect

Edits = Mapping[tuple[str, ...], Any]


class VersionEntry(Value):
    """A trained version, as ``rollback`` lists it."""

    fingerprint: str
    trained_as: str
    trained_at: datetime | None = None
    metrics: dict[str, Exact]
    wanted: bool
    """The manifest asks for it."""
    serves: bool
    artifact: Artifact | None = None


def versions(proposal: Proposal, name: str) -> tuple[VersionEntry, ...]:
    """Oldest first; those of which only records are left do not count."""
    wanted = proposal.wanted(name)
    return tuple(
        VersionEntry(
            fingerprint=version.fingerprint,
            trained_as=_trained_as(version),
            trained_at=version.latest_run.ended_at if version.latest_run else None,
            metrics=version.latest_run.metrics if version.latest_run else {},
            wanted=wanted is not None and wanted.fingerprint == version.fingerprint,
            serves=any(d.fingerprint == version.fingerprint for d in model.deployments),
            artifact=version.artifact,
        )
        for model in proposal.snapshot.models
        if model.name == name
        for version in model.versions
        if not version.is_gone
    )


def chosen(entries: Sequence[VersionEntry], name: str, asked: str | None) -> VersionEntry:
    """The version that was asked for, by the beginning of its fingerprint; else the one before what the manifest asks for.

    Raises ReconcilerError where there is none, or more than one.
    """
    if asked is None:
        return _before_the_wanted(entries, name)
    found = [entry for entry in entries if is_meant(entry.fingerprint, asked)]
    if len(found) != 1:
        known = ", ".join(short(entry.fingerprint) for entry in entries) or "none"
        told = "no version" if not found else "more than one version"
        raise ReconcilerError(f"{name} has {told} {asked!r}", hint=f"There are: {known}.")
    if found[0].wanted:
        raise ReconcilerError(f"the manifest of {name} asks for version {short(found[0].fingerprint)} already")
    return found[0]


def recorded(outside: Outside, name: str, entry: VersionEntry) -> DesiredModel:
    """What the version was made from. Raises ReconcilerError where its artifact or its record is gone."""
    told = f"version {short(entry.fingerprint)} of {name}"
    if entry.artifact is None or not outside.artifacts.holds(entry.artifact):
        raise ReconcilerError(
            f"{told} cannot be brought back: its artifact is gone",
            hint="Change the manifest to what it was (its history has it), and train it again.",
        )
    found = outside.artifacts.recorded(name, entry.fingerprint)
    if found is None:
        raise ReconcilerError(
            f"{told} cannot be brought back: what it was made from is not recorded",
            hint="Change the manifest to what it was (its history has it): the plan then finds the version trained.",
        )
    return found


def edits(now: DesiredModel, then: DesiredModel, *, dataset: str | None = None) -> Edits:
    """What the manifest must say instead. ``dataset``: where the data of that time lies now."""
    new, old = now.resolved, then.resolved
    changes: dict[tuple[str, ...], Any] = {}
    if _base(now) != _base(then):
        changes["spec", "baseModel"] = _base_choice(now, then)
    if new.provider != old.provider:
        changes["spec", "provider"] = str(old.provider)
    if dataset or now.data.training.digest != then.data.training.digest:
        changes["spec", "dataset", "training"] = dataset or _source(old.training_data)
    if _validation(now) != _validation(then):
        changes["spec", "dataset", "validation"] = _validation_choice(old.validation)
    if new.system_prompt != old.system_prompt and old.system_prompt:
        changes["spec", "dataset", "systemPrompt"] = old.system_prompt
    if new.revision != old.revision:
        changes["spec", "revision"] = old.revision
    before, after = _hyperparameters(now), _hyperparameters(then)
    return changes | {("spec", "hyperparameters", *path): after[path] for path in after if before[path] != after[path]}


def _base(model: DesiredModel) -> tuple[str | None, ...]:
    folder = model.data.weights
    return model.resolved.base_model, model.resolved.parent, folder.digest if folder else model.weights_digest


def _base_choice(now: DesiredModel, then: DesiredModel) -> Any:
    """As a manifest says it. Raises ReconcilerError where the weights of that time no longer lie in their folder."""
    old, new = then.resolved, now.resolved
    if old.parent:
        return {"fineTunedModel": old.parent}
    if old.weights is None:
        return {"key": old.base_model, "weights": old.weights_uri} if old.weights_uri else old.base_model
    if new.weights and new.weights.path == old.weights.path:
        raise ReconcilerError(
            f"the weights in {old.weights.path} have changed since version {short(then.fingerprint)} was trained",
            hint="Put the folder back as it was: the plan then finds the version trained.",
        )
    return {"path": old.weights.path}


def require_same(now: DesiredModel, then: DesiredModel) -> None:
    """Raises ReconcilerError, naming what still differs, where the manifest as changed is not that version."""
    if now.fingerprint == then.fingerprint:
        return
    left = of_effect(differences(now, then), Effect.RETRAIN)
    told = "; ".join(f"{change.path} is {_text(change.before)}, it was {_text(change.after)}" for change in left)
    if now.data.training.digest != then.data.training.digest:
        source, records = _source(then.resolved.training_data), then.data.training.records
        hint = (
            f"The training data was changed since: put back {source} as it was ({records} records, its history has it), "
            "or say where it lies now: --dataset SOURCE."
        )
    else:
        hint = "What the Project's defaults, an environment or a parent model say must be changed there."
    raise ReconcilerError(f"the manifest alone cannot bring it back: {told or 'what it builds on differs'}", hint=hint)


def _before_the_wanted(entries: Sequence[VersionEntry], name: str) -> VersionEntry:
    """Of those with an artifact. What serves while something newer is wanted is the first choice."""
    position = next((number for number, entry in enumerate(entries) if entry.wanted), len(entries))
    older = [entry for entry in entries[:position] if entry.artifact]
    serving = [entry for entry in older if entry.serves]
    if not older:
        raise ReconcilerError(
            f"{name} has no older version", hint="`reconciler rollback NAME --list` lists those that there are."
        )
    return (serving or older)[-1]


def _trained_as(version: Version) -> str:
    if version.latest_run:
        return version.latest_run.name
    return version.artifact.name if version.artifact else ""


def _source(source: DatasetSource) -> str:
    return source.name or source.uri


def _validation(model: DesiredModel) -> tuple[Any, ...]:
    own = model.data.validation.digest if model.data.validation else None
    plan = model.resolved.validation
    return own, None if own else plan.split_percent


def _validation_choice(plan: ValidationPlan) -> Any:
    if plan.source:
        return {"dataset": _source(plan.source)}
    return {"split": f"{plan.split_percent}%"} if plan.split_percent is not None else "none"


def _hyperparameters(model: DesiredModel) -> dict[tuple[str, ...], Any]:
    chosen = model.resolved.hyperparameters
    return {
        ("epochs",): chosen.epochs,
        ("learningRate",): chosen.learning_rate,
        ("batchSize",): chosen.batch_size,
        ("warmupSteps",): chosen.warmup_steps,
        ("earlyStopping", "patience"): chosen.early_stopping_patience,
        ("earlyStopping", "threshold"): chosen.early_stopping_threshold,
        ("optional",): chosen.optional or None,
    }


def _text(value: Any) -> str:
    return "left out" if value is None else str(value)
