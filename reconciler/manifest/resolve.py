"""A checked FineTunedModel → ResolvedModel: every field has its value, and it is known where from.

Order: the manifest, the Project's defaults, the catalog's word on the base model, the table in ``defaults.py``.
"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

from reconciler.domain.catalog import HyperparameterRule, ProviderName
from reconciler.domain.desired import (
    DeploymentKind,
    DesiredDeployment,
    Hyperparameters,
    Origin,
    ResolvedModel,
    TrainingResources,
    UndeployRule,
    ValidationPlan,
)
from reconciler.domain.hours import canonical_hours
from reconciler.domain.kinds.fine_tuned_model import (
    AutoUndeploy,
    DeploymentChoice,
    Lifecycle,
    Resources,
    SplitValidation,
    Throughput,
    WeightsChoice,
)
from reconciler.manifest import defaults
from reconciler.manifest.checks.data import has_validation
from reconciler.manifest.checks.hyperparameters import given
from reconciler.manifest.document import spelled
from reconciler.manifest.merge import HYPERPARAMETER_PATHS
from reconciler.manifest.optional import completed
from reconciler.manifest.view import ModelView


def resolve(view: ModelView) -> ResolvedModel:
    """Needs a view without errors: provider, base model and training data are known."""
    assert view.provider is not None
    assert view.base is not None
    assert view.training is not None
    spec, metadata = view.spec, view.shaped.metadata
    lifecycle = spec.lifecycle or Lifecycle()
    retention = spec.retention.keep_versions if spec.retention else None
    model = ResolvedModel(
        name=view.shaped.name or "",
        labels=metadata.labels if metadata else {},
        description=metadata.description if metadata else "",
        renamed_from=metadata.renamed_from if metadata else None,
        where=view.shaped.where,
        provider=view.provider,
        base_model=view.base.key,
        weights=view.weights,
        weights_uri=_weights(view),
        accept_eula=_or(spec.accept_eula, False),
        parent=view.parent,
        training_data=view.training,
        validation=_validation(view),
        system_prompt=(spec.dataset.system_prompt if spec.dataset else None) or "",
        resources=_resources(view) if view.provider is ProviderName.SAGEMAKER else None,
        hyperparameters=_hyperparameters(view),
        revision=_or(spec.revision, defaults.REVISION),
        training_stopped=spec.training is not None and spec.training.state == "stopped",
        promotion=spec.promotion or (),
        deployment=_deployment(view, spec.deployment or DeploymentChoice()),
        keep_versions=_or(retention, defaults.KEEP_VERSIONS),
        prevent_destroy=_or(lifecycle.prevent_destroy, defaults.PREVENT_DESTROY),
        training_retries=_or(lifecycle.training_retries, defaults.TRAINING_RETRIES),
        deletion_policy=_or(lifecycle.deletion_policy, defaults.DELETION_POLICY),
    )
    return model.model_copy(update={"origins": _origins(view, model)})


def _weights(view: ModelView) -> str | None:
    chosen = view.spec.base_model
    return f"{chosen.weights.rstrip('/')}/" if isinstance(chosen, WeightsChoice) else None


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _validation(view: ModelView) -> ValidationPlan:
    choice = view.spec.dataset.validation if view.spec.dataset else None
    if isinstance(choice, SplitValidation):
        return ValidationPlan(split_percent=choice.split, split_seed=defaults.SPLIT_SEED)
    return ValidationPlan(source=view.validation)


def _resources(view: ModelView) -> TrainingResources:
    resources = view.spec.resources or Resources()
    offer = view.base.sagemaker if view.base else None
    usual = (offer.default_training_instance_type if offer else None) or defaults.TRAINING_INSTANCE_TYPE
    return TrainingResources(
        instance_type=_or(resources.instance_type, usual),
        instance_count=_or(resources.instance_count, defaults.INSTANCE_COUNT),
        volume_size_gb=_or(resources.volume_size_gb, defaults.VOLUME_SIZE_GB),
        fallback_instance_types=resources.fallback_instance_types or (),
        max_runtime=_or(resources.max_runtime, defaults.MAX_RUNTIME),
        spot=_or(resources.spot, defaults.SPOT),
        image=resources.image,
    )


def _hyperparameters(view: ModelView) -> Hyperparameters:
    values = {name: _hyperparameter(view, name) for name in HYPERPARAMETER_PATHS}
    optional = view.data.get("hyperparameters", {}).get("optional", {})
    return Hyperparameters(
        epochs=_integer(values["epochs"]),
        learning_rate=values["learningRate"],
        batch_size=_integer(values["batchSize"]),
        warmup_steps=_integer(values["warmupSteps"]),
        early_stopping_patience=_integer(values["earlyStopping.patience"]),
        early_stopping_threshold=values["earlyStopping.threshold"],
        optional=completed(optional),
    )


def _integer(value: Decimal | None) -> int | None:
    return None if value is None else int(value)


_EARLY_STOPPING = {
    "earlyStopping.patience": Decimal(defaults.EARLY_STOPPING_PATIENCE),
    "earlyStopping.threshold": defaults.EARLY_STOPPING_THRESHOLD,
}


def _hyperparameter(view: ModelView, name: str) -> Decimal | None:
    """
    ====================================  ============================================
    given                                 as given
    the base model has none               None
    early stopping, where it is off       None
    all else                              the catalog's default, or None: not sent
    ====================================  ============================================
    """
    assert view.base is not None
    assert view.provider is not None
    rule: HyperparameterRule | None = view.base.rule(view.provider, name)
    if rule is None or name in (asked := given(view)):
        return asked[name] if rule is not None else None
    if name in _EARLY_STOPPING and not _stops_early(view):
        return None
    return _EARLY_STOPPING.get(name) if rule.default is None else rule.default


def _stops_early(view: ModelView) -> bool:
    """On SageMaker where the manifest asks for it; Bedrock's models that can, do where there is validation data."""
    asked = view.given("hyperparameters", "earlyStopping")
    return asked or (view.provider is ProviderName.BEDROCK and has_validation(view))


