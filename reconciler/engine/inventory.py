"""What costs money in one account and region, whose it is, whether it is used, and its price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.cost.hosting import Hosting, observed_hosting_cost
from reconciler.cost.storage import observed_storage_cost
from reconciler.domain.base import Value
from reconciler.domain.catalog import FoundationModel, ProviderName
from reconciler.domain.desired import Configuration, DeploymentKind
from reconciler.domain.observation import Deployment, DeploymentPhase, ModelObservation
from reconciler.domain.quantity import Cost, Range
from reconciler.domain.survey import Found, ResourceKind, Traffic
from reconciler.engine.observe import observe
from reconciler.engine.outside import Outside

IDLE_DAYS = 14

SERVES = {
    ResourceKind.ENDPOINT: DeploymentKind.REAL_TIME,
    ResourceKind.THROUGHPUT: DeploymentKind.PROVISIONED,
    ResourceKind.MODEL_DEPLOYMENT: DeploymentKind.ON_DEMAND,
}
PAYING_JOBS = frozenset({"InProgress", "Stopping"})


class Standing(StrEnum):
    """Whose it is.

    ============= ==========================================================
    managed       this project's, and a manifest names the model
    orphaned      this project's tags, and no manifest names the model
    other project another project's tags
    foreign       no owner tags
    ============= ==========================================================
    """

    MANAGED = "managed"
    ORPHANED = "orphaned"
    OTHER_PROJECT = "other project"
    FOREIGN = "foreign"


class Use(StrEnum):
    """``new``: nobody called it, and it is too young to be idle. ``unknown``: CloudWatch has nothing, or may not be asked.
    ``none``: nothing that anybody could call."""

    USED = "used"
    IDLE = "idle"
    NEW = "new"
    UNKNOWN = "unknown"
    NONE = "-"


class Entry(Value):
    """One thing that is paid for. ``monthly`` as if it went on for a month of 730 hours."""

    kind: str
    name: str
    identifier: str
    provider: ProviderName
    standing: Standing
    project: str | None = None
    model: str | None = None
    runs_on: str = ""
    status: str = ""
    use: Use = Use.NONE
    traffic: Traffic | None = None
    hourly: Cost = Cost.zero()
    monthly: Cost = Cost.zero()


class Inventory(Value):
    entries: tuple[Entry, ...]

    def monthly(self, standing: Standing) -> Cost:
        return Cost.total(entry.monthly for entry in self.entries if entry.standing is standing)


def take(configuration: Configuration, outside: Outside) -> Inventory:
    """Looks at everything; changes nothing. Raises CloudUnavailable."""
    taking = _Taking(configuration, outside)
    found = [one for surveyor in outside.surveyors.values() for one in surveyor.survey()]
    entries = [*taking.entries(found), *taking.artifacts()]
    return Inventory(entries=tuple(sorted(entries, key=lambda entry: (entry.standing, entry.kind, entry.name))))


class _Taking:
    def __init__(self, configuration: Configuration, outside: Outside) -> None:
        self._project = configuration.project
        self._named = configuration.by_name()
        self._outside = outside
        self._now = outside.clock.now()

    def entries(self, found: Iterable[Found]) -> Iterator[Entry]:
        everything = [*found]
        bases = {one.identifier: one.base for one in everything if one.kind is ResourceKind.CUSTOM_MODEL}
        for one in everything:
            base = self._base(one.base or bases.get(one.serves or ""))
            if one.kind in SERVES:
                yield self._serving(one, base)
            elif one.kind is ResourceKind.CUSTOM_MODEL:
                monthly = _custom_model_storage(one, base, self._outside, self._project.region)
                yield self._entry(one, monthly=monthly)
            elif one.status in PAYING_JOBS:
                yield self._entry(one, hourly=self._training(one))

    def artifacts(self) -> Iterator[Entry]:
        """What this project keeps in S3, by version."""
        for model in observe(self._project, self._outside).models:
            for version in model.versions if model.provider is ProviderName.SAGEMAKER else ():
                if version.artifact is None:
                    continue
                cost = observed_storage_cost(version, model, None, self._outside.catalog, self._project.region)
                standing = Standing.MANAGED if model.name in self._named else Standing.ORPHANED
                yield Entry(
                    kind="artifact",
                    name=version.artifact.name,
                    identifier=version.artifact.identifier,
                    provider=model.provider,
                    standing=standing,
                    project=self._project.name,
                    model=model.name,
                    monthly=cost,
                )

    def _serving(self, one: Found, base: FoundationModel | None) -> Entry:
        hosting = _hosting(one, base, self._outside, self._project.region)
        traffic = self._outside.surveyors[one.provider].traffic(one, self._now, IDLE_DAYS)
        use = _use(one, traffic, self._now)
        return self._entry(one, hourly=hosting.hourly, monthly=hosting.monthly, use=use, traffic=traffic)

    def _training(self, one: Found) -> Cost:
        price = self._outside.catalog.training_price(one.instance_type or "", self._project.region)
        if price.usd is None:
            return Cost.not_known(f"training on {one.instance_type or 'an unknown instance type'}")
        return Cost.of(Range.exactly(price.usd * (one.instance_count or 1)))

    def _entry(
        self,
        one: Found,
        *,
        hourly: Cost | None = None,
        monthly: Cost | None = None,
        use: Use = Use.NONE,
        traffic: Traffic | None = None,
    ) -> Entry:
        return Entry(
            kind=str(one.kind),
            name=one.name,
            identifier=one.identifier,
            provider=one.provider,
            standing=self._standing(one),
            project=one.owner.project if one.owner else None,
            model=one.owner.model if one.owner else None,
            runs_on=runs_on(one),
            status=one.status,
            use=use,
            traffic=traffic,
            hourly=hourly or Cost.zero(),
            monthly=monthly or Cost.zero(),
        )

    def _standing(self, one: Found) -> Standing:
        match one.owner:
            case None:
                return Standing.FOREIGN
            case owner if owner.project != self._project.name:
                return Standing.OTHER_PROJECT
            case owner:
                return Standing.MANAGED if owner.model in self._named else Standing.ORPHANED

    def _base(self, told: str | None) -> FoundationModel | None:
        return next(
            (m for m in self._outside.catalog.models if m.bedrock and told and _same_model(m.bedrock.model_id, told)),
            None,
        )


def _use(one: Found, traffic: Traffic | None, now: datetime) -> Use:
    match traffic:
        case None:
            return Use.UNKNOWN
        case Traffic(invocations=0):
            young = one.created_at is not None and now - one.created_at < timedelta(days=IDLE_DAYS)
            return Use.NEW if young else Use.IDLE
        case _:
            return Use.USED


def runs_on(one: Found) -> str:
    """``ml.g5.xlarge x1``, ``1 model unit``; nothing where it runs on nothing of its own."""
    if one.instance_type:
        return f"{one.instance_type} x{one.instance_count or 1}"
    if one.model_units:
        return f"{one.model_units} model unit{'s' if one.model_units > 1 else ''}"
    return "on-demand" if one.kind is ResourceKind.MODEL_DEPLOYMENT else ""


def _hosting(one: Found, base: FoundationModel | None, outside: Outside, region: str) -> Hosting:
    """As that of a deployment of ours: AWS bills what serves, not who made it."""
    phases = {"Failed": DeploymentPhase.FAILED, "Deleting": DeploymentPhase.DELETING}
    deployment = Deployment(
        name=one.name,
        identifier=one.identifier,
        kind=SERVES[one.kind],
        phase=phases.get(one.status, DeploymentPhase.IN_SERVICE),
        instance_type=one.instance_type,
        instance_count=one.instance_count,
        model_units=one.model_units,
        commitment=one.commitment,
    )
    seen = ModelObservation(name=one.name, provider=one.provider)
    return observed_hosting_cost(deployment, seen, base, outside.catalog, region)


def _custom_model_storage(one: Found, base: FoundationModel | None, outside: Outside, region: str) -> Cost:
    from reconciler.domain.observation import Artifact, Version

    version = Version(fingerprint="", artifact=Artifact(identifier=one.identifier, name=one.name))
    seen = ModelObservation(name=one.name, provider=one.provider)
    return observed_storage_cost(version, seen, base, outside.catalog, region)


def _same_model(model_id: str, told: str) -> bool:
    return told in (model_id, model_id.rpartition(":")[0])
