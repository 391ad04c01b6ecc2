"""What is paid for at one point of a plan, and how a step changes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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
_Paid = TypeVar("_Paid")


@dataclass(frozen=True)
class Touched:
    """Keys that steps have set or removed, in their order, so that what is told has one order too."""

    hosting: tuple[Deployed, ...] = ()
    storage: tuple[Kept, ...] = ()
    trainings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """``trainings``: what was paid once, by the training's name."""

    hosting: Mapping[Deployed, Hosting] = field(default_factory=dict)
    storage: Mapping[Kept, Cost] = field(default_factory=dict)
    trainings: Mapping[str, Cost] = field(default_factory=dict)
    touched: Touched = Touched()

    def trained(self, name: str, cost: Cost, version: Kept, storage: Cost) -> Standing:
        """A training that the plan names twice is paid once."""
        touched = replace(self.touched, trainings=(*self.touched.trainings, name))
        return replace(self, trainings={**self.trainings, name: cost}, touched=touched).kept(version, storage)

    def kept(self, version: Kept, storage: Cost) -> Standing:
        touched = replace(self.touched, storage=(*self.touched.storage, version))
        return replace(self, storage={**self.storage, version: storage}, touched=touched)

    def deployed(self, what: Deployed, hosting: Hosting) -> Standing:
        touched = replace(self.touched, hosting=(*self.touched.hosting, what))
        return replace(self, hosting={**self.hosting, what: hosting}, touched=touched)

    def undeployed(self, what: Deployed) -> Standing:
        touched = replace(self.touched, hosting=(*self.touched.hosting, what))
        return replace(self, hosting=_without(self.hosting, what), touched=touched)

    def deleted(self, version: Kept) -> Standing:
        touched = replace(self.touched, storage=(*self.touched.storage, version))
        return replace(self, storage=_without(self.storage, version), touched=touched)

    def settled(self) -> Standing:
        """As a starting point: nothing touched."""
        return replace(self, touched=Touched())

    @property
    def hosting_hourly(self) -> Cost:
        return Cost.total(hosting.hourly for hosting in self.hosting.values())

    @property
    def hosting_monthly(self) -> Cost:
        return Cost.total(hosting.monthly for hosting in self.hosting.values())

    def hosting_of(self, names: Collection[str]) -> Cost:
        """By the month, of what serves under these names."""
        return Cost.total(hosting.monthly for (_, name), hosting in self.hosting.items() if name in names)

    @property
    def storage_monthly(self) -> Cost:
        return Cost.total(self.storage.values())

    @property
    def one_off(self) -> Cost:
        return Cost.total(self.trainings.values())


def difference(before: Standing, after: Standing) -> ChangeCost:
    """What comes on top; what ends is negative. Looks only at what was touched since ``before`` was settled."""
    touched = after.touched
    gone, new = _apart(before.hosting, after.hosting, touched.hosting)
    freed, kept = _apart(before.storage, after.storage, touched.storage)
    _, trained = _apart(before.trainings, after.trainings, touched.trainings)
    return ChangeCost(
        one_off=Cost.total(trained),
        hourly=Cost.total([*(h.hourly for h in new), *(-h.hourly for h in gone)]),
        monthly=Cost.total([*(h.monthly for h in new), *(-h.monthly for h in gone), *kept, *(-cost for cost in freed)]),
    )


def _apart(
    before: Mapping[_Key, _Paid], after: Mapping[_Key, _Paid], keys: Iterable[_Key]
) -> tuple[list[_Paid], list[_Paid]]:
    """What was there and is not any more, and what is there and was not; what stayed the same is neither."""
    changed = [key for key in dict.fromkeys(keys) if before.get(key) != after.get(key)]
    return [before[key] for key in changed if key in before], [after[key] for key in changed if key in after]


def _without(costs: Mapping[_Key, _Paid], gone: _Key) -> dict[_Key, _Paid]:
    return {key: cost for key, cost in costs.items() if key != gone}
