"""SageMaker looked at as a whole: every training job and endpoint, whoever made it; and taking one over by its tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DeploymentKind
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.observation import DeploymentPhase, TrainingPhase
from reconciler.domain.outcome import Outcome
from reconciler.domain.survey import Found, Holding, Importable, ResourceKind, Serving, Traffic, TrainingFacts
from reconciler.domain.tags import ENDPOINT_CONFIG, Owner
from reconciler.providers.aws.faults import answers, looks
from reconciler.providers.aws.metrics import endpoint_metrics, traffic
from reconciler.providers.aws.objects import only_file
from reconciler.providers.aws.paging import every
from reconciler.providers.aws.parallel import together
from reconciler.providers.aws.tags import read_tags
from reconciler.providers.retagging import adopt
from reconciler.providers.sagemaker.client import PAGE, Described, SageMakerApi
from reconciler.providers.sagemaker.statuses import endpoint_phase, training_phase
from reconciler.providers.settings import ProviderSettings

ARTIFACT = "/output/model.tar.gz"
"""SageMaker writes a job's model to ``<S3OutputPath>/<job name>/output/model.tar.gz``."""

JUMPSTART_TAG = "sagemaker-sdk:jumpstart-model-id"
"""The SageMaker SDK writes it on what JumpStart trains."""

BASE_HYPERPARAMETERS = ("model_id", "model_name_or_path", "model_name")
"""Where training programs for Hugging Face models are told which one to begin with."""

TRAINING_CHANNELS = ("training", "train")
VALIDATION_CHANNELS = ("validation", "eval", "test")


