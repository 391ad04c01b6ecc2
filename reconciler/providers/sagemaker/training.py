"""Training jobs on SageMaker: started once, stopped, deleted."""

from __future__ import annotations

from botocore.exceptions import ClientError

from reconciler.domain.observation import TrainingPhase, TrainingRun
from reconciler.domain.outcome import FaultKind, Outcome
from reconciler.domain.ports import TrainOrder
from reconciler.domain.tags import Owner
from reconciler.providers.aws.faults import Refused
from reconciler.providers.ownership import require_ours
from reconciler.providers.sagemaker import translate
from reconciler.providers.sagemaker.client import Described, SageMakerApi
from reconciler.providers.sagemaker.statuses import training_phase
from reconciler.providers.settings import ProviderSettings, needed


def train(api: SageMakerApi, order: TrainOrder, settings: ProviderSettings) -> Outcome:
    """Start the job. SageMaker has no idempotency token: the name is it, so a refusal is answered by looking."""
    resources = order.model.resolved.resources
    image = (resources and resources.image) or settings.training_image
    needed(training_role=settings.roles.training, training_image=image)
    request = translate.training_job(order, settings)
    try:
        arn = api.create_training_job(request)
    except ClientError:
        existing = api.training_job(order.name)
        if existing is None:
            raise
        return _adopted(api, existing, order)
    return Outcome.started(f"training job {order.name} started", arn)


def stop(api: SageMakerApi, run: TrainingRun) -> Outcome:
    """Ask it to stop; one that has ended is done."""
    try:
        api.stop_training_job(run.name)
    except ClientError:
        job = api.training_job(run.name)
        phase = None if job is None else training_phase(job["TrainingJobStatus"])
        if phase is TrainingPhase.IN_PROGRESS:
            raise
        return Outcome.started("stopping already") if phase is TrainingPhase.STOPPING else Outcome.done("ended already")
    return Outcome.started(f"training job {run.name} is stopping", run.identifier)


def delete(api: SageMakerApi, run: TrainingRun) -> None:
    """The record of a job that has ended; its name can be used again then. Deleting the absent is done."""
    try:
        api.delete_training_job(run.name)
    except ClientError:
        job = api.training_job(run.name)
        if job is not None and job["TrainingJobStatus"] != "Deleting":
            raise


def _adopted(api: SageMakerApi, job: Described, order: TrainOrder) -> Outcome:
    """A job of this name is there: from a call whose answer was lost, or from somebody else."""
    arn, status = job["TrainingJobArn"], job["TrainingJobStatus"]
    tags = api.tags(arn)
    require_ours(f"training job {order.name}", tags, order.owner)
    found = Owner.from_tags(tags)
    if found is None or found.fingerprint != order.model.fingerprint:
        told = f"training job {order.name} exists and trains another fingerprint: {found and found.fingerprint}"
        raise Refused(FaultKind.CONFLICT, "OtherFingerprint", told)
    if status == "Deleting":
        raise Refused(FaultKind.TRANSIENT, "Deleting", f"training job {order.name} of before is still being deleted")
    return Outcome.started(f"training job {order.name} exists already ({status})", arn)
