"""What the project owns on SageMaker: three searches by tag, then a closer look at what moves, failed or serves.

Search is an index that lags a little behind. What it shows as moving, failed or at odds with its tags is therefore
described; what it does not show yet is met again by name when it is created ("exists and is ours").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciler.domain.desired import DeploymentKind
from reconciler.domain.naming import short
from reconciler.domain.observation import Artifact, Deployment, DeploymentPhase, TrainingPhase, TrainingRun
from reconciler.domain.tags import ENDPOINT_CONFIG, PROMOTED_FROM, ROLLING_TO, Owner
from reconciler.providers.assembly import Piece
from reconciler.providers.aws.faults import fault_from_reason
from reconciler.providers.aws.parallel import together
from reconciler.providers.aws.tags import labels_in, metrics_in, read_tags
from reconciler.providers.metrics import finite
from reconciler.providers.sagemaker.client import Described, SageMakerApi
from reconciler.providers.sagemaker.statuses import STOPPED_BY_LIMIT, endpoint_phase, training_phase

MOVING = frozenset({TrainingPhase.IN_PROGRESS, TrainingPhase.STOPPING})
UNSERVED = frozenset({DeploymentPhase.FAILED, DeploymentPhase.UPDATE_FAILED})
CONFIG_NAME = re.compile(r".+-([0-9a-f]{8})-[0-9a-f]{4}")


@dataclass(frozen=True)
class Owned:
    """A record with its owner. ``facts`` are as Describe gives them."""

    owner: Owner
    tags: Mapping[str, str]
    facts: Described

    def piece(self, **what: Any) -> Piece:
        return Piece(owner=self.owner, labels=labels_in(self.tags), **what)


def pieces(api: SageMakerApi, project: str) -> Iterator[Piece]:
    """Everything that carries the project's owner tags."""
    jobs = [*_fresh_jobs(api, _owned(api.search("TrainingJob", project), project))]
    models = [*_owned((record["Model"] for record in api.search("Model", project) if "Model" in record), project)]
    endpoints = [*_fresh_endpoints(api, _owned(api.search("Endpoint", project), project))]
    configs = _serving_configs(api, endpoints)
    yield from (_training(job) for job in jobs)
    yield from (_model(model) for model in models)
    serving = {model.facts["ModelName"]: model.owner.fingerprint for model in models}
    images = {model.facts["ModelName"]: _image(model.facts) for model in models}
    autoscaled = _autoscaled(api, endpoints, configs)
    yield from (_deployment(endpoint, configs, serving, images, autoscaled) for endpoint in endpoints)
    fingerprints = {thing.owner.fingerprint for thing in (*jobs, *models) if thing.owner.fingerprint}
    in_use = {name for endpoint in endpoints for name in _held_configs(endpoint)}
    yield from _unused_configs(api, project, fingerprints, in_use=in_use)


def _owned(records: Iterable[Described], project: str) -> Iterator[Owned]:
    """Search compares as it likes; the tags decide."""
    for record in records:
        tags = read_tags(record.get("Tags") or ())
        owner = Owner.from_tags(tags)
        if owner is not None and owner.project == project:
            yield Owned(owner, tags, record)


def _fresh_jobs(api: SageMakerApi, found: Iterable[Owned]) -> Iterator[Owned]:
    jobs = [*found]
    moving = [job for job in jobs if training_phase(job.facts["TrainingJobStatus"]) in MOVING]
    described = dict(
        zip(
            (job.facts["TrainingJobName"] for job in moving),
            together(lambda job: api.training_job(job.facts["TrainingJobName"]), moving),
            strict=True,
        )
    )
    for job in jobs:
        facts = described.get(job.facts["TrainingJobName"], job.facts)
        if facts is not None:
            yield Owned(job.owner, job.tags, facts)


def _fresh_endpoints(api: SageMakerApi, found: Iterable[Owned]) -> Iterator[Owned]:
    endpoints = [*found]
    unsettled = [endpoint for endpoint in endpoints if not _is_settled(endpoint)]
    described = dict(
        zip(
            (endpoint.facts["EndpointName"] for endpoint in unsettled),
            together(lambda endpoint: _described_with_tags(api, endpoint), unsettled),
            strict=True,
        )
    )
    for endpoint in endpoints:
        fresh = described.get(endpoint.facts["EndpointName"], endpoint)
        if fresh is not None:
            yield fresh


def _is_settled(endpoint: Owned) -> bool:
    asked = endpoint.tags.get(ENDPOINT_CONFIG)
    in_service = endpoint_phase(endpoint.facts["EndpointStatus"]) is DeploymentPhase.IN_SERVICE
    return in_service and asked in (None, endpoint.facts["EndpointConfigName"])


