"""Bedrock looked at as a whole: every custom model and what serves it, whoever made it; and taking one over by its tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DeploymentKind
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.outcome import Outcome
from reconciler.domain.survey import Found, Holding, Importable, ResourceKind, Serving, Traffic, TrainingFacts
from reconciler.domain.tags import Owner
from reconciler.providers.aws.faults import answers, looks
from reconciler.providers.aws.metrics import bedrock_invocations, traffic
from reconciler.providers.aws.parallel import together
from reconciler.providers.bedrock.client import BedrockApi, Described
from reconciler.providers.bedrock.statuses import COMMITMENT
from reconciler.providers.retagging import adopt
from reconciler.providers.settings import ProviderSettings


class BedrockSurveyor:
    """See :class:`reconciler.domain.survey.Surveyor`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._api = BedrockApi(settings.aws, page_size=settings.page_size)

    @looks("looking at everything on Bedrock")
    def survey(self) -> tuple[Found, ...]:
        """Each thing is asked for its tags, which the lists do not carry."""
        models = self._with_owners(self._api.custom_models(), "modelArn")
        throughputs = self._with_owners(self._api.throughputs(), "provisionedModelArn")
        deployments = self._with_owners(self._api.deployments(), "customModelDeploymentArn")
        return (
            *(_model(facts, owner) for facts, owner in models),
            *(_throughput(facts, owner) for facts, owner in throughputs),
            *(_deployment(facts, owner) for facts, owner in deployments),
        )

    @looks("looking at what is to be imported")
    def look(self, kind: ResourceKind, name: str) -> Importable:
        """``name``: of the custom model, or its ARN. What serves it comes with it."""
        model = self._api.custom_model(name)
        if model is None:
            raise ReconcilerError(
                f"there is no {kind} {name} in this region", hint="`reconciler discover` lists what there is."
            )
        job = self._api.job(model["jobArn"]) if model.get("jobArn") else None
        serving = [*self._serving(model["modelArn"])]
        if len(serving) > 1:
            names = ", ".join(one.name for one, _ in serving)
            raise ReconcilerError(
                f"custom model {model['modelName']} is served {len(serving)} times: {names}",
                hint="A model here has one name for its clients: undeploy the others first.",
            )
        arns = (*((job["jobArn"],) if job else ()), model["modelArn"], *(arn for _, arn in serving))
        owners = [Owner.from_tags(self._api.tags(arn) or {}) for arn in arns]
        return Importable(
            found=_model(model, owners[1 if job else 0]),
            provider=ProviderName.BEDROCK,
            version=model["modelName"],
            facts=_facts(model, job),
            serving=serving[0][0] if serving else None,
            holdings=tuple(Holding(identifier=arn) for arn in arns),
            owners=tuple(owner for owner in owners if owner),
        )

    @answers
    def adopt(self, found: Importable, owner: Owner, labels: dict[str, str]) -> Outcome:
        return adopt(self._api, found, owner, labels)

    @looks("reading CloudWatch")
    def traffic(self, found: Found, now: datetime, days: int) -> Traffic | None:
        """Bedrock counts what is invoked under the ARN that clients call; it emits nothing for what nobody calls."""
        if found.kind not in (ResourceKind.THROUGHPUT, ResourceKind.MODEL_DEPLOYMENT):
            return None
        return traffic(self._settings.aws, bedrock_invocations(found.identifier), now, days)

    def _with_owners(self, listed: Iterable[Described], arn: str) -> Iterator[tuple[Described, Owner | None]]:
        things = [*listed]
        tags = together(lambda facts: self._api.tags(facts[arn]), things)
        return ((facts, Owner.from_tags(found or {})) for facts, found in zip(things, tags, strict=True))

    def _serving(self, model: str) -> Iterator[tuple[Serving, str]]:
        """What serves the custom model, with its ARN."""
        for facts in self._api.throughputs():
            if facts["modelArn"] == model:
                yield _provisioned(facts), facts["provisionedModelArn"]
        for facts in self._api.deployments():
            if facts["modelArn"] == model:
                name = facts["customModelDeploymentName"]
                yield Serving(name=name, kind=DeploymentKind.ON_DEMAND), facts["customModelDeploymentArn"]


def _model(facts: Mapping[str, Any], owner: Owner | None) -> Found:
    return Found(
        kind=ResourceKind.CUSTOM_MODEL,
        name=facts["modelName"],
        identifier=facts["modelArn"],
        provider=ProviderName.BEDROCK,
        status=facts.get("modelStatus") or "Active",
        created_at=facts.get("creationTime"),
        owner=owner,
        base=_base(facts.get("baseModelArn")),
    )


def _throughput(facts: Mapping[str, Any], owner: Owner | None) -> Found:
    return Found(
        kind=ResourceKind.THROUGHPUT,
        name=facts["provisionedModelName"],
        identifier=facts["provisionedModelArn"],
        provider=ProviderName.BEDROCK,
        status=facts["status"],
        created_at=facts.get("creationTime"),
        owner=owner,
        serves=facts["modelArn"],
        base=_base(facts.get("foundationModelArn")),
        model_units=facts.get("modelUnits"),
        commitment=_commitment(facts),
    )


def _deployment(facts: Mapping[str, Any], owner: Owner | None) -> Found:
    return Found(
        kind=ResourceKind.MODEL_DEPLOYMENT,
        name=facts["customModelDeploymentName"],
        identifier=facts["customModelDeploymentArn"],
        provider=ProviderName.BEDROCK,
        status=facts["status"],
        created_at=facts.get("createdAt"),
        owner=owner,
        serves=facts["modelArn"],
    )


def _provisioned(facts: Mapping[str, Any]) -> Serving:
    return Serving(
        name=facts["provisionedModelName"],
        kind=DeploymentKind.PROVISIONED,
        model_units=facts.get("modelUnits"),
        commitment=_commitment(facts),
    )


def _commitment(facts: Mapping[str, Any]) -> str:
    term = facts.get("commitmentDuration")
    return COMMITMENT.get(term) or str(term)


def _facts(model: Mapping[str, Any], job: Mapping[str, Any] | None) -> TrainingFacts:
    validators = (model.get("validationDataConfig") or {}).get("validators") or [{}]
    return TrainingFacts(
        base=_base(model.get("baseModelArn")),
        hyperparameters=model.get("hyperParameters") or (job or {}).get("hyperParameters") or {},
        training_uri=(model.get("trainingDataConfig") or {}).get("s3Uri"),
        validation_uri=validators[0].get("s3Uri"),
    )


def _base(arn: str | None) -> str | None:
    """``arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k`` → its last part."""
    return arn.rpartition("foundation-model/")[2] if arn and "foundation-model/" in arn else arn
