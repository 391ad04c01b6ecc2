"""Orders of the engine as SageMaker's requests. Pure; the limits are those of botocore 1.44's service model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.catalog.query import base_of
from reconciler.domain.catalog import FoundationModel, ProviderName
from reconciler.domain.desired import DesiredModel, TrainingResources
from reconciler.domain.fingerprint import digest
from reconciler.domain.naming import container_name, endpoint_config_name
from reconciler.domain.observation import Artifact
from reconciler.domain.outcome import FaultKind
from reconciler.domain.ports import DeployOrder, RegisterOrder, TrainOrder
from reconciler.domain.tags import ENDPOINT_CONFIG, Owner
from reconciler.providers.aws.faults import Refused
from reconciler.providers.aws.tags import promotion_tags, resource_tags, sagemaker_tags
from reconciler.providers.hyperparameters import wire
from reconciler.providers.sagemaker.hosting import access, container, variation, weights_uri
from reconciler.providers.settings import ProviderSettings
from reconciler.training.archive import PROGRAM
from reconciler.training.metrics import NAMES as METRICS

VARIANT = "AllTraffic"
LOG_LEVEL = "20"
"""Python's INFO."""
MAX_WAIT_SECONDS = 2_419_200
"""28 days: the longest that a job may take, waiting for spot instances included."""
START_UP_SECONDS = 1800
"""For loading the weights and for the first health check of a large model; SageMaker allows 60 to 3,600."""

METRIC_DEFINITIONS = tuple({"Name": name, "Regex": rf"'{name}': '?([0-9.eE+\-]+)"} for name in METRICS)
"""The lines that the training program logs: ``{'eval_loss': 1.31, 'epoch': 2.0}``."""

Request = dict[str, Any]


def training_job(order: TrainOrder, settings: ProviderSettings) -> Request:
    """CreateTrainingJob, complete."""
    resources = _resources(order.model)
    base = foundation(order.model, settings)
    return {
        "TrainingJobName": order.name,
        "RoleArn": settings.roles.training,
        "AlgorithmSpecification": {
            "TrainingImage": resources.image or settings.training_image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [dict(metric) for metric in METRIC_DEFINITIONS],
        },
        "HyperParameters": _hyperparameters(order, base) | _launcher(order, settings),
        "Environment": _environment(order, settings),
        "InputDataConfig": [_channel(name, uri, order.model) for name, uri in _sources(order, base)],
        "OutputDataConfig": {"S3OutputPath": order.output_uri},
        "ResourceConfig": {
            "InstanceType": order.instance_type or resources.instance_type,
            "InstanceCount": resources.instance_count,
            "VolumeSizeInGB": resources.volume_size_gb,
        },
        "StoppingCondition": _stopping(resources),
        "EnableManagedSpotTraining": resources.spot,
        **_checkpoints(order, resources),
        "Tags": sagemaker_tags(resource_tags(order.owner, order.model.resolved.labels)),
    }


def model(order: DeployOrder, settings: ProviderSettings) -> Request:
    """CreateModel: the artifact in the inference container."""
    base = foundation(order.model, settings)
    return {
        "ModelName": model_name(order, settings),
        "PrimaryContainer": container(_artifact(order), order.model, order.version.fingerprint, base, settings),
        "ExecutionRoleArn": settings.roles.training,
        "Tags": version_tags(order),
    }


def model_name(order: DeployOrder, settings: ProviderSettings) -> str:
    """That of the training which made the artifact; a container that is not the usual one has a name of its own."""
    other = variation(order.model, foundation(order.model, settings), settings)
    if other is None:
        return _artifact(order).name
    return container_name(order.owner.model, order.version.fingerprint, order.owner.attempt, other)


def promoted_model(order: RegisterOrder, settings: ProviderSettings) -> Request:
    """CreateModel for an artifact that was trained in another project; its tags say so."""
    tags = resource_tags(order.owner, order.model.resolved.labels) | promotion_tags(order.promoted_from, order.metrics)
    base = foundation(order.model, settings)
    return {
        "ModelName": order.name,
        "PrimaryContainer": container(order.artifact, order.model, order.model.fingerprint, base, settings),
        "ExecutionRoleArn": settings.roles.training,
        "Tags": sagemaker_tags(tags),
    }


def _artifact(order: DeployOrder) -> Artifact:
    artifact = order.version.artifact
    assert artifact is not None, f"{order.name} is deployed from a version without an artifact"
    return artifact


def endpoint_config(order: DeployOrder, settings: ProviderSettings) -> Request:
    """CreateEndpointConfig. Configurations are immutable, so the name carries a digest of what it says."""
    return {
        "EndpointConfigName": config_name(order, settings),
        "ProductionVariants": [_variant(order, settings)],
        "Tags": version_tags(order),
    }


def config_name(order: DeployOrder, settings: ProviderSettings) -> str:
    """By model, version and a digest of SageMaker model, instance type and count."""
    variant = _variant(order, settings)
    told = {key: variant[key] for key in ("ModelName", "InstanceType", "InitialInstanceCount")}
    return endpoint_config_name(order.owner.model, order.version.fingerprint, digest(told).removeprefix("sha256:"))