def _described_with_tags(api: SageMakerApi, endpoint: Owned) -> Owned | None:
    """``None`` where it is gone by now. Its tags are read again, too: a roll-back is judged by them."""
    facts = api.endpoint(endpoint.facts["EndpointName"])
    if facts is None:
        return None
    tags = api.tags(facts["EndpointArn"])
    return Owned(Owner.from_tags(tags) or endpoint.owner, tags, facts)


def _serving_configs(api: SageMakerApi, endpoints: Iterable[Owned]) -> dict[str, Described | None]:
    """Every configuration that an endpoint of ours serves or was asked to serve; ``None``: it was deleted meanwhile."""
    asked = [endpoint.tags.get(ENDPOINT_CONFIG) for endpoint in endpoints]
    held = [name for endpoint in endpoints for name in _held_configs(endpoint)]
    names = sorted({name for name in (*asked, *held) if name})
    return dict(zip(names, together(api.endpoint_config, names), strict=True))


def _held_configs(endpoint: Owned) -> tuple[str, ...]:
    """The configuration that serves, and the one that an update is bringing in, where SageMaker tells."""
    pending = (endpoint.facts.get("PendingDeploymentSummary") or {}).get("EndpointConfigName")
    return tuple(name for name in (endpoint.facts["EndpointConfigName"], pending) if name)


def _autoscaled(
    api: SageMakerApi, endpoints: Iterable[Owned], configs: Mapping[str, Described | None]
) -> frozenset[str]:
    """Endpoints whose instance count is not their configuration's because it is scaled. By hand, where nothing scales it.

    Where that may not be asked, it counts as scaled: what somebody needs is not taken away on a guess.
    """
    moved = [endpoint for endpoint in endpoints if _is_other_count(endpoint, configs)]
    variants = [_only_variant(configs.get(endpoint.facts["EndpointConfigName"])) for endpoint in moved]
    asked = [(each.facts["EndpointName"], str(of.get("VariantName"))) for each, of in zip(moved, variants, strict=True)]
    answers = together(lambda pair: api.is_autoscaled(*pair), asked)
    return frozenset(name for (name, _), answer in zip(asked, answers, strict=True) if answer is not False)


def _is_other_count(endpoint: Owned, configs: Mapping[str, Described | None]) -> bool:
    variant = _only_variant(configs.get(endpoint.facts["EndpointConfigName"]))
    count = _instance_count(endpoint.facts, variant)
    in_service = endpoint_phase(endpoint.facts["EndpointStatus"]) is DeploymentPhase.IN_SERVICE
    return in_service and count != variant.get("InitialInstanceCount", count)


def _training(job: Owned) -> Piece:
    run = training_run(job.facts, job.owner)
    return job.piece(run=run, artifact=_artifact(job.facts, run))


def _model(model: Owned) -> Piece:
    """Of a version that was promoted, the SageMaker model alone tells where the artifact lies."""
    arn, promoted_from = model.facts["ModelArn"], model.tags.get(PROMOTED_FROM)
    uri = (model.facts.get("PrimaryContainer") or {}).get("ModelDataUrl")
    if not promoted_from or not uri:
        return model.piece(leftover=arn)
    artifact = Artifact(identifier=uri, name=model.facts["ModelName"], created_at=model.facts.get("CreationTime"))
    metrics = metrics_in(model.tags)
    return model.piece(leftover=arn, artifact=artifact, promoted_from=promoted_from, metrics=metrics)


def training_run(facts: Mapping[str, Any], owner: Owner) -> TrainingRun:
    """A described (or found) training job in the domain's terms."""
    status = facts["TrainingJobStatus"]
    secondary = facts.get("SecondaryStatus") or status
    reason = facts.get("FailureReason")
    resources = facts.get("ResourceConfig") or {}
    return TrainingRun(
        name=facts["TrainingJobName"],
        identifier=facts["TrainingJobArn"],
        attempt=owner.attempt,
        phase=training_phase(status),
        detail=status if training_phase(status) is TrainingPhase.STOPPING else secondary,
        created_at=facts.get("CreationTime"),
        ended_at=facts.get("TrainingEndTime"),
        failure=fault_from_reason(reason) if reason else None,
        stopped_by_limit=secondary in STOPPED_BY_LIMIT,
        instance_type=resources.get("InstanceType"),
        instance_count=resources.get("InstanceCount"),
        billable_seconds=facts.get("BillableTimeInSeconds"),
        metrics=_metrics(facts),
        created_by=owner.created_by,
    )


def _metrics(facts: Mapping[str, Any]) -> dict[str, Decimal]:
    """``eval:loss``, as SageMaker's own algorithms spell it, is ``eval_loss`` here."""
    found = facts.get("FinalMetricDataList") or ()
    return finite((metric["MetricName"].replace(":", "_"), metric["Value"]) for metric in found)


