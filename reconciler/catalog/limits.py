"""``limits.yaml``: bounds of requests, default quotas and request rates of the services."""

from __future__ import annotations

from decimal import Decimal

from reconciler.catalog.files import Sourced
from reconciler.domain.base import Value


class Bound(Sourced):
    minimum: int
    maximum: int
    default: int | None = None


class Quota(Sourced):
    """A default of about 2024; an account may have another. ``value is None``: not found. ``code``: Service Quotas' own."""

    value: int | None
    code: str | None


class Rate(Sourced):
    """Requests per second; ``None``: not published."""

    per_second: Decimal | None


class Prefixes(Sourced):
    by_region: dict[str, str]


class Limits(Value):
    bounds: dict[str, Bound]
    quotas: dict[str, Quota]
    training_job_usage: dict[str, Quota]
    """Default quota of instances in training jobs at a time, by type."""
    spot_training_usage: dict[str, Quota]
    endpoint_usage: dict[str, Quota]
    rates: dict[str, Rate]
    """By operation."""
    price_list_prefixes: Prefixes
    """Of usage types in AWS's price list."""