def _deployment(view: ModelView, choice: DeploymentChoice) -> DesiredDeployment:
    kind = _kind(view, choice)
    common: dict[str, Any] = {
        "deployed": choice.state == "deployed",
        "kind": kind,
        "undeploy": _undeploy(choice.auto_undeploy),
        "idle": choice.idle,
    }
    match kind:
        case DeploymentKind.REAL_TIME:
            offer = view.base.sagemaker if view.base else None
            usual = (offer.default_hosting_instance_type if offer else None) or defaults.HOSTING_INSTANCE_TYPE
            instance = _or(choice.instance_type, usual)
            count, image = choice.instance_count, choice.image
            return DesiredDeployment(**common, instance_type=instance, instance_count=count, image=image)
        case DeploymentKind.PROVISIONED:
            throughput = choice.throughput or Throughput(
                model_units=defaults.MODEL_UNITS, commitment=defaults.COMMITMENT
            )
            return DesiredDeployment(**common, model_units=throughput.model_units, commitment=throughput.commitment)
        case DeploymentKind.ON_DEMAND:
            return DesiredDeployment(**common)


def _kind(view: ModelView, choice: DeploymentChoice) -> DeploymentKind:
    if view.provider is ProviderName.SAGEMAKER:
        return DeploymentKind.REAL_TIME
    return DeploymentKind.ON_DEMAND if choice.on_demand else DeploymentKind.PROVISIONED


def _undeploy(rule: AutoUndeploy | None) -> UndeployRule | None:
    if rule is None:
        return None
    hours = canonical_hours(rule.hours) if rule.hours else None
    moment = rule.at.astimezone(UTC) if rule.at else None
    return UndeployRule(after=rule.after, at=moment, hours=hours, timezone=rule.timezone or defaults.TIMEZONE)


def _origins(view: ModelView, model: ResolvedModel) -> dict[str, Origin]:
    """What was given, as it was given; then by path all that was filled in."""
    known = {f"spec.{spelled(path)}": origin for path, origin in view.origins.items()}
    known.setdefault("spec.provider", Origin.DEFAULT)
    filled = (path for path, value in _filled(model).items() if value is not None and not _within(path, known))
    return {**known, **dict.fromkeys(filled, Origin.DEFAULT)}


def _within(path: str, known: dict[str, Origin]) -> bool:
    return any(given == path or given.startswith((f"{path}.", f"{path}[")) for given in known)


def _filled(model: ResolvedModel) -> dict[str, Any]:
    """Every field that has a default, by its path in the manifest."""
    resources, deployment, parameters = model.resources, model.deployment, model.hyperparameters
    paths: dict[str, Any] = {
        "spec.hyperparameters.epochs": parameters.epochs,
        "spec.hyperparameters.learningRate": parameters.learning_rate,
        "spec.hyperparameters.batchSize": parameters.batch_size,
        "spec.hyperparameters.warmupSteps": parameters.warmup_steps,
        "spec.hyperparameters.earlyStopping.patience": parameters.early_stopping_patience,
        "spec.hyperparameters.earlyStopping.threshold": parameters.early_stopping_threshold,
        "spec.dataset.validation": "none",
        "spec.revision": model.revision,
        "spec.training.state": "run",
        "spec.deployment.state": "undeployed",
        "spec.deployment.instanceType": deployment.instance_type,
        "spec.deployment.throughput.modelUnits": deployment.model_units,
        "spec.deployment.throughput.commitment": deployment.commitment,
        "spec.retention.keepVersions": model.keep_versions,
        "spec.lifecycle.preventDestroy": model.prevent_destroy,
        "spec.lifecycle.trainingRetries": model.training_retries,
        "spec.lifecycle.deletionPolicy": model.deletion_policy,
    }
    if resources is not None:
        paths |= {
            "spec.resources.instanceType": resources.instance_type,
            "spec.resources.instanceCount": resources.instance_count,
            "spec.resources.volumeSizeGB": resources.volume_size_gb,
            "spec.resources.maxRuntime": resources.max_runtime,
            "spec.resources.spot": resources.spot,
        }
    if model.hyperparameters.optional.get("use_lora") is True:
        lora = model.hyperparameters.optional["lora_config"]
        paths |= {f"spec.hyperparameters.optional.lora_config.{name}": value for name, value in lora.items()}
    return paths
