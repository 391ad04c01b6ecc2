"""What a training reported about itself."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal


def finite(reported: Iterable[tuple[str, float | None]]) -> dict[str, Decimal]:
    """By name. A loss that ran away is reported as NaN or infinite: it is no figure, and so counts as not reported."""
    values = {name: Decimal(str(value)) for name, value in reported if value is not None}
    return {name: value for name, value in values.items() if value.is_finite()}
