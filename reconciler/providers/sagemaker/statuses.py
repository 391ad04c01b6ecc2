"""SageMaker's statuses in the domain's phases: the one table. Source: botocore 1.44's service model.

A status that is not in the table is new to us. It is taken as something in motion: nothing is replaced or deleted because
of it, the next look may know better, and people see the status as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.domain.observation import DeploymentPhase, TrainingPhase

TRAINING: Mapping[str, TrainingPhase] = {
    "InProgress": TrainingPhase.IN_PROGRESS,
    "Completed": TrainingPhase.COMPLETED,
    "Failed": TrainingPhase.FAILED,
    "Stopping": TrainingPhase.STOPPING,
    "Stopped": TrainingPhase.STOPPED,
    "Deleting": TrainingPhase.STOPPING,
}

ENDPOINT: Mapping[str, DeploymentPhase] = {
    "Creating": DeploymentPhase.CREATING,
    "InService": DeploymentPhase.IN_SERVICE,
    "Updating": DeploymentPhase.UPDATING,
    "SystemUpdating": DeploymentPhase.UPDATING,
    "RollingBack": DeploymentPhase.ROLLING_BACK,
    "Deleting": DeploymentPhase.DELETING,
    "Failed": DeploymentPhase.FAILED,
    "OutOfService": DeploymentPhase.FAILED,
    "UpdateRollbackFailed": DeploymentPhase.UPDATE_FAILED,
}

STOPPED_BY_LIMIT = frozenset({"MaxRuntimeExceeded", "MaxWaitTimeExceeded"})
"""Secondary statuses."""


def training_phase(status: str) -> TrainingPhase:
    return TRAINING.get(status, TrainingPhase.IN_PROGRESS)


def endpoint_phase(status: str) -> DeploymentPhase:
    return ENDPOINT.get(status, DeploymentPhase.UPDATING)
