"""The plan: what will be done, why, and at what cost. A value that is shown, saved, approved and compared."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from reconciler.domain.base import Value
from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import Origin
from reconciler.domain.diagnostic import Diagnostic, has_errors
from reconciler.domain.fingerprint import digest
from reconciler.domain.quantity import Cost, Exact
from reconciler.domain.status import Condition, Status

FORMAT_VERSION = "1.0"
"""Of the plan's JSON. A major step breaks readers; readers must ignore keys they do not know."""


class Action(StrEnum):
    """What to do with one thing in the cloud.

    ======== =====================================================================
    train    start a training (a new attempt of a fingerprint)
    stop     stop a training that is running
    deploy   create the endpoint, throughput or deployment
    roll     change what the deployment serves or runs on, in place
    undeploy delete the endpoint, throughput or deployment
    delete   delete a trained version and what belongs to it
    update   tags and schedules
    adopt    take over what carries no tags of ours, as told
    wait     something is on its way: look again
    no-op    as desired, or nothing that the tool may do
    ======== =====================================================================
    """

    TRAIN = "train"
    STOP = "stop"
    DEPLOY = "deploy"
    ROLL = "roll"
    UNDEPLOY = "undeploy"
    DELETE = "delete"
    UPDATE = "update"
    ADOPT = "adopt"
    WAIT = "wait"
    NO_OP = "no-op"

    @property
    def mutates(self) -> bool:
        return self not in (Action.WAIT, Action.NO_OP)

    @property
    def destroys(self) -> bool:
        return self in (Action.UNDEPLOY, Action.DELETE, Action.STOP)


class Reason(Value):
    """Why. For people: ``code`` is stable for programs that read plans, and never steers our own control flow."""

    code: str
    message: str


class Effect(StrEnum):
    RETRAIN = "retrain"
    ROLL = "roll"
    IN_PLACE = "in-place"
    NONE = "none"


class FieldChange(Value):
    """One difference. ``path`` is the manifest's: ``spec.hyperparameters.epochs``. ``None``: absent."""

    path: str
    before: Any = None
    after: Any = None
    effect: Effect
    origin: Origin | None = None
    """Of ``after``, where it is a manifest's: what its author wrote, what the Project says for all, or a default that nobody wrote."""


class Verdict(StrEnum):
    FITS = "fits"
    TIGHT = "tight"
    DOES_NOT_FIT = "does not fit"
    UNKNOWN = "unknown"


class MemoryTerm(Value):
    """A part of what is needed: ``weights``, ``optimizer``, ``logits and loss``."""

    name: str
    gib: float


class Remedy(Value):
    """One change of a manifest with which the training would fit."""

    change: str
    """``batchSize: 1``; ``resources.instanceType: ml.g5.12xlarge``."""
    needed_gib: float
    available_gib: float
    usd_an_hour: Exact | None = None
    """Of all its instances, where the change is of the machines and their price is known."""

    @property
    def told(self) -> str:
        """``resources.instanceType: ml.g5.12xlarge (14.2 of 22.0 GiB, 7.09 USD an hour)``."""
        price = "" if self.usd_an_hour is None else f", {self.usd_an_hour:,.2f} USD an hour"
        return f"{self.change} ({self.needed_gib:.1f} of {self.available_gib:.1f} GiB{price})"


class Fit(Value):
    """Whether the training fits the GPUs' memory. Figures in GiB per GPU."""

    verdict: Verdict
    needed_gib: float | None = None
    """By the estimate that decides: the high one where it fits, else the low one."""
    most_gib: float | None = None
    """By the high estimate."""
    available_gib: float | None = None
    terms: tuple[MemoryTerm, ...] = ()
    """The largest parts of what is needed, the largest first."""
    remedies: tuple[Remedy, ...] = ()
    """The smallest change first; none where it fits."""
    assumptions: tuple[str, ...] = ()


class ChangeCost(Value):
    """What a change costs, its ``then`` included: once, and from then on. Savings are negative."""

    one_off: Cost = Cost.zero()
    hourly: Cost = Cost.zero()
    monthly: Cost = Cost.zero()


class FollowUp(Value):
    """What the tool will do next once a change is done; approved together with it."""

    action: Action
    target: str
    why: str


class Transition(Value):
    """The model's status now, and once the change and what follows it are done."""

    now: Status
    then: Status