class SageMakerSurveyor:
    """See :class:`reconciler.domain.survey.Surveyor`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._api = SageMakerApi(settings.aws, page_size=settings.page_size)

    @looks("looking at everything on SageMaker")
    def survey(self) -> tuple[Found, ...]:
        jobs = [_job(record) for record in self._search("TrainingJob")]
        endpoints = [*self._search("Endpoint")]
        configs = together(lambda record: self._api.endpoint_config(record["EndpointConfigName"]), endpoints)
        return (*jobs, *(_endpoint(record, config) for record, config in zip(endpoints, configs, strict=True)))

    @looks("looking at what is to be imported")
    def look(self, kind: ResourceKind, name: str) -> Importable:
        if kind is ResourceKind.ENDPOINT:
            return self._endpoint_with_model(name)
        job = self._require_trained(name)
        tags = self._api.tags(job["TrainingJobArn"])
        return Importable(
            found=_job({**job, "Tags": _listed(tags)}),
            provider=ProviderName.SAGEMAKER,
            version=name,
            facts=self._facts(job, tags),
            holdings=(Holding(identifier=job["TrainingJobArn"]),),
            owners=_owners(tags),
        )

    @answers
    def adopt(self, found: Importable, owner: Owner, labels: dict[str, str]) -> Outcome:
        return adopt(self._api, found, owner, labels)

    @looks("reading CloudWatch")
    def traffic(self, found: Found, now: datetime, days: int) -> Traffic | None:
        """An endpoint in service emits CPUUtilization whether or not somebody calls it. It is idle where all its variants are."""
        if found.kind is not ResourceKind.ENDPOINT:
            return None
        endpoint = self._api.endpoint(found.name)
        variants: list[Described] = (endpoint or {}).get("ProductionVariants") or []
        if not variants:
            return None
        counted = [self._of_variant(found.name, variant["VariantName"], now, days) for variant in variants]
        known = [each for each in counted if each is not None]
        if len(known) < len(counted) and not any(each.invocations for each in known):
            return None
        return Traffic(
            days=days,
            invocations=sum(each.invocations for each in known),
            last_at=max((each.last_at for each in known if each.last_at), default=None),
        )

    def _of_variant(self, endpoint: str, variant: str, now: datetime, days: int) -> Traffic | None:
        used, alive = endpoint_metrics(endpoint, variant)
        return traffic(self._settings.aws, used, now, days, alive=alive)

    def _search(self, resource: str) -> Iterator[Described]:
        """Search without a filter: records come with their tags, which the lists do not have."""
        records = every(
            self._settings.aws.reading("sagemaker").search,
            "Results",
            Resource=resource,
            SortBy="CreationTime",
            SortOrder="Ascending",
            MaxResults=self._settings.page_size or PAGE,
        )
        return (record[resource] for record in records)

    # -- from an endpoint back to the training

    def _endpoint_with_model(self, name: str) -> Importable:
        """Endpoint → configuration → SageMaker model → artifact → the training job that wrote it."""
        endpoint = self._api.endpoint(name)
        if endpoint is None:
            raise _absent(ResourceKind.ENDPOINT, name)
        if endpoint_phase(endpoint["EndpointStatus"]) is not DeploymentPhase.IN_SERVICE:
            raise ReconcilerError(
                f"endpoint {name} is {endpoint['EndpointStatus']}", hint="Import it once it is InService."
            )
        config = self._api.endpoint_config(endpoint["EndpointConfigName"])
        variant = _only_variant(name, config)
        model = self._api.model(variant.get("ModelName", ""))
        job = self._require_trained(_job_name(name, model), of_endpoint=name)
        if job["ModelArtifacts"]["S3ModelArtifacts"] != _artifact(model):
            raise _no_training(
                name, f"training job {job['TrainingJobName']} wrote another artifact than the one it serves"
            )
        assert config is not None
        assert model is not None
        arns = (job["TrainingJobArn"], model["ModelArn"], config["EndpointConfigArn"], endpoint["EndpointArn"])
        tags = together(self._api.tags, list(arns))
        extra = {ENDPOINT_CONFIG: endpoint["EndpointConfigName"]}
        return Importable(
            found=_endpoint({**endpoint, "Tags": _listed(tags[-1])}, config),
            provider=ProviderName.SAGEMAKER,
            version=job["TrainingJobName"],
            facts=self._facts(job, tags[0]),
            serving=_serving(name, endpoint, variant),
            holdings=(*(Holding(identifier=arn) for arn in arns[:-1]), Holding(identifier=arns[-1], extra=extra)),
            owners=tuple(owner for each in tags for owner in _owners(each)),
        )

    def _facts(self, job: Mapping[str, Any], tags: Mapping[str, str]) -> TrainingFacts:
        """A channel is a prefix; training data is told by its one file where there is one."""
        facts = _facts(job, tags)
        uris = {"training_uri": facts.training_uri, "validation_uri": facts.validation_uri}
        return facts.model_copy(update={key: uri and only_file(self._settings.aws, uri) for key, uri in uris.items()})

    def _require_trained(self, name: str, *, of_endpoint: str = "") -> Described:
        job = self._api.training_job(name)
        if job is None and of_endpoint:
            raise _no_training(of_endpoint, f"training job {name}, which wrote what it serves, is not there")
        if job is None:
            raise _absent(ResourceKind.TRAINING_JOB, name)
        if training_phase(job["TrainingJobStatus"]) is not TrainingPhase.COMPLETED:
            raise ReconcilerError(
                f"training job {name} is {job['TrainingJobStatus']}", hint="Only a completed training can be imported."
            )
        return job


def _job(record: Mapping[str, Any]) -> Found:
    resources = record.get("ResourceConfig") or {}
    tags = read_tags(record.get("Tags") or ())
    return Found(
        kind=ResourceKind.TRAINING_JOB,
        name=record["TrainingJobName"],
        identifier=record["TrainingJobArn"],
        provider=ProviderName.SAGEMAKER,
        status=record["TrainingJobStatus"],
        created_at=record.get("CreationTime"),
        owner=Owner.from_tags(tags),
        base=_base(record, tags),
        instance_type=resources.get("InstanceType"),
        instance_count=resources.get("InstanceCount"),
    )


def _endpoint(record: Mapping[str, Any], config: Described | None) -> Found:
    """With the instances of all its variants. Where those are of several types, none is told: the price is unknown then, not too low."""
    variants: list[Described] = [
        *_variants(config, "ProductionVariants"),
        *_variants(config, "ShadowProductionVariants"),
    ]
    types = {variant.get("InstanceType") for variant in variants}
    return Found(
        kind=ResourceKind.ENDPOINT,
        name=record["EndpointName"],
        identifier=record["EndpointArn"],
        provider=ProviderName.SAGEMAKER,
        status=record["EndpointStatus"],
        created_at=record.get("CreationTime"),
        owner=Owner.from_tags(read_tags(record.get("Tags") or ())),
        serves=variants[0].get("ModelName") if variants else None,
        instance_type=types.pop() if len(types) == 1 else None,
        instance_count=_running(record, variants) or None,
    )


def _running(record: Mapping[str, Any], variants: Iterable[Described]) -> int:
    """Instances; a variant's as its configuration says where the endpoint does not tell."""
    told = [*_variants(record, "ProductionVariants"), *_variants(record, "ShadowProductionVariants")]
    live = {each.get("VariantName"): each.get("CurrentInstanceCount") for each in told}
    return sum(live.get(each["VariantName"]) or each.get("InitialInstanceCount") or 0 for each in variants)


