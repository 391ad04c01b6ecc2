"""From what was seen to the seven statuses, and to conditions.

What serves decides; where nothing serves, the training of the version in use does. That is the wanted version where it
exists, else the newest.

| deployment    | training    | status            |
|---------------|-------------|-------------------|
| creating      | any         | Deploying         |
| updating      | any         | Deploying         |
| rolling-back  | any         | Deploying         |
| in-service    | any         | Deployed          |
| update-failed | any         | Deployed          |
| deleting, failed or none | in-progress | Training          |
| deleting, failed or none | stopping    | Stopping training |
| deleting, failed or none | trained     | Not deployed      |
| deleting, failed or none | completed   | Not deployed      |
| deleting, failed or none | failed      | Training failed   |
| deleting, failed or none | stopped     | Training stopped  |
| deleting or failed       | none        | Not deployed      |
| none                     | none        | Absent            |

``update-failed`` counts as deployed because the former configuration serves; a condition tells of the failure. ``completed``
without a usable artifact is not deployable, which its condition tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconciler.domain.desired import DesiredModel
from reconciler.domain.naming import short
from reconciler.domain.observation import (
    Deployment,
    DeploymentPhase,
    ModelObservation,
    TrainingPhase,
    TrainingRun,
    Version,
)
from reconciler.domain.plan import Change
from reconciler.domain.status import Condition, ConditionStatus, ConditionType, Status
from reconciler.planner.promotion import misses
from reconciler.planner.training import is_active, is_trained, live_runs

_BY_DEPLOYMENT = {
    DeploymentPhase.CREATING: Status.DEPLOYING,
    DeploymentPhase.UPDATING: Status.DEPLOYING,
    DeploymentPhase.ROLLING_BACK: Status.DEPLOYING,
    DeploymentPhase.IN_SERVICE: Status.DEPLOYED,
    DeploymentPhase.UPDATE_FAILED: Status.DEPLOYED,
}

_BY_TRAINING = {
    TrainingPhase.IN_PROGRESS: Status.TRAINING,
    TrainingPhase.STOPPING: Status.STOPPING_TRAINING,
    TrainingPhase.COMPLETED: Status.NOT_DEPLOYED,
    TrainingPhase.FAILED: Status.TRAINING_FAILED,
    TrainingPhase.STOPPED: Status.TRAINING_STOPPED,
}


def status_of(model: ModelObservation | None, desired: DesiredModel | None) -> Status:
    """The table above."""
    if model is None:
        return Status.ABSENT
    served = {_BY_DEPLOYMENT[d.phase] for d in model.deployments if d.phase in _BY_DEPLOYMENT}
    if served:
        return Status.DEPLOYING if Status.DEPLOYING in served else Status.DEPLOYED
    version = version_in_use(model, desired)
    if is_trained(version):
        return Status.NOT_DEPLOYED
    run = _telling(version)
    if run is not None:
        return _BY_TRAINING[run.phase]
    return Status.NOT_DEPLOYED if model.deployments or (version and version.artifact) else Status.ABSENT


def version_in_use(model: ModelObservation, desired: DesiredModel | None) -> Version | None:
    """The wanted version where something of it is left, else the newest of which something is."""
    left = [version for version in model.versions if not version.is_gone]
    wanted = [version for version in left if desired is not None and version.fingerprint == desired.fingerprint]
    return next(reversed(wanted or left), None)


def conditions_of(
    model: ModelObservation | None, desired: DesiredModel | None, changes: Sequence[Change] = ()
) -> tuple[Condition, ...]:
    """Trained, Evaluated, Deployed, Synced, Ready, in this order. ``changes``: what a plan holds for this model."""
    version = _judged_version(model, desired)
    trained = _trained(version)
    evaluated = _evaluated(desired, version)
    deployed = _deployed(desired, model)
    synced = _synced(changes)
    return (trained, evaluated, deployed, synced, _ready(trained, evaluated, deployed, synced))


def _judged_version(model: ModelObservation | None, desired: DesiredModel | None) -> Version | None:
    """Strictly the wanted one: an older version that serves does not make the wanted one trained."""
    if model is None or desired is None:
        return version_in_use(model, None) if model else None
    return model.version(desired.fingerprint)


def _telling(version: Version | None) -> TrainingRun | None:
    runs = live_runs(version)
    moving = [run for run in runs if is_active(run)]
    return (moving or runs or (None,))[-1]


def _trained(version: Version | None) -> Condition:
    run = _telling(version)
    if is_trained(version):
        return _condition(ConditionType.TRAINED, True, "Trained", f"version {_short(version)}", _ended(run))
    if run is None:
        return _condition(ConditionType.TRAINED, False, "NotStarted", "no training of this version yet")
    message = run.failure.message if run.failure else f"{run.name} is {run.phase}"
    return _condition(ConditionType.TRAINED, False, _TRAINING_REASONS[run.phase], message, _ended(run))


_TRAINING_REASONS = {
    TrainingPhase.IN_PROGRESS: "Training",
    TrainingPhase.STOPPING: "Stopping",
    TrainingPhase.COMPLETED: "ArtifactMissing",
    TrainingPhase.FAILED: "TrainingFailed",
    TrainingPhase.STOPPED: "TrainingStopped",
}


def training_status(change: Change) -> Status | None:
    """How the training of the wanted version stands, which the status of the model hides where an older version serves.

    ``None``: it is trained, or was never begun.
    """
    return next((_TRAININGS.get(each.reason) for each in change.conditions if each.type is ConditionType.TRAINED), None)


_TRAININGS = {
    reason: _BY_TRAINING[phase] for phase, reason in _TRAINING_REASONS.items() if phase is not TrainingPhase.COMPLETED
}


def _evaluated(desired: DesiredModel | None, version: Version | None) -> Condition:
    kind = ConditionType.EVALUATED
    if not is_trained(version):
        return _unknown(kind, "NotTrained", "judged once it is trained")
    if desired is None or not desired.resolved.promotion:
        return _condition(kind, True, "NoPromotionAsked", "the manifest sets no bounds")
    missed = misses(desired, version)
    if missed:
        return _condition(kind, False, "PromotionNotPassed", "; ".join(str(miss) for miss in missed))
    return _condition(kind, True, "PromotionPassed", "every metric is within its bounds")


def _deployed(desired: DesiredModel | None, model: ModelObservation | None) -> Condition:
    kind = ConditionType.DEPLOYED
    deployment = next(iter(model.deployments), None) if model else None
    if deployment is None:
        asked = desired is not None and desired.resolved.deployment.deployed
        return _condition(kind, False, "NotDeployed" if asked else "UndeployedAsAsked", "nothing serves")
    message = deployment.failure.message if deployment.failure else _serving_message(deployment)
    in_service = deployment.phase in (DeploymentPhase.IN_SERVICE, DeploymentPhase.UPDATE_FAILED)
    reason = "RolledBack" if deployment.rolled_back else _DEPLOYMENT_REASONS[deployment.phase]
    return _condition(kind, in_service, reason, message, deployment.updated_at or deployment.created_at)


_DEPLOYMENT_REASONS = {
    DeploymentPhase.CREATING: "Creating",
    DeploymentPhase.IN_SERVICE: "InService",
    DeploymentPhase.UPDATING: "Updating",
    DeploymentPhase.ROLLING_BACK: "RollingBack",
    DeploymentPhase.DELETING: "Deleting",
    DeploymentPhase.FAILED: "DeploymentFailed",
    DeploymentPhase.UPDATE_FAILED: "UpdateFailed",
}


def _synced(changes: Sequence[Change]) -> Condition:
    pending = [change for change in changes if change.is_pending]
    if not pending:
        return _condition(ConditionType.SYNCED, True, "AsDesired", "the cloud is as the manifest says")
    stalled = [change for change in pending if change.stalled]
    told = (stalled or pending)[0]
    message = told.reasons[0].message if told.reasons else f"{told.action} {told.target}"
    return _condition(ConditionType.SYNCED, False, "Stalled" if stalled else "Pending", message)


def _ready(trained: Condition, evaluated: Condition, deployed: Condition, synced: Condition) -> Condition:
    """As desired: trained and promoted, and deployed where that is asked for."""
    asked = deployed if deployed.reason != "UndeployedAsAsked" else None
    needed = [condition for condition in (trained, evaluated, asked, synced) if condition is not None]
    missing = next((condition for condition in needed if condition.status is not ConditionStatus.TRUE), None)
    if missing is None:
        return _condition(ConditionType.READY, True, "Ready")
    return _condition(ConditionType.READY, False, missing.reason, missing.message)


def _condition(
    kind: ConditionType, holds: bool, reason: str, message: str = "", since: datetime | None = None
) -> Condition:
    status = ConditionStatus.TRUE if holds else ConditionStatus.FALSE
    return Condition(type=kind, status=status, reason=reason, message=message, last_transition_time=since)


def _unknown(kind: ConditionType, reason: str, message: str) -> Condition:
    return Condition(type=kind, status=ConditionStatus.UNKNOWN, reason=reason, message=message)


def _serving_message(deployment: Deployment) -> str:
    serving = f" serving version {short(deployment.fingerprint)}" if deployment.fingerprint else ""
    return f"{deployment.kind} {deployment.name} is {deployment.phase}{serving}"


def _short(version: Version | None) -> str:
    return short(version.fingerprint) if version else ""


def _ended(run: TrainingRun | None) -> datetime | None:
    return (run.ended_at or run.created_at) if run else None
