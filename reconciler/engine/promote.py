"""Promotion: what one environment trained and evaluated is served by another as it is: the same fingerprint, the same bytes.

First everything is examined and every problem told at once; only then is anything copied. Nothing is deployed: the other environment's
next plan says ``deploy`` where it would have said ``train``, and is approved like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from reconciler.domain.desired import Configuration, DesiredModel
from reconciler.domain.diagnostic import Diagnostic, error
from reconciler.domain.errors import InvalidInput, LockHeld
from reconciler.domain.naming import short, version_name
from reconciler.domain.observation import Artifact, Snapshot, Version
from reconciler.domain.outcome import Outcome
from reconciler.domain.plan import Effect, FieldChange
from reconciler.domain.ports import Copied, Event, EventKind, Lease, RegisterOrder
from reconciler.domain.spelling import did_you_mean
from reconciler.domain.tags import Owner
from reconciler.engine.desire import desire
from reconciler.engine.observe import observe
from reconciler.engine.outside import Outside
from reconciler.engine.record import recorded_model
from reconciler.planner.diff import differences, of_effect
from reconciler.planner.promotion import final_metrics, misses
from reconciler.planner.training import is_active, is_trained, live_runs


@dataclass(frozen=True)
class Side:
    """One environment: what it wants, and what is in its cloud."""

    configuration: Configuration
    outside: Outside
    desired: tuple[DesiredModel, ...]
    snapshot: Snapshot

    @property
    def name(self) -> str:
        return self.configuration.project.environment or self.configuration.project.name

    def base_name(self, model: DesiredModel) -> str:
        """As the manifest says it, without the environment's suffix."""
        return model.name.removesuffix(self.configuration.project.name_suffix)

    def by_base_name(self) -> dict[str, DesiredModel]:
        return {self.base_name(model): model for model in self.desired}

    def version(self, model: DesiredModel) -> Version | None:
        """Of the fingerprint that its manifest asks for."""
        provider = model.resolved.provider
        found = [m for m in self.snapshot.models if (m.name, m.provider) == (model.name, provider)]
        return found[0].version(model.fingerprint) if found else None


@dataclass(frozen=True)
class Candidate:
    """One model in both environments.

    ``present``: the other one has that version already. ``version``: as the first has it, which may have deleted it since.
    """

    name: str
    source: DesiredModel
    target: DesiredModel
    version: Version | None
    present: Version | None

    @property
    def artifact(self) -> Artifact | None:
        return self.version.artifact if self.version else None

    @property
    def is_settled(self) -> bool:
        """Nothing can be done: it was trained there, or there is nothing left to compare its copy with."""
        return self.present is not None and (self.present.promoted_from is None or self.artifact is None)


@dataclass(frozen=True)
class Promoted:
    """``copied`` and ``outcome`` are ``None`` where there was nothing to do; a copy that was lost is made again."""

    candidate: Candidate
    copied: Copied | None = None
    outcome: Outcome | None = None


def look(configuration: Configuration, outside: Outside) -> Side:
    """Raises InvalidInput for bad data, CloudUnavailable where looking fails."""
    desired, _ = desire(configuration, outside)
    return Side(configuration, outside, desired, observe(configuration.project, outside))


def examine(source: Side, target: Side, names: Sequence[str] = ()) -> tuple[Candidate, ...]:
    """What would be promoted, what a model builds on first; every model that both have where no names are given.

    Raises InvalidInput with everything that speaks against it.
    """
    pairs, problems = _pairs(source, target, names)
    problems += [found for pair in pairs for found in _problems(source, target, *pair)]
    if problems:
        raise InvalidInput(problems)
    return tuple(_candidate(source, target, *pair) for pair in pairs)


def promote(
    candidates: Iterable[Candidate], source: Side, target: Side, *, lock_timeout: timedelta = timedelta(0)
) -> tuple[Promoted, ...]:
    """Copy and register, one after the other, under the other environment's lock. Ends at the first that fails.

    Raises LockHeld, CloudUnavailable, PlanChanged for a folder of base weights that changed. May be repeated: what is there already is
    not copied again.
    """
    target.outside.artifacts.prepare()
    lease = target.outside.lock.acquire("promote", timeout=lock_timeout)
    done: list[Promoted] = []
    try:
        for candidate in candidates:
            done.append(_promoted(candidate, source, target, lease))
            outcome = done[-1].outcome
            if outcome is not None and outcome.fault is not None:
                break
    finally:
        lease.release()
    return tuple(done)


