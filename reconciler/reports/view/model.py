"""Everything about one model: what the manifest asks for, with every default marked, and what the cloud holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.domain.catalog import FoundationModel
from reconciler.domain.desired import DatasetFacts, DesiredDeployment, DesiredModel, Origin, ResolvedModel, UndeployRule
from reconciler.domain.journal import JournalEntry, RunSummary
from reconciler.domain.losses import LossCurve, LossPoint, summary
from reconciler.domain.naming import short
from reconciler.domain.observation import Deployment, ModelObservation, ScheduleObservation, TrainingRun, Version
from reconciler.domain.plan import Change
from reconciler.domain.quantity import Cost, format_duration
from reconciler.domain.status import Condition, Status
from reconciler.reports.figures import cost_text, counted, elapsed, hourly, moment, size
from reconciler.reports.view.plan import value_text
from reconciler.reports.view.status import runs_on

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Setting:
    """One resolved value and where it came from."""

    name: str
    value: str
    origin: Origin

    @property
    def source(self) -> str:
        return _ORIGINS[self.origin]


_ORIGINS = {Origin.MANIFEST: "", Origin.PROJECT: "project defaults", Origin.DEFAULT: "default"}


@dataclass(frozen=True)
class Table:
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Dossier:
    """What is known about one model, from everywhere; the input of the view."""

    name: str
    desired: DesiredModel | None
    observed: tuple[ModelObservation, ...]
    changes: tuple[Change, ...]
    base: FoundationModel | None
    lineage: tuple[str, ...]
    """From the base model to this one."""
    now: datetime
    storage: Cost | None = None
    """By the month, as ``hosting``."""
    hosting: Cost | None = None
    hosting_hourly: Cost | None = None
    environment: str = ""
    recorded: DesiredModel | None = None
    """What the newest version was made of; asked for where the manifest is gone."""
    curves: tuple[LossCurve, ...] = ()
    """Of the latest training of each version."""
    run: RunSummary | None = None
    """The last of this machine that did something about the model."""

    @property
    def described(self) -> DesiredModel | None:
        return self.desired or self.recorded


@dataclass(frozen=True)
class ModelView:
    title: str
    status: Status
    about: Pairs
    data: Pairs
    hyperparameters: tuple[Setting, ...]
    settings: tuple[Setting, ...]
    costs: Pairs
    tables: tuple[tuple[str, Table], ...]
    conditions: tuple[Condition, ...]
    pending: tuple[str, ...] = field(default=())
    losses: tuple[LossView, ...] = ()


@dataclass(frozen=True)
class LossView:
    """One series of one training."""

    run: str
    series: str
    """``training`` or ``validation``."""
    heights: tuple[float, ...]
    """In order, to be drawn."""
    told: str
    simulated: bool


def view_model(dossier: Dossier) -> ModelView:
    described = dossier.described
    return ModelView(
        title=dossier.name,
        status=dossier.changes[0].status_now if dossier.changes else Status.ABSENT,
        about=_about(dossier),
        data=_data(described) if described else (),
        hyperparameters=_hyperparameters(described.resolved) if described else (),
        settings=_settings(described.resolved) if described else (),
        costs=_costs(dossier),
        tables=tuple((title, table) for title, table in _tables(dossier) if table.rows),
        conditions=next((change.conditions for change in dossier.changes if change.conditions), ()),
        pending=tuple(_pending(change) for change in dossier.changes if change.is_pending),
        losses=tuple(_losses(dossier.curves)),
    )


def _about(dossier: Dossier) -> Pairs:
    described, base = dossier.described, dossier.base
    creators = [
        run.created_by for model in dossier.observed for v in model.versions for run in v.runs if run.created_by
    ]
    resolved = described.resolved if described else None
    pairs = (
        ("description", resolved.description if resolved else ""),
        ("labels", ", ".join(f"{key}={value}" for key, value in resolved.labels.items()) if resolved else ""),
        ("environment", dossier.environment),
        ("manifest", _manifest(dossier)),
        ("provider", str(resolved.provider) if resolved else ", ".join(model.provider for model in dossier.observed)),
        ("base model", f"{base.key} ({base.name})" if base else ""),
        ("lineage", " -> ".join(dossier.lineage) if len(dossier.lineage) > 2 else ""),
        ("fingerprint", described.fingerprint if described else ""),
        ("revision", str(resolved.revision) if resolved else ""),
        ("created by", ", ".join(dict.fromkeys(creators))),
    )
    return tuple((label, text) for label, text in pairs if text)


def _manifest(dossier: Dossier) -> str:
    if dossier.desired:
        return str(dossier.desired.resolved.where or "")
    if dossier.recorded:
        return f"gone: this is what version {short(dossier.recorded.fingerprint)} was made of"
    return "gone: only the cloud still knows this model"


def _data(desired: DesiredModel) -> Pairs:
    data = desired.data
    split = desired.resolved.validation.split_percent
    if data.validation is not None:
        validation = _facts(data.validation, data.validation_records)
    elif split is not None:
        validation = f"{split}% split off: {counted(data.validation_records, 'record')}"
    else:
        validation = "none"
    return ("training", _facts(data.training, data.training_records)), ("validation", validation)


def _facts(facts: DatasetFacts, used: int) -> str:
    name = facts.source.name or facts.source.uri
    tokens = f", about {facts.tokens:,} tokens" if facts.tokens is not None else ""
    return f"{name}: {counted(used, 'record')}, {size(facts.size_bytes)}{tokens} ({short(facts.digest)})"


_HYPERPARAMETERS = {
    "epochs": "epochs",
    "learningRate": "learning_rate",
    "batchSize": "batch_size",
    "warmupSteps": "warmup_steps",
    "earlyStopping.patience": "early_stopping_patience",
    "earlyStopping.threshold": "early_stopping_threshold",
}
"""The manifest's spelling → the field that holds it."""