def _variants(record: Mapping[str, Any] | None, kind: str) -> list[Described]:
    return (record or {}).get(kind) or []


def _facts(job: Mapping[str, Any], tags: Mapping[str, str]) -> TrainingFacts:
    resources, stopping = job.get("ResourceConfig") or {}, job.get("StoppingCondition") or {}
    longest = stopping.get("MaxRuntimeInSeconds")
    return TrainingFacts(
        base=_base(job, tags),
        hyperparameters=_own_hyperparameters(job),
        training_uri=_channel(job, TRAINING_CHANNELS),
        validation_uri=_channel(job, VALIDATION_CHANNELS),
        instance_type=resources.get("InstanceType"),
        instance_count=resources.get("InstanceCount"),
        volume_size_gb=resources.get("VolumeSizeInGB"),
        max_runtime=timedelta(seconds=longest) if longest else None,
        spot=job.get("EnableManagedSpotTraining"),
    )


def _base(job: Mapping[str, Any], tags: Mapping[str, str]) -> str | None:
    """The SDK writes hyperparameters as JSON, so a name may come in quotes."""
    sent = job.get("HyperParameters") or {}
    named = next((sent[key].strip('"') for key in BASE_HYPERPARAMETERS if sent.get(key)), None)
    return named or tags.get(JUMPSTART_TAG)


def _own_hyperparameters(job: Mapping[str, Any]) -> dict[str, str]:
    """Without what names the base model, and without what the SDK tells its container."""
    sent: Mapping[str, str] = job.get("HyperParameters") or {}
    return {
        key: value
        for key, value in sent.items()
        if key not in BASE_HYPERPARAMETERS and not key.startswith("sagemaker_")
    }


def _channel(job: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    channels = {channel["ChannelName"]: channel for channel in job.get("InputDataConfig") or ()}
    found = next((channels[name] for name in names if name in channels), None)
    source = (found or {}).get("DataSource", {}).get("S3DataSource", {})
    return source.get("S3Uri") if source.get("S3DataType") == "S3Prefix" else None


def _only_variant(endpoint: str, config: Described | None) -> Described:
    variants: list[Described] = (config or {}).get("ProductionVariants") or []
    if len(variants) != 1 or not variants[0].get("ModelName"):
        told = f"{len(variants)} production variants" if len(variants) != 1 else "inference components"
        raise ReconcilerError(
            f"endpoint {endpoint} has {told}",
            hint="Only an endpoint that serves one model in one variant can be imported.",
        )
    if not variants[0].get("InstanceType"):
        raise ReconcilerError(
            f"endpoint {endpoint} is serverless: it has no instances",
            hint="Only an endpoint on instances can be imported; its training can, by itself.",
        )
    return variants[0]


def _serving(name: str, endpoint: Mapping[str, Any], variant: Mapping[str, Any]) -> Serving:
    live: Mapping[str, Any] = (endpoint.get("ProductionVariants") or [{}])[0]
    return Serving(
        name=name,
        kind=DeploymentKind.REAL_TIME,
        instance_type=variant.get("InstanceType"),
        instance_count=live.get("CurrentInstanceCount") or variant.get("InitialInstanceCount"),
    )


def _artifact(model: Described | None) -> str | None:
    """S3 address of what a SageMaker model serves, however it was named."""
    several: list[Described] = (model or {}).get("Containers") or [{}]
    container: Described = (model or {}).get("PrimaryContainer") or several[0]
    source = ((container.get("ModelDataSource") or {}).get("S3DataSource") or {}).get("S3Uri")
    address = container.get("ModelDataUrl") or source
    return str(address) if address else None


def _job_name(endpoint: str, model: Described | None) -> str:
    artifact = _artifact(model)
    if artifact is None or not artifact.endswith(ARTIFACT):
        raise _no_training(endpoint, f"it serves {artifact or 'no artifact of its own'}, which no training job writes")
    return artifact.removesuffix(ARTIFACT).rpartition("/")[2]


def _owners(tags: Mapping[str, str]) -> tuple[Owner, ...]:
    owner = Owner.from_tags(tags)
    return (owner,) if owner else ()


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _absent(kind: ResourceKind, name: str) -> ReconcilerError:
    return ReconcilerError(
        f"there is no {kind} {name} in this region", hint="`reconciler discover` lists what there is."
    )


def _no_training(endpoint: str, why: str) -> ReconcilerError:
    return ReconcilerError(
        f"the training behind endpoint {endpoint} cannot be found: {why}",
        hint="A model is told by its training: what serves something else can be listed (`reconciler inventory`), not imported.",
    )