class Change(Value):
    address: str
    """``FineTunedModel/support-bot``."""
    action: Action
    target: str
    """The name in the cloud: ``support-bot-1a2b3c4d`` (a version) or ``support-bot`` (what serves)."""
    provider: ProviderName
    fingerprint: str | None = None
    attempt: int | None = None
    instance_type: str | None = None
    """For ``train`` on SageMaker: the type of this attempt, which a fallback may change."""
    deployment: str | None = None
    """For ``undeploy``: the identifier of what goes. Two kinds of deployment may have one name."""
    reasons: tuple[Reason, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    status: Transition
    cost: ChangeCost | None = None
    fit: Fit | None = None
    depends_on: tuple[str, ...] = ()
    """Ids of changes that must be done first."""
    then: tuple[FollowUp, ...] = ()
    drift: bool = False
    """The cloud moved; no manifest asked for this."""
    stalled: bool = False
    """Nothing more happens without a person; the reasons say what to do."""
    conditions: tuple[Condition, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.action}:{self.provider}:{self.target}"

    @property
    def status_now(self) -> Status:
        return self.status.now

    @property
    def status_then(self) -> Status:
        return self.status.then

    @property
    def trains(self) -> bool:
        """At once, or once what it builds on is trained."""
        return self.action is Action.TRAIN or any(step.action is Action.TRAIN for step in self.then)

    @property
    def is_pending(self) -> bool:
        """Something is still to be done, awaited or decided."""
        return self.action is not Action.NO_OP or self.stalled


class CostSummary(Value):
    one_off: Cost = Cost.zero()
    hosting_monthly_now: Cost = Cost.zero()
    hosting_monthly_then: Cost = Cost.zero()
    hosting_hourly_then: Cost = Cost.zero()
    storage_monthly_then: Cost = Cost.zero()


class Plan(Value):
    format_version: str = FORMAT_VERSION
    project: str
    environment: str = ""
    """The overlay that was merged over the manifests; empty: none."""
    cloud: str
    account: str
    region: str
    observed_at: datetime
    manifests_digest: str
    snapshot_digest: str
    prices_as_of: str = ""
    changes: tuple[Change, ...] = ()
    """In an order in which they can be carried out."""
    totals: CostSummary = CostSummary()
    diagnostics: tuple[Diagnostic, ...] = ()
    targets: tuple[str, ...] = ()
    """What ``--target`` named; empty: everything."""
    destroy: bool = False
    overridden: tuple[str, ...] = ()
    """Codes of the errors that ``--allow`` made warnings of."""
    executed: tuple[str, ...] = ()
    """Models that the embedded cloud really trains and serves on this machine; it simulates the others."""
    digest: str = ""

    @property
    def summary(self) -> dict[str, int]:
        """Counts by action, every action named."""
        counts = Counter(change.action for change in self.changes)
        return {str(action): counts[action] for action in Action}

    @property
    def pending(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.is_pending)

    @property
    def can_apply(self) -> bool:
        return not has_errors(self.diagnostics)

    def sealed(self) -> Plan:
        """The plan with its digest."""
        return self.model_copy(update={"digest": digest_of(self)})


_SEALED_FIELDS = frozenset(
    {
        "address",
        "action",
        "target",
        "provider",
        "fingerprint",
        "attempt",
        "instance_type",
        "deployment",
        "fields",
        "depends_on",
        "then",
    }
)

_TOLD: Any = {"fields": {"__all__": {"origin"}}}
"""Within the sealed: to write a default out means the same as to leave it out."""


def digest_of(plan: Plan) -> str:
    """Covers where, from what, and everything that would be done; not prices, prose or times, which may be told better later."""
    sealed: dict[str, Any] = {
        "formatVersion": plan.format_version,
        "project": plan.project,
        "cloud": plan.cloud,
        "account": plan.account,
        "region": plan.region,
        "manifests": plan.manifests_digest,
        "snapshot": plan.snapshot_digest,
        "targets": plan.targets,
        "destroy": plan.destroy,
        "changes": [
            change.model_dump(mode="json", include=set(_SEALED_FIELDS), exclude=_TOLD) for change in plan.changes
        ],
    }
    sealed |= {name: value for name in ("environment", "overridden") if (value := getattr(plan, name))}
    return digest(sealed)


class PlanOptions(Value):
    """What the command line asks of the planner."""

    retrain: tuple[str, ...] = ()
    """Models to train again although their training was stopped or failed."""
    redeploy: tuple[str, ...] = ()
    """Models to deploy or roll again although that failed, was rolled back, or their ``after`` or ``idle`` ended it."""
    targets: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    """Codes of overridable errors."""
    destroy: bool = False
    """Plan the removal of everything the project owns."""
    refresh_only: bool = Field(default=False)
    """Only drift: what the cloud did, not what the manifests ask anew."""