def _pairs(
    source: Side, target: Side, names: Sequence[str]
) -> tuple[list[tuple[DesiredModel, DesiredModel]], list[Diagnostic]]:
    """In the source's order: parents before children."""
    ours, theirs = source.by_base_name(), target.by_base_name()
    chosen, problems = _chosen(source, target, names) if names else (set(ours) & set(theirs), [])
    missing = [name for name in ours if name in chosen and name not in theirs]
    problems += [_not_there(ours[name], source, target) for name in missing]
    return [(ours[name], theirs[name]) for name in ours if name in chosen and name in theirs], problems


def _chosen(source: Side, target: Side, names: Sequence[str]) -> tuple[set[str], list[Diagnostic]]:
    """Base names: what was asked for, by either name, and what that builds on."""
    ours = source.by_base_name()
    aliases = {model.name: name for side in (source, target) for name, model in side.by_base_name().items()}
    wanted = {name: aliases.get(name, name) for name in (each.removeprefix("FineTunedModel/") for each in names)}
    problems = [_unknown(name, base, source, target) for name, base in wanted.items() if base not in ours]
    chosen: set[str] = set()
    following = [base for base in wanted.values() if base in ours]
    while following:
        base = following.pop()
        chosen.add(base)
        parent = ours[base].resolved.parent
        following += [aliases[parent]] if parent else []
    return chosen, problems


def _problems(source: Side, target: Side, ours: DesiredModel, theirs: DesiredModel) -> Iterator[Diagnostic]:
    """
    ==================================== ============================
    the manifests ask for two things     promotion-differs
    it is not trained there              not-trained
    its metrics miss a bound, of either  promotion-gate
    it has no file that could be copied  not-portable
    the other trains it itself just now  already-training
    both would have one name in a region names-collide
    ==================================== ============================
    """
    if ours.fingerprint != theirs.fingerprint:
        yield _differs(source, target, ours, theirs)
        return
    version, present = source.version(ours), target.version(theirs)
    if is_trained(present):
        return
    if version is None or not is_trained(version):
        yield _untrained(source, ours)
        return
    yield from _missed_gates(source, ours, version)
    yield from _missed_gates(target, theirs, version)
    if not _is_file(version):
        yield _not_portable(ours)
    if any(is_active(run) for run in live_runs(present)):
        yield _training_there(target, theirs)
    if _place(source) == _place(target) and _cloud_name(ours) == _cloud_name(theirs):
        yield _colliding(source, target, theirs)


def _candidate(source: Side, target: Side, ours: DesiredModel, theirs: DesiredModel) -> Candidate:
    """Examined before: either has it."""
    version, present = source.version(ours), target.version(theirs)
    return Candidate(
        name=source.base_name(ours),
        source=ours,
        target=theirs,
        version=version if is_trained(version) else None,
        present=present if is_trained(present) else None,
    )


def _promoted(candidate: Candidate, source: Side, target: Side, lease: Lease) -> Promoted:
    artifact, model, artifacts = candidate.artifact, candidate.target, target.outside.artifacts
    if candidate.is_settled or artifact is None:
        return Promoted(candidate)
    _tell(target, f"Copying {artifact.identifier}")
    copied = artifacts.receive(model.name, model.fingerprint, artifact, source.outside.artifacts)
    if candidate.present:
        restored = Outcome.done(f"the copy of {model.name} was made again") if copied.new else None
        return Promoted(candidate, copied, restored)
    if not lease.still_held():
        raise LockHeld(
            f"the lock of {target.configuration.project.name} was taken over: {model.name} is copied, not registered"
        )
    artifacts.put_manifest(recorded_model(model, deployed=False))
    artifacts.put_weights(model)
    outcome = target.outside.providers[model.resolved.provider].register(_order(candidate, source, target, copied))
    return Promoted(candidate, copied, outcome)


