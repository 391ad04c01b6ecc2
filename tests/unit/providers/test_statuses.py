"""The status tables row by row, and against every status that the service model names."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import get_session

from reconciler.domain.observation import DeploymentPhase, TrainingPhase
from reconciler.providers.bedrock import statuses as bedrock
from reconciler.providers.sagemaker import statuses as sagemaker


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("InProgress", TrainingPhase.IN_PROGRESS),
        ("Completed", TrainingPhase.COMPLETED),
        ("Failed", TrainingPhase.FAILED),
        ("Stopping", TrainingPhase.STOPPING),
        ("Stopped", TrainingPhase.STOPPED),
        ("Deleting", TrainingPhase.STOPPING),
        ("Hibernating", TrainingPhase.IN_PROGRESS),
    ],
)
def test_training_jobs(status: str, phase: TrainingPhase) -> None:
    assert sagemaker.training_phase(status) is phase


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("Creating", DeploymentPhase.CREATING),
        ("InService", DeploymentPhase.IN_SERVICE),
        ("Updating", DeploymentPhase.UPDATING),
        ("SystemUpdating", DeploymentPhase.UPDATING),
        ("RollingBack", DeploymentPhase.ROLLING_BACK),
        ("Deleting", DeploymentPhase.DELETING),
        ("Failed", DeploymentPhase.FAILED),
        ("OutOfService", DeploymentPhase.FAILED),
        ("UpdateRollbackFailed", DeploymentPhase.UPDATE_FAILED),
        ("Hibernating", DeploymentPhase.UPDATING),
    ],
)
def test_endpoints(status: str, phase: DeploymentPhase) -> None:
    assert sagemaker.endpoint_phase(status) is phase


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("InProgress", TrainingPhase.IN_PROGRESS),
        ("Completed", TrainingPhase.COMPLETED),
        ("Failed", TrainingPhase.FAILED),
        ("Stopping", TrainingPhase.STOPPING),
        ("Stopped", TrainingPhase.STOPPED),
        ("Hibernating", TrainingPhase.IN_PROGRESS),
    ],
)
def test_customization_jobs(status: str, phase: TrainingPhase) -> None:
    assert bedrock.job_phase(status) is phase


@pytest.mark.parametrize(
    ("status", "as_asked", "phase"),
    [
        ("Creating", True, DeploymentPhase.CREATING),
        ("InService", True, DeploymentPhase.IN_SERVICE),
        ("InService", False, DeploymentPhase.IN_SERVICE),
        ("Updating", False, DeploymentPhase.UPDATING),
        ("Failed", True, DeploymentPhase.FAILED),
        ("Failed", False, DeploymentPhase.UPDATE_FAILED),
        ("Hibernating", True, DeploymentPhase.UPDATING),
    ],
)
def test_provisioned_throughputs(status: str, as_asked: bool, phase: DeploymentPhase) -> None:
    assert bedrock.throughput_phase(status, serves_what_was_asked=as_asked) is phase


@pytest.mark.parametrize(
    ("status", "update", "phase"),
    [
        ("Creating", None, DeploymentPhase.CREATING),
        ("Active", None, DeploymentPhase.IN_SERVICE),
        ("Active", "Updating", DeploymentPhase.UPDATING),
        ("Active", "UpdateCompleted", DeploymentPhase.IN_SERVICE),
        ("Active", "UpdateFailed", DeploymentPhase.UPDATE_FAILED),
        ("Failed", None, DeploymentPhase.FAILED),
        ("Failed", "UpdateFailed", DeploymentPhase.FAILED),
        ("Hibernating", None, DeploymentPhase.UPDATING),
        ("Active", "UpdatePaused", DeploymentPhase.UPDATING),
    ],
)
def test_custom_model_deployments(status: str, update: str | None, phase: DeploymentPhase) -> None:
    assert bedrock.deployment_phase(status, update) is phase


@pytest.mark.parametrize(
    ("service", "shape", "known"),
    [
        ("sagemaker", "TrainingJobStatus", sagemaker.TRAINING),
        ("sagemaker", "EndpointStatus", sagemaker.ENDPOINT),
        ("bedrock", "ModelCustomizationJobStatus", bedrock.JOB),
        ("bedrock", "ProvisionedModelStatus", bedrock.THROUGHPUT),
        ("bedrock", "CustomModelDeploymentStatus", {status for status, _ in bedrock.DEPLOYMENT}),
        ("bedrock", "CustomModelDeploymentUpdateStatus", {update for _, update in bedrock.DEPLOYMENT if update}),
        ("bedrock", "CommitmentDuration", {duration for duration in bedrock.COMMITMENT if duration}),
    ],
)
def test_the_tables_know_every_value_of_the_service_model(service: str, shape: str, known: Any) -> None:
    """A new botocore with a new status turns this red."""
    values: Any = get_session().get_service_model(service).shape_for(shape)
    assert set(values.enum) == set(known)