def endpoint(order: DeployOrder, settings: ProviderSettings) -> Request:
    """CreateEndpoint."""
    config = config_name(order, settings)
    tags = endpoint_tags(order.owner, config, order.version.fingerprint)
    return {
        "EndpointName": order.name,
        "EndpointConfigName": config,
        "Tags": sagemaker_tags(resource_tags(order.owner, order.model.resolved.labels) | tags),
    }


def endpoint_tags(owner: Owner, config: str, fingerprint: str) -> dict[str, str]:
    """What was asked of the endpoint last; written again by every roll."""
    asked = owner.model_copy(update={"fingerprint": fingerprint})
    return asked.to_tags() | {ENDPOINT_CONFIG: config}


def version_tags(order: DeployOrder) -> list[dict[str, str]]:
    owner = order.owner.model_copy(update={"fingerprint": order.version.fingerprint})
    return sagemaker_tags(resource_tags(owner, order.model.resolved.labels))


def foundation(desired: DesiredModel, settings: ProviderSettings) -> FoundationModel:
    key = desired.resolved.base_model
    found = base_of(desired, settings.catalog)
    if found is None or found.sagemaker is None:
        raise Refused(FaultKind.TERMINAL, "UnknownBaseModel", f"the catalog does not offer {key} on SageMaker")
    return found


def _resources(desired: DesiredModel) -> TrainingResources:
    resources = desired.resolved.resources
    assert resources is not None, f"{desired.name} trains on SageMaker without resources"
    return resources


def _hyperparameters(order: TrainOrder, base: FoundationModel) -> dict[str, str]:
    """The manifest's, and where the weights come from: a Hugging Face repository, unless a channel has them."""
    assert base.sagemaker is not None
    chosen = wire(base, ProviderName.SAGEMAKER, order.model.resolved.hyperparameters)
    repository = base.sagemaker.hugging_face_repo
    return ({"model_id": repository} if repository else {}) | chosen


def _launcher(order: TrainOrder, settings: ProviderSettings) -> dict[str, str]:
    """What the launcher in AWS's containers reads: which program to fetch and start.

    https://github.com/aws/sagemaker-training-toolkit (``params.py``)
    """
    assert order.program_uri is not None, f"{order.name} trains without a program"
    return {
        "sagemaker_program": PROGRAM,
        "sagemaker_submit_directory": order.program_uri,
        "sagemaker_container_log_level": LOG_LEVEL,
        "sagemaker_region": settings.aws.settings.region,
        "sagemaker_job_name": order.name,
    }


def _environment(order: TrainOrder, settings: ProviderSettings) -> dict[str, str]:
    """Who trains; and, by reference only, the secret with the Hugging Face token."""
    secret = settings.hugging_face_token_secret
    return {
        "RECONCILER_PROJECT": order.owner.project,
        "RECONCILER_MODEL": order.owner.model,
        "RECONCILER_FINGERPRINT": order.model.fingerprint,
        **({"HF_TOKEN_SECRET_ARN": secret} if secret else {}),
    }


def _sources(order: TrainOrder, base: FoundationModel) -> Iterator[tuple[str, str]]:
    """The channels. A parent's artifact stands before the base model's own weights."""
    uris: Mapping[str, str | None] = {
        "training": order.data.training_uri,
        "validation": order.data.validation_uri,
        "model": order.parent.identifier if order.parent else weights_uri(order.model, base),
    }
    return ((name, uri) for name, uri in uris.items() if uri is not None)


def _channel(name: str, uri: str, desired: DesiredModel) -> Request:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source | access(uri, desired)}, "InputMode": "File"}


def _stopping(resources: TrainingResources) -> dict[str, int]:
    """A spot job may wait for instances as long as it may run."""
    longest = int(resources.max_runtime.total_seconds())
    waiting = {"MaxWaitTimeInSeconds": min(2 * longest, MAX_WAIT_SECONDS)} if resources.spot else {}
    return {"MaxRuntimeInSeconds": longest} | waiting


def _checkpoints(order: TrainOrder, resources: TrainingResources) -> Request:
    """A spot job that is interrupted goes on from its last checkpoint; others keep them where the manifest asks for some."""
    sft = order.model.resolved.hyperparameters.optional.get("sft_config") or {}
    if not resources.spot and sft.get("save_strategy", "no") == "no":
        return {}
    return {"CheckpointConfig": {"S3Uri": f"{order.output_uri.rstrip('/')}/checkpoints/{order.name}"}}


def _variant(order: DeployOrder, settings: ProviderSettings) -> Request:
    wanted = order.model.resolved.deployment
    hosts = {"InferenceAmiVersion": settings.inference_ami} if settings.inference_ami else {}
    return {
        "VariantName": VARIANT,
        "ModelName": model_name(order, settings),
        "InstanceType": wanted.instance_type,
        "InitialInstanceCount": order.instance_count or wanted.instance_count or 1,
        "InitialVariantWeight": 1.0,
        "ModelDataDownloadTimeoutInSeconds": START_UP_SECONDS,
        "ContainerStartupHealthCheckTimeoutInSeconds": START_UP_SECONDS,
        **hosts,
    }