def _hyperparameters(model: ResolvedModel) -> tuple[Setting, ...]:
    chosen = model.hyperparameters
    usual = {name: getattr(chosen, attribute) for name, attribute in _HYPERPARAMETERS.items()}
    optional = _flattened("optional", chosen.optional)
    return _found("spec.hyperparameters", {**usual, **optional}, model.origins)


def _settings(model: ResolvedModel) -> tuple[Setting, ...]:
    resources = model.resources
    training: dict[str, Any] = {}
    if resources:
        training = {
            "instanceType": resources.instance_type,
            "instanceCount": resources.instance_count,
            "volumeSizeGB": resources.volume_size_gb,
            "fallbackInstanceTypes": list(resources.fallback_instance_types) or None,
            "maxRuntime": format_duration(resources.max_runtime),
            "spot": resources.spot,
            "image": resources.image,
        }
    building = {"baseModel.weights": model.weights_uri, "acceptEula": model.accept_eula or None}
    keeping = {
        "retention.keepVersions": model.keep_versions,
        "lifecycle.preventDestroy": model.prevent_destroy,
        "lifecycle.trainingRetries": model.training_retries,
        "lifecycle.deletionPolicy": model.deletion_policy,
    }
    return (
        *_found("spec", building, model.origins),
        *_found("spec", {f"resources.{name}": value for name, value in training.items()}, model.origins),
        *_found("spec", _deployment_settings(model.deployment), model.origins),
        *_found("spec", keeping, model.origins),
    )


def _deployment_settings(wanted: DesiredDeployment) -> dict[str, Any]:
    return {
        "deployment.state": "deployed" if wanted.deployed else "undeployed",
        "deployment.instanceType": wanted.instance_type,
        "deployment.instanceCount": wanted.instance_count,
        "deployment.image": wanted.image,
        "deployment.throughput.modelUnits": wanted.model_units,
        "deployment.throughput.commitment": wanted.commitment,
        "deployment.onDemand": True if wanted.kind == "on-demand" else None,
        "deployment.autoUndeploy": rule_text(wanted.undeploy) or None,
        "deployment.idle": format_duration(wanted.idle) if wanted.idle else None,
    }


def rule_text(rule: UndeployRule | None) -> str:
    """``after 8h``, ``at 2026-12-24 17:00:00 UTC``, ``outside Mon-Fri 08:00-20:00 Europe/Berlin``."""
    if rule is None:
        return ""
    if rule.after is not None:
        return f"after {format_duration(rule.after)}"
    return f"at {moment(rule.at)}" if rule.at else f"outside {rule.hours} {rule.timezone}"


def _flattened(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}.{name}"
        flat |= _flattened(path, value) if isinstance(value, dict) and value else {path: value}
    return flat


def _found(prefix: str, values: Mapping[str, Any], origins: Mapping[str, Origin]) -> tuple[Setting, ...]:
    return tuple(
        Setting(name, _plain(value), _origin(f"{prefix}.{name}", origins))
        for name, value in values.items()
        if value is not None
    )


def _origin(path: str, origins: Mapping[str, Origin]) -> Origin:
    """Of the path, or of the nearest thing around it that is known."""
    while path not in origins and "." in path:
        path = path.rpartition(".")[0]
    return origins.get(path, Origin.DEFAULT)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else value_text(_number(value))


def _number(value: Any) -> Any:
    return float(value) if hasattr(value, "as_tuple") else value


def _costs(dossier: Dossier) -> Pairs:
    storage, hosting = dossier.storage, dossier.hosting
    by_the_hour = hourly(dossier.hosting_hourly) if dossier.hosting_hourly else ""
    return (
        *((("storage", cost_text(storage, "/month")), *_caveats(storage)) if storage else ()),
        *((("hosting", cost_text(hosting, f"/month{by_the_hour}")), *_caveats(hosting)) if hosting else ()),
    )


