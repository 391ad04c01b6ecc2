"""The seven statuses of a fine-tuned model, and Kubernetes' conditions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from reconciler.domain.base import Value


class Status(StrEnum):
    """What people see, in every command, document and page."""

    ABSENT = "Absent"
    TRAINING = "Training"
    TRAINING_FAILED = "Training failed"
    STOPPING_TRAINING = "Stopping training"
    TRAINING_STOPPED = "Training stopped"
    NOT_DEPLOYED = "Not deployed"
    DEPLOYING = "Deploying"
    DEPLOYED = "Deployed"


class ConditionType(StrEnum):
    TRAINED = "Trained"
    EVALUATED = "Evaluated"
    DEPLOYED = "Deployed"
    SYNCED = "Synced"
    READY = "Ready"


class ConditionStatus(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Value):
    """``reason`` is CamelCase and never empty; ``message`` is for people."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str = ""
    last_transition_time: datetime | None = None
