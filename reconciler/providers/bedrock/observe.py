"""What the project owns on Bedrock: four lists, then the tags of what can be ours.

The lists carry no tags, so each candidate is asked for its own: every custom model, since an imported one keeps the name that it
was given elsewhere; a job only where its name has the shape that ours have, and not at all while its custom model, which has the
same tags, is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciler.domain.desired import DeploymentKind
from reconciler.domain.naming import is_legal_name
from reconciler.domain.observation import Artifact, Deployment, DeploymentPhase, TrainingPhase, TrainingRun
from reconciler.domain.outcome import Fault
from reconciler.domain.tags import DISCARDED, Owner
from reconciler.providers.assembly import Piece
from reconciler.providers.aws.faults import fault_from_reason
from reconciler.providers.aws.parallel import together
from reconciler.providers.aws.tags import labels_in
from reconciler.providers.bedrock.client import BedrockApi, Described
from reconciler.providers.bedrock.statuses import COMMITMENT, deployment_phase, job_phase, throughput_phase
from reconciler.providers.metrics import finite

COMPUTED_NAME = re.compile(r"[A-Za-z0-9](-?[A-Za-z0-9])*-[0-9a-f]{8}(-r[1-9][0-9]*)?", re.ASCII)
"""What ``naming.version_name`` makes."""


@dataclass(frozen=True)
class Owned:
    owner: Owner
    tags: Mapping[str, str]
    facts: Described

    def piece(self, **what: Any) -> Piece:
        return Piece(owner=self.owner, labels=labels_in(self.tags), **what)


def pieces(api: BedrockApi, project: str) -> Iterator[Piece]:
    """Everything that carries the project's owner tags."""
    models = [*_owned(api, api.custom_models(), "modelArn", project)]
    by_arn = {model.facts["modelArn"]: model for model in models}
    jobs = _own_jobs(api, by_arn, project)
    yield from _trainings(api, jobs)
    yield from (model.piece(artifact=_artifact(model.facts)) for model in models)
    fingerprints = {arn: model.owner.fingerprint for arn, model in by_arn.items()}
    yield from _throughputs(api, project, fingerprints)
    yield from _deployments(api, project, fingerprints)


def _owned(api: BedrockApi, candidates: Iterable[Described], arn: str, project: str) -> Iterator[Owned]:
    listed = [*candidates]
    for facts, tags in zip(listed, together(lambda facts: api.tags(facts[arn]), listed), strict=True):
        owner = Owner.from_tags(tags or {})
        if owner is not None and owner.project == project:
            yield Owned(owner, tags or {}, facts)


def _own_jobs(api: BedrockApi, models: Mapping[str, Owned], project: str) -> list[Owned]:
    """A job whose custom model is ours is ours; the others are asked."""
    listed = [*api.jobs()]
    made = [job for job in listed if job.get("customModelArn") in models]
    unmade = [job for job in listed if job.get("customModelArn") not in models]
    others = [job for job in unmade if COMPUTED_NAME.fullmatch(job["jobName"])]
    known = [Owned(models[job["customModelArn"]].owner, models[job["customModelArn"]].tags, job) for job in made]
    return [*known, *_owned(api, others, "jobArn", project)]


# -- trainings


def _trainings(api: BedrockApi, jobs: list[Owned]) -> Iterator[Piece]:
    """Failed jobs are asked why, completed ones for their metrics; of a discarded one only its number still counts."""
    described = together(lambda job: api.job(job.facts["jobArn"]) if _has_more(job) else None, jobs)
    for job, more in zip(jobs, described, strict=True):
        yield job.piece(run=training_run({**job.facts, **(more or {})}, job.owner, discarded=_is_discarded(job)))


def _has_more(job: Owned) -> bool:
    ended = job_phase(job.facts["status"]) in (TrainingPhase.FAILED, TrainingPhase.COMPLETED)
    return ended and not _is_discarded(job)


def _is_discarded(job: Owned) -> bool:
    return job.tags.get(DISCARDED) == "true"


def training_run(facts: Mapping[str, Any], owner: Owner, *, discarded: bool = False) -> TrainingRun:
    """A listed or described customization job in the domain's terms."""
    phase = job_phase(facts["status"])
    reason = facts.get("failureMessage")
    return TrainingRun(
        name=facts["jobName"],
        identifier=facts["jobArn"],
        attempt=owner.attempt,
        phase=phase,
        detail=_detail(facts) if phase is TrainingPhase.IN_PROGRESS else facts["status"],
        created_at=facts.get("creationTime"),
        ended_at=facts.get("endTime"),
        failure=_failure(phase, reason),
        metrics=_metrics(facts),
        created_by=owner.created_by,
        discarded=discarded,
    )


def _failure(phase: TrainingPhase, reason: str | None) -> Fault | None:
    if phase is not TrainingPhase.FAILED:
        return None
    return fault_from_reason(reason or "Bedrock gave no reason")


def _detail(facts: Mapping[str, Any]) -> str:
    """The phase under way: ``validation``, ``dataProcessing``, ``training``; a status that is new to us as it is."""
    details = facts.get("statusDetails") or {}
    for phase in ("training", "dataProcessing", "validation"):
        if (details.get(f"{phase}Details") or {}).get("status") == "InProgress":
            return phase
    return str(facts["status"])


