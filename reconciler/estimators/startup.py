"""What a SageMaker training job is billed for before its first step and after its last, in hours.

SageMaker bills from ``TrainingStartTime``, when the instances are there, to ``TrainingEndTime``, when the artifact lies in S3
(``DescribeTrainingJob``): waiting for instances is not billed, fetching the container's image and the data is.
"""

from __future__ import annotations

from decimal import Decimal

from reconciler.domain.quantity import Range
from reconciler.estimators.estimate import spread

IMAGE_HOURS = spread(2 / 60, 4 / 60, 8 / 60)
"""Some 10 GB of compressed layers from ECR, unpacked. Assumed: AWS publishes no figures."""

PROGRAM_HOURS = spread(1 / 60, 3 / 60, 6 / 60)
"""Python's imports, packages that the image lacks, tokenising, weights onto the GPU. Assumed; with the image it makes up most of the
8 to 15 minutes that published SageMaker fine-tunings lose beside their training."""

TRANSFER_GB_PER_HOUR = spread(360, 720, 1800)
"""100, 200 and 500 MB a second: base weights from S3 or the hub, the artifact back to S3."""


def startup_hours(base_gb: Decimal) -> Range:
    """Image, program, and ``base_gb`` (10^9 bytes) of weights fetched."""
    return IMAGE_HOURS + PROGRAM_HOURS + transfer_hours(base_gb)


def transfer_hours(size_gb: Decimal) -> Range:
    """The longest time comes of the slowest rate."""
    rate = TRANSFER_GB_PER_HOUR
    return Range(low=size_gb / rate.high, likely=size_gb / rate.likely, high=size_gb / rate.low)