def _caveats(cost: Cost) -> Pairs:
    return tuple(("", caveat) for caveat in cost.caveats)


def _tables(dossier: Dossier) -> Iterable[tuple[str, Table]]:
    serving = {d.fingerprint for model in dossier.observed for d in model.deployments}
    versions = [version for model in dossier.observed for version in model.versions]
    wanted = dossier.desired.fingerprint if dossier.desired else None
    yield "Versions", _versions(versions, serving, wanted)
    yield "Attempts", _attempts([run for version in versions for run in version.runs], dossier.now)
    yield "Deployment", _deployments([d for model in dossier.observed for d in model.deployments])
    yield "Schedules", _schedules([s for model in dossier.observed for s in model.schedules])
    yield "Last run on this machine", _done(dossier.run.entries if dossier.run else ())


def _versions(versions: Iterable[Version], serving: set[str | None], wanted: str | None) -> Table:
    rows = (
        (
            short(version.fingerprint),
            "yes" if version.artifact else "no",
            size(version.artifact.size_bytes) if version.artifact else "-",
            moment(version.artifact.created_at) if version.artifact else "-",
            ", ".join(_roles(version, serving, wanted)) or "-",
            version.artifact.identifier if version.artifact else "-",
        )
        for version in versions
    )
    return Table(("VERSION", "TRAINED", "SIZE", "CREATED", "ROLE", "ARTIFACT"), tuple(rows))


def _roles(version: Version, serving: set[str | None], wanted: str | None) -> Iterable[str]:
    if version.fingerprint in serving:
        yield "serving"
    if version.fingerprint == wanted:
        yield "wanted"
    if version.promoted_from:
        yield f"promoted from {version.promoted_from}"


def _attempts(runs: Iterable[TrainingRun], now: datetime) -> Table:
    rows = (
        (
            run.name,
            str(run.attempt),
            f"{run.phase} ({run.detail})" if run.detail else str(run.phase),
            moment(run.created_at),
            elapsed((run.ended_at or now) - run.created_at) if run.created_at else "-",
            run.instance_type or "-",
            ", ".join(f"{name} {float(value):.4g}" for name, value in run.metrics.items()) or "-",
            run.failure.message if run.failure else "-",
        )
        for run in runs
    )
    return Table(("TRAINING", "ATTEMPT", "PHASE", "STARTED", "TOOK", "INSTANCE", "METRICS", "FAILURE"), tuple(rows))


def _done(entries: Iterable[JournalEntry]) -> Table:
    rows = (
        (
            entry.change.partition(":")[0],
            entry.change.rpartition(":")[2],
            moment(entry.began),
            entry.outcome or "unknown: the run broke off",
            entry.message or "-",
        )
        for entry in entries
    )
    return Table(("ACTION", "TARGET", "BEGAN", "OUTCOME", "MESSAGE"), tuple(rows))


def _deployments(deployments: Iterable[Deployment]) -> Table:
    rows = (
        (
            deployment.name,
            str(deployment.kind),
            str(deployment.phase),
            short(deployment.fingerprint) if deployment.fingerprint else "-",
            runs_on(deployment),
            moment(deployment.created_at),
            deployment.identifier,
        )
        for deployment in deployments
    )
    return Table(("NAME", "KIND", "PHASE", "VERSION", "RUNS ON", "CREATED", "IDENTIFIER"), tuple(rows))


def _schedules(schedules: Iterable[ScheduleObservation]) -> Table:
    rows = ((s.name, s.purpose, rule_text(s.rule) or "unreadable", moment(s.fires_at)) for s in schedules)
    return Table(("NAME", "PURPOSE", "RULE", "NEXT"), tuple(rows))


def _pending(change: Change) -> str:
    why = "; ".join(reason.message for reason in change.reasons)
    what = "stalled" if change.stalled and not change.action.mutates else str(change.action)
    return f"{what} {change.target}" + (f": {why}" if why else "")


def _losses(curves: Iterable[LossCurve]) -> Iterable[LossView]:
    for curve in curves:
        for series, points in (("training", curve.training), ("validation", curve.validation)):
            told = _summary(curve.unit, points)
            if told:
                yield LossView(curve.run, series, tuple(point.loss for point in points), told, curve.simulated)


def _summary(unit: str, points: Sequence[LossPoint]) -> str:
    """``1.3 at epoch 1, 0.95 at epoch 3``, and where the best was, if it was not the last."""
    found = summary(points)
    if found is None:
        return ""
    ends = [found.first, found.last] if len(points) > 1 else [found.last]
    told = " -> ".join(_loss(unit, point) for point in ends)
    return told if found.best.loss == found.last.loss else f"{told}, best {_loss(unit, found.best)}"


def _loss(unit: str, point: LossPoint) -> str:
    return f"{point.loss:.4g} at {unit} {point.at:g}"