def _metrics(facts: Mapping[str, Any]) -> dict[str, Decimal]:
    """Final losses; of several validators the first, which is the only one that we send."""
    training = (facts.get("trainingMetrics") or {}).get("trainingLoss")
    validation = next((metric.get("validationLoss") for metric in facts.get("validationMetrics") or ()), None)
    return finite((("train_loss", training), ("eval_loss", validation)))


def _artifact(facts: Mapping[str, Any]) -> Artifact:
    return Artifact(
        identifier=facts["modelArn"],
        name=facts["modelName"],
        created_at=facts.get("creationTime"),
        ready=facts.get("modelStatus", "Active") == "Active",
    )


# -- what serves


def _throughputs(api: BedrockApi, project: str, fingerprints: Mapping[str, str | None]) -> Iterator[Piece]:
    listed = [facts for facts in api.throughputs() if is_legal_name(facts["provisionedModelName"])]
    owned = [*_owned(api, listed, "provisionedModelArn", project)]
    yield from _served(
        owned, lambda one: _throughput(one, _why(api.throughput, one, "provisionedModelArn"), fingerprints)
    )


def _deployments(api: BedrockApi, project: str, fingerprints: Mapping[str, str | None]) -> Iterator[Piece]:
    """Each of ours is described: the list does not tell whether an update is under way."""
    listed = [facts for facts in api.deployments() if is_legal_name(facts["customModelDeploymentName"])]
    owned = [*_owned(api, listed, "customModelDeploymentArn", project)]
    described = together(lambda one: api.deployment(one.facts["customModelDeploymentArn"]), owned)
    present = [Owned(one.owner, one.tags, facts) for one, facts in zip(owned, described, strict=True) if facts]
    yield from _served(present, lambda one: _deployment(one, fingerprints))


def _served(owned: Iterable[Owned], told: Callable[[Owned], Deployment]) -> Iterator[Piece]:
    return (one.piece(deployment=told(one)) for one in owned)


def _why(get: Callable[[str], Described | None], one: Owned, arn: str) -> str | None:
    """Why it failed, which the list does not tell."""
    if one.facts["status"] != "Failed":
        return None
    return (get(one.facts[arn]) or {}).get("failureMessage") or "Bedrock gave no reason"


def _throughput(one: Owned, reason: str | None, fingerprints: Mapping[str, str | None]) -> Deployment:
    facts = one.facts
    serves, asked = facts["modelArn"], facts.get("desiredModelArn") or facts["modelArn"]
    phase = throughput_phase(facts["status"], serves_what_was_asked=serves == asked)
    return Deployment(
        name=facts["provisionedModelName"],
        identifier=facts["provisionedModelArn"],
        kind=DeploymentKind.PROVISIONED,
        phase=phase,
        **_versions(phase, fingerprints.get(serves), fingerprints.get(asked), one.owner),
        model_units=facts.get("modelUnits"),
        commitment=COMMITMENT.get(facts.get("commitmentDuration"), facts.get("commitmentDuration")),
        commitment_ends_at=facts.get("commitmentExpirationTime"),
        created_at=facts.get("creationTime"),
        updated_at=facts.get("lastModifiedTime"),
        failure=fault_from_reason(reason) if reason else None,
        owner=one.owner,
    )


def _deployment(one: Owned, fingerprints: Mapping[str, str | None]) -> Deployment:
    facts = one.facts
    update = facts.get("updateDetails") or {}
    phase = deployment_phase(facts["status"], update.get("updateStatus"))
    serves = fingerprints.get(facts["modelArn"])
    if phase is DeploymentPhase.UPDATE_FAILED and one.owner.fingerprint == serves:
        phase = DeploymentPhase.IN_SERVICE  # an update of before failed, and what serves was settled on since
    reason = facts.get("failureMessage") if phase is not DeploymentPhase.IN_SERVICE else None
    return Deployment(
        name=facts["modelDeploymentName"],
        identifier=facts["customModelDeploymentArn"],
        kind=DeploymentKind.ON_DEMAND,
        phase=phase,
        **_versions(phase, serves, fingerprints.get(update.get("modelArn", "")), one.owner),
        created_at=facts.get("createdAt"),
        updated_at=facts.get("lastUpdatedAt"),
        failure=fault_from_reason(reason) if reason else None,
        owner=one.owner,
    )


def _versions(phase: DeploymentPhase, serves: str | None, asked: str | None, owner: Owner) -> dict[str, Any]:
    """Which version serves, which one it moves to, and whether Bedrock went back on what was asked for last."""
    nothing_serves = phase in (DeploymentPhase.CREATING, DeploymentPhase.FAILED)
    settled = phase in (DeploymentPhase.IN_SERVICE, DeploymentPhase.UPDATE_FAILED)
    known = serves is not None and owner.fingerprint is not None
    return {
        "fingerprint": None if nothing_serves else serves,
        "target_fingerprint": (asked or serves) if phase is DeploymentPhase.UPDATING else serves,
        "rolled_back": settled and known and serves != owner.fingerprint,
    }
