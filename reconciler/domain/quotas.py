"""What the account may run at a time."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class QuotaKind(StrEnum):
    """As Service Quotas words it after the instance type: ``ml.g5.2xlarge for training job usage``."""

    TRAINING = "for training job usage"
    SPOT_TRAINING = "for spot training job usage"
    ENDPOINT = "for endpoint usage"


class Quotas(Protocol):
    def instances(self, kind: QuotaKind, instance_type: str) -> Decimal | None:
        """How many instances of the type at a time. ``None``: not known, or it may not be read, which is no reason to fail."""
        ...
