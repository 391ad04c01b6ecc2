"""Customization jobs: started once, stopped; their custom models deleted."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from reconciler.domain.observation import TrainingPhase, TrainingRun
from reconciler.domain.outcome import FaultKind, Outcome
from reconciler.domain.ports import TrainOrder
from reconciler.domain.tags import DISCARDED, Owner
from reconciler.providers.aws.faults import Refused
from reconciler.providers.bedrock import translate
from reconciler.providers.bedrock.client import BedrockApi, Described
from reconciler.providers.bedrock.statuses import job_phase
from reconciler.providers.ownership import require_ours
from reconciler.providers.settings import ProviderSettings, needed


def train(api: BedrockApi, order: TrainOrder, settings: ProviderSettings) -> Outcome:
    """Start the job, then look at it: a request whose token is known is ignored without an error."""
    needed(bedrock_role=settings.roles.bedrock)
    request = translate.job(order, settings)
    try:
        created = api.create_job(request)
    except ClientError:
        existing = api.job(order.name)
        if existing is None:
            raise
        return _adopted(api, existing, order, request)
    job = api.job(created)
    return _adopted(api, job, order, request) if job else Outcome.started(f"job {order.name} started", created)


def stop(api: BedrockApi, run: TrainingRun) -> Outcome:
    """Ask it to stop; one that has ended is done."""
    try:
        api.stop_job(run.identifier)
    except ClientError:
        job = api.job(run.identifier)
        phase = None if job is None else job_phase(job["status"])
        if phase is TrainingPhase.IN_PROGRESS:
            raise
        return Outcome.started("stopping already") if phase is TrainingPhase.STOPPING else Outcome.done("ended already")
    return Outcome.started(f"job {run.name} is stopping", run.identifier)


def discard(api: BedrockApi, run: TrainingRun) -> None:
    """Jobs cannot be deleted, and their names are taken for ever: ours is marked, so that only its number still counts."""
    if not run.discarded:
        api.add_tags(run.identifier, {DISCARDED: "true"})


def delete_model(api: BedrockApi, arn: str) -> None:
    """Deleting the absent is done."""
    try:
        api.delete_custom_model(arn)
    except ClientError:
        if api.custom_model(arn) is not None:
            raise


def _adopted(api: BedrockApi, job: Described, order: TrainOrder, request: dict[str, Any]) -> Outcome:
    """The job that stands under the name: just started by us, started by a call whose answer was lost, or another."""
    tags = api.tags(job["jobArn"]) or {}
    require_ours(f"customization job {job['jobName']}", tags, order.owner)
    found = Owner.from_tags(tags)
    same = found is not None and found.fingerprint == order.model.fingerprint and job["jobName"] == order.name
    if not same or (job.get("hyperParameters") or {}) != request["hyperParameters"]:
        told = f"customization job {job['jobName']} exists and trains something else: its name cannot be used again"
        raise Refused(FaultKind.CONFLICT, "OtherTraining", told)
    return Outcome.started(f"customization job {order.name}: {job['status']}", job["jobArn"])
