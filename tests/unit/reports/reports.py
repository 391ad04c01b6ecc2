"""Pages made by hand: everything that a report must be able to say, nothing at all, and a hostile one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from reconciler.cost.options import TrainingOption
from reconciler.domain.catalog import ProviderName
from reconciler.domain.losses import LossCurve, LossPoint
from reconciler.domain.plan import Fit, Verdict
from reconciler.domain.quantity import Cost, Range
from reconciler.domain.status import Condition, ConditionStatus, ConditionType
from reconciler.reports.view.drift import drift_of
from reconciler.reports.view.report import Findings
from tests import builders as make
from tests.unit.reports.plans import EVERYTHING, STALLED, a_plan
from tests.unit.reports.test_status import SEEN, SERVING, WANTED, a_dossier
from tests.unit.reports.test_status import STALLED as FAILED

CHILD = make.a_model("child-bot", fingerprint_of="child", parent="support-bot")
HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e\x1b[2J"


def a_curve(run: str, *losses: float, validation: tuple[float, ...] = (), model: str = "support-bot") -> LossCurve:
    return LossCurve(
        model=model,
        run=run,
        unit="step",
        training=tuple(LossPoint(at=step, loss=loss) for step, loss in enumerate(losses, 1)),
        validation=tuple(LossPoint(at=len(losses), loss=loss) for loss in validation),
    )


def some_options(*names: str) -> tuple[TrainingOption, ...]:
    """The first is best, the second fits, the third is tight; each costs twice as much and takes half as long as the one before."""
    verdicts = (Verdict.FITS, Verdict.FITS, Verdict.TIGHT)
    return tuple(
        TrainingOption(
            provider=ProviderName.SAGEMAKER,
            instance_type=name,
            fit=Fit(verdict=verdict),
            hours=Range.exactly(Decimal(8) / 2**number),
            cost=Cost.of(Range.exactly(Decimal(10) * 2**number)),
            pareto=number == 0,
        )
        for number, (name, verdict) in enumerate(zip(names, verdicts, strict=True))
    )


def everything() -> Findings:
    """A failed training beside what serves, a child that builds on it, drift, errors, unknown prices."""
    plan = EVERYTHING.model_copy(update={"changes": (*EVERYTHING.changes, FAILED)}).sealed()
    child = replace(
        a_dossier(), name="child-bot", desired=CHILD, observed=(), lineage=("qwen3-8b", "support-bot", "child-bot")
    )
    curve = a_curve(f"support-bot-{SERVING.fingerprint[7:15]}", 2.1, 1.6, 1.4, 1.3, 1.28, validation=(1.4,))
    return Findings(
        plan=plan,
        drift=drift_of(plan),
        dossiers=(a_dossier(FAILED), child),
        curves=(curve,),
        options={"support-bot": some_options("ml.g5.xlarge", "ml.g6e.xlarge", "ml.p4d.24xlarge")},
    )


def nothing() -> Findings:
    return Findings(plan=a_plan(), drift=a_plan(), dossiers=(), curves=())


def hostile() -> Findings:
    """Every text that the page shows is the worst that somebody could have written."""
    condition = Condition(type=ConditionType.READY, status=ConditionStatus.FALSE, reason=HOSTILE, message=HOSTILE)
    reasons = tuple(reason.model_copy(update={"message": HOSTILE}) for reason in STALLED.reasons)
    change = STALLED.model_copy(
        update={
            "address": f"FineTunedModel/{HOSTILE}",
            "target": HOSTILE,
            "reasons": reasons,
            "drift": True,
            "conditions": (condition,),
        }
    )
    plan = a_plan(change, project=HOSTILE, account=HOSTILE, prices_as_of=HOSTILE, environment=HOSTILE)
    run = make.an_attempt(WANTED).model_copy(
        update={"name": HOSTILE, "metrics": {HOSTILE: Decimal(1)}, "created_by": HOSTILE}
    )
    version = make.a_version(WANTED.fingerprint, runs=[run])
    seen = SEEN.model_copy(update={"versions": (version,)})
    desired = WANTED.model_copy(
        update={"resolved": WANTED.resolved.model_copy(update={"description": HOSTILE, "base_model": HOSTILE})}
    )
    dossier = replace(a_dossier(change), name=HOSTILE, desired=desired, observed=(seen,), lineage=(HOSTILE,) * 3)
    return Findings(
        plan=plan,
        drift=drift_of(plan),
        dossiers=(dossier,),
        curves=(a_curve(HOSTILE, 2, 1, model=HOSTILE),),
        options={HOSTILE: some_options(HOSTILE, HOSTILE, HOSTILE)},
    )


def many(count: int = 40) -> Findings:
    """Long names, one card each."""
    names = [f"a-model-with-a-rather-long-name-that-nearly-fills-what-is-legal-{n}" for n in range(count)]
    return Findings(
        plan=a_plan(), drift=a_plan(), dossiers=tuple(replace(a_dossier(), name=name) for name in names), curves=()
    )
