"""A policy of the project: a manifest of kind Policy, and where it stands."""

from __future__ import annotations

from reconciler.domain.base import Value
from reconciler.domain.diagnostic import Location
from reconciler.domain.kinds.policy import PolicySpec


class Policy(Value):
    name: str
    spec: PolicySpec
    where: Location | None = None

    @property
    def code(self) -> str:
        """Of its diagnostics, and what ``--allow`` names."""
        return f"policy-{self.name}"
