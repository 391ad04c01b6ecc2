"""Bedrock's statuses in the domain's phases: the one table. Source: botocore 1.44's service model.

A status that is not in the table is new to us and is taken as something in motion: see ``sagemaker/statuses.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.domain.observation import DeploymentPhase, TrainingPhase

JOB: Mapping[str, TrainingPhase] = {
    "InProgress": TrainingPhase.IN_PROGRESS,
    "Completed": TrainingPhase.COMPLETED,
    "Failed": TrainingPhase.FAILED,
    "Stopping": TrainingPhase.STOPPING,
    "Stopped": TrainingPhase.STOPPED,
}

THROUGHPUT: Mapping[str, DeploymentPhase] = {
    "Creating": DeploymentPhase.CREATING,
    "InService": DeploymentPhase.IN_SERVICE,
    "Updating": DeploymentPhase.UPDATING,
    "Failed": DeploymentPhase.FAILED,
}

DEPLOYMENT: Mapping[tuple[str, str | None], DeploymentPhase] = {
    ("Creating", None): DeploymentPhase.CREATING,
    ("Active", None): DeploymentPhase.IN_SERVICE,
    ("Active", "Updating"): DeploymentPhase.UPDATING,
    ("Active", "UpdateCompleted"): DeploymentPhase.IN_SERVICE,
    ("Active", "UpdateFailed"): DeploymentPhase.UPDATE_FAILED,
    ("Failed", None): DeploymentPhase.FAILED,
}
"""Of a custom model deployment: its status and its last update's."""

COMMITMENT: Mapping[str | None, str] = {None: "none", "OneMonth": "1 month", "SixMonths": "6 months"}
"""``commitmentDuration`` in the manifest's words."""


def job_phase(status: str) -> TrainingPhase:
    return JOB.get(status, TrainingPhase.IN_PROGRESS)


def throughput_phase(status: str, *, serves_what_was_asked: bool) -> DeploymentPhase:
    """A throughput that failed while it was to change its model has failed to update."""
    if status == "Failed" and not serves_what_was_asked:
        return DeploymentPhase.UPDATE_FAILED
    return THROUGHPUT.get(status, DeploymentPhase.UPDATING)


def deployment_phase(status: str, update: str | None) -> DeploymentPhase:
    if status == "Failed":
        return DeploymentPhase.FAILED
    return DEPLOYMENT.get((status, update), DeploymentPhase.UPDATING)