def _order(candidate: Candidate, source: Side, target: Side, copied: Copied) -> RegisterOrder:
    model = candidate.target
    return RegisterOrder(
        name=version_name(model.name, model.fingerprint),
        owner=Owner(
            project=target.configuration.project.name,
            model=model.name,
            fingerprint=model.fingerprint,
            created_by=target.outside.creator,
            prevent_destroy=model.resolved.prevent_destroy,
            parent=model.resolved.parent,
            deletion_policy=model.resolved.deletion_policy,
        ),
        model=model,
        artifact=copied.artifact,
        promoted_from=source.configuration.project.name,
        metrics=dict(final_metrics(candidate.version)),
    )


def _tell(side: Side, message: str) -> None:
    side.outside.progress.report(Event(kind=EventKind.NOTE, message=message))


def _place(side: Side) -> tuple[str, str, str]:
    project = side.configuration.project
    return project.cloud, side.outside.account, project.region


def _cloud_name(model: DesiredModel) -> str:
    """Of the version: where the name is long, its end is cut off."""
    return version_name(model.name, model.fingerprint)


def _is_file(version: Version) -> bool:
    return version.artifact is not None and version.artifact.identifier.startswith("s3://")


def _missed_gates(side: Side, model: DesiredModel, version: Version) -> Iterator[Diagnostic]:
    for miss in misses(model, version):
        yield _problem(
            model,
            "promotion-gate",
            "A promotion bound is not met",
            f"{side.name} asks of {model.name}: {miss}.",
            "train a better version, or change the bound in a reviewed commit",
        )


def _differs(source: Side, target: Side, ours: DesiredModel, theirs: DesiredModel) -> Diagnostic:
    fields = of_effect(differences(ours, theirs), Effect.RETRAIN)
    told = "; ".join(_told(field, source, target) for field in fields) or "what they build on"
    return _problem(
        theirs,
        "promotion-differs",
        "The two environments ask for two different versions",
        f"{theirs.name} would be {short(theirs.fingerprint)} in {target.name} and is {short(ours.fingerprint)} in "
        f"{source.name}. {told}.",
        f"say it alike in both: what is promoted was trained as {source.name} says",
    )


def _told(field: FieldChange, source: Side, target: Side) -> str:
    return f"`{field.path}` is {_value(field.before)} in {source.name} and {_value(field.after)} in {target.name}"


def _value(value: object) -> str:
    return "not given" if value is None else str(value)


def _untrained(side: Side, model: DesiredModel) -> Diagnostic:
    return _problem(
        model,
        "not-trained",
        "There is nothing to promote yet",
        f"Version {short(model.fingerprint)} of {model.name} is not trained in {side.name}.",
        f"train it there first: reconciler apply --env {side.name}",
    )


def _not_portable(model: DesiredModel) -> Diagnostic:
    return _problem(
        model,
        "not-portable",
        "The version cannot be copied",
        f"{model.name} is a custom model of Bedrock, which has no file; Bedrock copies one only into another region or account "
        "that serves its base model, and this version does not ask it to.",
        "let the environment train it itself: the data and settings are the same",
    )


def _training_there(side: Side, model: DesiredModel) -> Diagnostic:
    return _problem(
        model,
        "already-training",
        "The environment trains that version itself",
        f"A training of {model.name} is under way in {side.name}.",
        "wait for it, or stop it with `training: {state: stopped}`",
    )


def _colliding(source: Side, target: Side, model: DesiredModel) -> Diagnostic:
    return _problem(
        model,
        "names-collide",
        "Two environments have one name in one account and region",
        f"The version would be {_cloud_name(model)} in {source.name} and in {target.name}, which share account and region.",
        f"remove `nameSuffix` from environments/{target.name}.yaml, shorten the name, or give them two regions or accounts",
    )


def _not_there(model: DesiredModel, source: Side, target: Side) -> Diagnostic:
    return _problem(
        model,
        "not-in-environment",
        "The model is only in one of the environments",
        f"{source.name} has {model.name}; {target.name} has no model like it.",
        f"declare it in the manifests, or in environments/{target.name}.yaml",
    )


def _unknown(name: str, base: str, source: Side, target: Side) -> Diagnostic:
    there = " (it is only there)" if base in target.by_base_name() else ""
    return error(
        "unknown-reference",
        "A reference leads nowhere",
        detail=f"{source.name} has no model {name!r}{there}.",
        hint=did_you_mean(name, source.by_base_name()),
    )


def _problem(model: DesiredModel, code: str, summary: str, detail: str, hint: str) -> Diagnostic:
    return error(code, summary, detail=detail, hint=hint, where=model.resolved.where, address=model.address)
