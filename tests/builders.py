"""Builders with defaults, so that a test names only its subject.

Fingerprints are made from a word: ``fp("a")``. Times count from ``NOW``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import (
    Configuration,
    DatasetFacts,
    DatasetSource,
    DeploymentKind,
    DesiredDeployment,
    DesiredModel,
    Hyperparameters,
    ProjectSettings,
    ResolvedModel,
    TrainingData,
    TrainingResources,
    ValidationPlan,
)
from reconciler.domain.fingerprint import digest, fingerprint
from reconciler.domain.naming import version_name
from reconciler.domain.observation import (
    Artifact,
    Deployment,
    DeploymentPhase,
    ModelObservation,
    ScheduleObservation,
    Snapshot,
    TrainingPhase,
    TrainingRun,
    Version,
)
from reconciler.domain.outcome import Fault, FaultKind
from reconciler.domain.tags import Owner

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
"""A Wednesday noon."""

SAGEMAKER = ProviderName.SAGEMAKER
BEDROCK = ProviderName.BEDROCK


def fp(word: str) -> str:
    """A fingerprint that is told by a word."""
    return digest(word)


def ago(**duration: float) -> datetime:
    """``ago(hours=2)``: before NOW."""
    return NOW - timedelta(**duration)


def a_fault(kind: FaultKind = FaultKind.TERMINAL, message: str = "AlgorithmError: out of memory") -> Fault:
    return Fault(kind=kind, code="ClientError", message=message)


def some_data(word: str = "data", *, records: int = 1000, name: str | None = "support-2026") -> DatasetFacts:
    source = DatasetSource(name=name, uri=f"/project/data/{word}.jsonl")
    return DatasetFacts(
        source=source,
        digest=digest(word),
        records=records,
        size_bytes=records * 500,
        characters=records * 480,
        tokens=records * 120,
    )


def a_resolved(name: str = "support-bot", **more: Any) -> ResolvedModel:
    """SageMaker unless told otherwise. Fields of ``deployment`` and ``hyperparameters`` may be given as dicts."""
    provider = more.pop("provider", SAGEMAKER)
    on_sagemaker = provider is SAGEMAKER
    fields: dict[str, Any] = {
        "name": name,
        "provider": provider,
        "base_model": "llama-3.1-8b-instruct" if on_sagemaker else "nova-micro",
        "training_data": some_data().source,
        "validation": ValidationPlan(split_percent=10),
        "resources": a_training_machine() if on_sagemaker else None,
    }
    deployment = _default_deployment(provider) | more.pop("deployment", {})
    hyperparameters = {"epochs": 3, "learning_rate": Decimal("0.00002")} | more.pop("hyperparameters", {})
    return ResolvedModel(
        **(fields | more),
        deployment=DesiredDeployment(**deployment),
        hyperparameters=Hyperparameters(**hyperparameters),
    )


def a_model(
    name: str = "support-bot",
    *,
    fingerprint_of: str | None = None,
    data: str = "data",
    parent_fingerprint: str | None = None,
    **more: Any,
) -> DesiredModel:
    """What a manifest asks for. ``fingerprint_of`` is a word for :func:`fp`; without it the true fingerprint is taken."""
    resolved = a_resolved(name, **more)
    facts = some_data(data)
    split = TrainingData(training=facts, training_records=900, validation_records=100)
    computed = fp(fingerprint_of) if fingerprint_of else fingerprint(resolved, split, parent_fingerprint)
    return DesiredModel(resolved=resolved, data=split, fingerprint=computed, parent_fingerprint=parent_fingerprint)


def a_training_machine(instance_type: str = "ml.g5.12xlarge", **more: Any) -> TrainingResources:
    return TrainingResources(
        **({"instance_type": instance_type, "volume_size_gb": 100, "max_runtime": timedelta(hours=12)} | more)
    )


def a_run(
    name: str = "support-bot-00000000", *, phase: TrainingPhase = TrainingPhase.COMPLETED, **more: Any
) -> TrainingRun:
    fields: dict[str, Any] = {
        "identifier": f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}",
        "attempt": 1,
        "created_at": ago(days=2),
        "ended_at": None if phase is TrainingPhase.IN_PROGRESS else ago(days=2, hours=-2),
        "instance_type": "ml.g5.12xlarge",
        "instance_count": 1,
        "failure": a_fault() if phase is TrainingPhase.FAILED else None,
    }
    return TrainingRun(name=name, phase=phase, **(fields | more))


def an_artifact(name: str = "support-bot-00000000", **more: Any) -> Artifact:
    fields = {
        "identifier": f"s3://acme-llms-artifacts/{name}/model.tar.gz",
        "created_at": ago(days=2, hours=-2),
        "size_bytes": 84_000_000,
    }
    return Artifact(name=name, **(fields | more))


def a_version(
    fingerprint: str, model: str = "support-bot", *, runs: Sequence[TrainingRun] | None = None, **more: Any
) -> Version:
    """Trained, by one run that completed, unless told otherwise."""
    name = version_name(model, fingerprint)
    trained = runs is None or any(run.phase is TrainingPhase.COMPLETED for run in runs)
    fields = {"artifact": an_artifact(name) if trained else None}
    return Version(fingerprint=fingerprint, runs=tuple((a_run(name),) if runs is None else runs), **(fields | more))


def an_attempt(
    model: DesiredModel, attempt: int = 1, *, phase: TrainingPhase = TrainingPhase.IN_PROGRESS, **more: Any
) -> TrainingRun:
    """The n-th run of a wanted version, under its computed name."""
    return a_run(version_name(model.name, model.fingerprint, attempt), phase=phase, attempt=attempt, **more)


def a_deployment(
    model: DesiredModel, *, phase: DeploymentPhase = DeploymentPhase.IN_SERVICE, **more: Any
) -> Deployment:
    """As the manifest asks, and in service, unless told otherwise."""
    wanted = model.resolved.deployment
    fields: dict[str, Any] = {
        "name": model.name,
        "identifier": f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{model.name}",
        "kind": wanted.kind,
        "fingerprint": model.fingerprint,
        "target_fingerprint": more.get("fingerprint", model.fingerprint),
        "instance_type": wanted.instance_type,
        "instance_count": wanted.instance_count or (1 if wanted.kind is DeploymentKind.REAL_TIME else None),
        "model_units": wanted.model_units,
        "commitment": wanted.commitment,
        "created_at": ago(days=1),
        "owner": Owner(project="acme-llms", model=model.name, fingerprint=more.get("fingerprint", model.fingerprint)),
    }
    return Deployment(phase=phase, **(fields | more))


def a_schedule(model: DesiredModel, *, purpose: str = "undeploy", **more: Any) -> ScheduleObservation:
    fields = {"name": f"{model.name}-{purpose}", "rule": model.resolved.deployment.undeploy}
    return ScheduleObservation(purpose=purpose, **(fields | more))


def an_observation(
    model: DesiredModel,
    *,
    versions: Sequence[Version] = (),
    deployments: Sequence[Deployment] = (),
    **more: Any,
) -> ModelObservation:
    """What the cloud holds of a model, with the tags that its manifest asks for."""
    resolved = model.resolved
    fields: dict[str, Any] = {
        "name": resolved.name,
        "provider": resolved.provider,
        "prevent_destroy": resolved.prevent_destroy,
        "deletion_policy": resolved.deletion_policy,
        "parent": resolved.parent,
        "labels": resolved.labels,
    }
    return ModelObservation(versions=tuple(versions), deployments=tuple(deployments), **(fields | more))


def a_converged(model: DesiredModel, **more: Any) -> ModelObservation:
    """Trained, and deployed where the manifest asks for it."""
    deployed = model.resolved.deployment.deployed
    fields: dict[str, Any] = {
        "versions": (a_version(model.fingerprint, model.name),),
        "deployments": (a_deployment(model),) if deployed else (),
    }
    return an_observation(model, **(fields | more))


def a_snapshot(*models: ModelObservation, **more: Any) -> Snapshot:
    fields: dict[str, Any] = {
        "project": "acme-llms",
        "cloud": "local",
        "account": "000000000000",
        "region": "us-east-1",
        "observed_at": NOW,
    }
    return Snapshot(models=models, **(fields | more))


def a_configuration(*models: DesiredModel) -> Configuration:
    project = ProjectSettings(name="acme-llms", cloud="local", region="us-east-1", bucket="acme-llms-artifacts")
    resolved = tuple(model.resolved for model in models)
    return Configuration(project=project, models=resolved, digest=digest([m.model_dump(mode="json") for m in resolved]))


def _default_deployment(provider: ProviderName) -> dict[str, Any]:
    if provider is SAGEMAKER:
        return {"kind": DeploymentKind.REAL_TIME, "instance_type": "ml.g5.2xlarge"}
    return {"kind": DeploymentKind.PROVISIONED, "model_units": 1, "commitment": "none"}
