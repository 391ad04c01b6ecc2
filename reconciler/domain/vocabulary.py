"""What a policy's rule may speak of."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.domain.base import Value
from reconciler.domain.plan import Change, Plan


def _fields(model: type[Value], *more: str) -> tuple[str, ...]:
    return (*(field.alias or name for name, field in model.model_fields.items()), *more)


_OF_THE_PLAN: Mapping[str, Collection[str]] = {"plan": tuple({*_fields(Plan, "summary")} - {"digest", "diagnostics"})}
_OF_A_CHANGE: Mapping[str, Collection[str]] = {"change": _fields(Change, "id"), "model": ("metadata", "spec")}

VARIABLES: Mapping[str, Mapping[str, Collection[str]]] = {
    "change": {**_OF_A_CHANGE, **_OF_THE_PLAN},
    "plan": _OF_THE_PLAN,
}
"""By ``forEach``: the names, each with the fields that it has."""
