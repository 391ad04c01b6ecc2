"""What is filled in where a manifest and the Project's defaults leave a field out.

The table belongs to ``apiVersion: reconciler/v1`` and is frozen with it: a change here would train released models again or
move their endpoints. Better defaults come with a new version. What the catalog says of a base model (hyperparameters,
instance types) stands before this table.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

TRAINING_INSTANCE_TYPE = "ml.g5.2xlarge"
HOSTING_INSTANCE_TYPE = "ml.g5.2xlarge"
INSTANCE_COUNT = 1
VOLUME_SIZE_GB = 100
MAX_RUNTIME = timedelta(hours=24)
"""SageMaker's own default for MaxRuntimeInSeconds: 86,400."""
SPOT = False

REVISION = 1
SPLIT_SEED = 0
EARLY_STOPPING_PATIENCE = 3
EARLY_STOPPING_THRESHOLD = Decimal(0)
LORA: dict[str, Any] = {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0}
"""peft's LoraConfig: r=8, lora_alpha=8, lora_dropout=0.0."""

MODEL_UNITS = 1
COMMITMENT = "none"
TIMEZONE = "UTC"
KEEP_VERSIONS = 1
TRAINING_RETRIES = 1
DELETION_POLICY = "delete"
PREVENT_DESTROY = False

LOCAL_ACCOUNT = "123456789012"
"""The embedded cloud's account; its roles need not be named in a manifest."""


def local_role(project: str, purpose: str) -> str:
    return f"arn:aws:iam::{LOCAL_ACCOUNT}:role/{project[:40]}-{purpose}"


def local_bucket(project: str) -> str:
    """Project names are legal bucket names once they are in lower case and three characters long."""
    return f"{project.lower()[:53]}-artifacts"