def _artifact(facts: Mapping[str, Any], run: TrainingRun) -> Artifact | None:
    uri = (facts.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
    if run.phase is not TrainingPhase.COMPLETED or not uri:
        return None
    return Artifact(identifier=uri, name=run.name, created_at=run.ended_at)


def _image(model: Described) -> str | None:
    return (model.get("PrimaryContainer") or {}).get("Image")


def _deployment(
    endpoint: Owned,
    configs: Mapping[str, Described | None],
    serving: Mapping[str, str | None],
    images: Mapping[str, str | None],
    autoscaled: frozenset[str],
) -> Piece:
    """The endpoint as a deployment.

    ============== =========================== ==========================================
    phase          fingerprint                 target_fingerprint
    ============== =========================== ==========================================
    creating       none: nothing serves yet    of its configuration
    failed         none                        of its configuration
    updating       of its configuration        of the pending configuration, else of the one asked for
    any other      of its configuration        the same
    ============== =========================== ==========================================
    """
    facts = endpoint.facts
    phase = endpoint_phase(facts["EndpointStatus"])
    current, *pending = _held_configs(endpoint)
    asked = endpoint.tags.get(ENDPOINT_CONFIG)
    held = _fingerprint(configs.get(current), serving)
    moving_to = _fingerprint(configs.get(pending[0] if pending else asked or ""), serving) or held
    variant = _only_variant(configs.get(current))
    rolled_back = _is_rolled_back(phase, held, current, endpoint.tags)
    reason = facts.get("FailureReason") if rolled_back or phase in UNSERVED else None
    return endpoint.piece(
        deployment=Deployment(
            name=facts["EndpointName"],
            identifier=facts["EndpointArn"],
            kind=DeploymentKind.REAL_TIME,
            phase=phase,
            fingerprint=None if phase in (DeploymentPhase.CREATING, DeploymentPhase.FAILED) else held,
            target_fingerprint=moving_to if phase is DeploymentPhase.UPDATING else held,
            instance_type=variant.get("InstanceType"),
            instance_count=_instance_count(facts, variant),
            image=images.get(variant.get("ModelName", "")),
            autoscaled=facts["EndpointName"] in autoscaled,
            created_at=facts.get("CreationTime"),
            updated_at=facts.get("LastModifiedTime"),
            failure=fault_from_reason(reason) if reason else None,
            configuration=current,
            variant=variant.get("VariantName"),
            owner=endpoint.owner,
            rolled_back=rolled_back,
        )
    )


def _is_rolled_back(phase: DeploymentPhase, held: str | None, current: str, tags: Mapping[str, str]) -> bool:
    """Nothing moves, a configuration of ours serves, and it is not what was asked for last.

    A roll that was cut off between the update and its last tag serves what it was rolling to: that is no roll-back. Nor is a
    configuration that somebody else made: AWS goes back to what was there before.
    """
    settled = phase in (DeploymentPhase.IN_SERVICE, DeploymentPhase.UPDATE_FAILED)
    ours = held is not None and _version_in(current) == short(held)
    asked = tags.get(ENDPOINT_CONFIG)
    return settled and ours and asked not in (None, current) and tags.get(ROLLING_TO) != current


def _fingerprint(config: Described | None, serving: Mapping[str, str | None]) -> str | None:
    """By the model that the configuration names; ``None`` where that is none of ours."""
    return serving.get(_only_variant(config).get("ModelName", ""))


def _only_variant(config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    variants: list[Described] = (config or {}).get("ProductionVariants") or [{}]
    return variants[0]


def _instance_count(facts: Mapping[str, Any], variant: Mapping[str, Any]) -> int | None:
    """What runs or is about to; the configuration's where the endpoint does not say."""
    live = _only_variant(facts)
    count = live.get("DesiredInstanceCount") or live.get("CurrentInstanceCount") or variant.get("InitialInstanceCount")
    return None if count is None else int(count)


def _unused_configs(
    api: SageMakerApi, project: str, fingerprints: Iterable[str], *, in_use: set[str]
) -> Iterator[Piece]:
    """Configurations of known versions that no endpoint of ours uses; only those of a matching name are asked for tags."""
    versions = {short(fingerprint) for fingerprint in fingerprints}
    if not versions:
        return
    named = [c for c in api.endpoint_configs() if _version_in(c["EndpointConfigName"]) in versions]
    unused = [config for config in named if config["EndpointConfigName"] not in in_use]
    tagged = together(lambda config: api.tags(config["EndpointConfigArn"]), unused)
    for config, tags in zip(unused, tagged, strict=True):
        owner = Owner.from_tags(tags)
        if owner is not None and owner.project == project:
            yield Piece(owner=owner, labels=labels_in(tags), leftover=config["EndpointConfigArn"])


def _version_in(config: str) -> str | None:
    named = CONFIG_NAME.fullmatch(config)
    return named[1] if named else None
