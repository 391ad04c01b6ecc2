"""What is paid for at one point of a plan, and how a step changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from reconciler.cost.hosting import Hosting
from reconciler.domain.desired import DeploymentKind
from reconciler.domain.plan import ChangeCost
from reconciler.domain.quantity import Cost

Deployed = tuple[DeploymentKind, str]
"""What serves, by kind and name: two kinds may have one name while one replaces the other."""

Kept = tuple[str, str]
"""A version, by model and fingerprint."""

_Key = TypeVar("_Key")


@dataclass(frozen=True)
class Standing:
    """``trainings``: what was paid once, by the training's name."""

    hosting: Mapping[Deployed, Hosting] = field(default_factory=dict)
    storage: Mapping[Kept, Cost] = field(default_factory=dict)
    trainings: Mapping[str, Cost] = field(default_factory=dict)

    def trained(self, name: str, cost: Cost, version: Kept, storage: Cost) -> Standing:
        """A training that the plan names twice is paid once."""
        return replace(self, trainings={**self.trainings, name: cost}, storage={**self.storage, version: storage})

    def deployed(self, what: Deployed, hosting: Hosting) -> Standing:
        return replace(self, hosting={**self.hosting, what: hosting})

    def undeployed(self, what: Deployed) -> Standing:
        return replace(self, hosting={key: hosting for key, hosting in self.hosting.items() if key != what})

    def deleted(self, version: Kept) -> Standing:
        return replace(self, storage={key: cost for key, cost in self.storage.items() if key != version})

    @property
    def hosting_hourly(self) -> Cost:
        return Cost.total(hosting.hourly for hosting in self.hosting.values())

    @property
    def hosting_monthly(self) -> Cost:
        return Cost.total(hosting.monthly for hosting in self.hosting.values())

    @property
    def storage_monthly(self) -> Cost:
        return Cost.total(self.storage.values())

    @property
    def one_off(self) -> Cost:
        return Cost.total(self.trainings.values())


def difference(before: Standing, after: Standing) -> ChangeCost:
    """What comes on top; what ends is negative."""
    hourly = _change({k: h.hourly for k, h in before.hosting.items()}, {k: h.hourly for k, h in after.hosting.items()})
    hosting = _change(
        {k: h.monthly for k, h in before.hosting.items()}, {k: h.monthly for k, h in after.hosting.items()}
    )
    storage = _change(before.storage, after.storage)
    return ChangeCost(
        one_off=_change(before.trainings, after.trainings),
        hourly=hourly,
        monthly=Cost.total([part for part in (hosting, storage) if part != Cost.zero()]),
    )


def _change(before: Mapping[_Key, Cost], after: Mapping[_Key, Cost]) -> Cost:
    """The sum of what is new and of what is gone, without what stays as it is."""
    new = [cost for key, cost in after.items() if before.get(key) != cost]
    gone = [-cost for key, cost in before.items() if after.get(key) != cost]
    return Cost.total([*new, *gone])
