"""Plans as the planner makes them, priced with the bundled catalog."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from reconciler.catalog import load
from reconciler.cost.fresh import stale_prices
from reconciler.cost.price import price_plan
from reconciler.domain.desired import Configuration, DeploymentKind, DesiredModel, UndeployRule
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.kinds.project import Budget
from reconciler.domain.observation import ModelObservation, TrainingPhase
from reconciler.domain.outcome import FaultKind
from reconciler.domain.plan import Action, Change, ChangeCost, Plan, PlanOptions, Verdict
from reconciler.domain.quantity import Cost
from reconciler.planner.plan import make_plan
from tests.builders import (
    BEDROCK,
    a_configuration,
    a_converged,
    a_deployment,
    a_fault,
    a_model,
    a_snapshot,
    a_training_machine,
    a_version,
    an_artifact,
    an_attempt,
    an_observation,
)

CATALOG = load()
LORA = {"epochs": 3, "optional": {"use_lora": True, "lora_config": {"r": 8}}}


def priced(
    *models: DesiredModel, seen: tuple[ModelObservation, ...] = (), budget: Budget | None = None, **options: Any
) -> Plan:
    configuration = _with_budget(a_configuration(*models), budget)
    snapshot = a_snapshot(*seen)
    plan = make_plan(configuration, models, snapshot, PlanOptions(**options))
    return price_plan(plan, models, snapshot, CATALOG, configuration.project)


def a_budget(**ceilings: str) -> Budget:
    """``a_budget(per_training="200")``, in USD."""
    return Budget.model_validate({name: f"{amount} USD" for name, amount in ceilings.items()})


def _with_budget(configuration: Configuration, budget: Budget | None) -> Configuration:
    project = configuration.project.model_copy(update={"budget": budget or Budget()})
    return configuration.model_copy(update={"project": project})


def deployed(name: str = "support-bot", **more: Any) -> DesiredModel:
    deployment = {"deployed": True, **more.pop("deployment", {})}
    return a_model(name, deployment=deployment, **({"hyperparameters": LORA} | more))


def the(plan: Plan, action: Action) -> Change:
    (change,) = [change for change in plan.changes if change.action is action]
    return change


def cost_of(plan: Plan, action: Action) -> ChangeCost:
    cost = the(plan, action).cost
    assert cost is not None
    return cost


def likely(cost: Cost) -> Decimal:
    assert cost.amount is not None, cost.unknown
    return cost.amount.likely


def found(plan: Plan, code: str) -> Diagnostic:
    (diagnostic,) = [diagnostic for diagnostic in plan.diagnostics if diagnostic.code == code]
    return diagnostic


def codes(plan: Plan) -> set[str]:
    return {diagnostic.code for diagnostic in plan.diagnostics}


def test_a_new_model_is_trained_kept_and_deployed() -> None:
    plan = priced(deployed())
    cost = cost_of(plan, Action.TRAIN)
    assert likely(cost.one_off) > 1
    assert likely(cost.hourly) == Decimal("1.515")
    assert likely(cost.monthly) == Decimal("1105.95") + likely(plan.totals.storage_monthly_then)
    assert plan.totals.one_off == cost.one_off
    assert likely(plan.totals.hosting_monthly_now) == 0
    assert likely(plan.totals.hosting_monthly_then) == Decimal("1105.95")
    assert plan.prices_as_of == "2026-11-23"


def test_prices_do_not_change_what_is_approved() -> None:
    plan = priced(deployed())
    bare = plan.model_copy(update={"totals": type(plan.totals)(), "prices_as_of": ""})
    assert plan.sealed().digest == bare.sealed().digest


def test_what_runs_as_desired_is_in_the_totals_only() -> None:
    model = deployed()
    plan = priced(model, seen=(a_converged(model),))
    assert the(plan, Action.NO_OP).cost is None
    assert plan.totals.hosting_monthly_now == plan.totals.hosting_monthly_then
    assert likely(plan.totals.hosting_monthly_then) == Decimal("1105.95")
    assert likely(plan.totals.one_off) == 0


def test_a_roll_costs_the_difference() -> None:
    before, after = deployed(), deployed(deployment={"instance_type": "ml.g5.12xlarge"})
    plan = priced(after, seen=(a_converged(before),))
    cost = cost_of(plan, Action.ROLL)
    assert likely(cost.hourly) == Decimal("7.09") - Decimal("1.515")
    assert likely(plan.totals.hosting_hourly_then) == Decimal("7.09")


def test_a_retraining_of_what_is_deployed_costs_no_more_hosting() -> None:
    before, after = deployed(), deployed(hyperparameters=LORA | {"epochs": 4})
    plan = priced(after, seen=(a_converged(before),))
    cost = cost_of(plan, Action.TRAIN)
    assert likely(cost.hourly) == 0
    assert likely(cost.one_off) > 0
    assert likely(plan.totals.storage_monthly_then) > likely(cost.monthly)


def test_a_training_that_runs_is_paid_and_what_it_will_leave_behind_is_not() -> None:
    model = a_model(hyperparameters=LORA)
    running = a_version(model.fingerprint, runs=[an_attempt(model)])
    plan = priced(model, seen=(an_observation(model, versions=[running]),))
    fresh = priced(model)
    assert likely(plan.totals.one_off) == 0
    assert likely(cost_of(plan, Action.WAIT).monthly) > 0
    assert plan.totals.storage_monthly_then == fresh.totals.storage_monthly_then


def test_undeploying_shows_what_ends() -> None:
    was, now = deployed(), a_model(hyperparameters=LORA)
    seen = an_observation(now, versions=(a_version(now.fingerprint),), deployments=(a_deployment(was),))
    plan = priced(now, seen=(seen,))
    cost = cost_of(plan, Action.UNDEPLOY)
    assert likely(cost.hourly) == Decimal("-1.515")
    assert likely(cost.monthly) == Decimal("-1105.95")
    assert likely(plan.totals.hosting_monthly_then) == 0


def test_a_manifest_that_is_gone_ends_hosting_and_storage() -> None:
    plan = priced(seen=(a_converged(deployed()),))
    assert likely(cost_of(plan, Action.UNDEPLOY).monthly) == Decimal("-1105.95")
    assert likely(cost_of(plan, Action.DELETE).monthly) == Decimal("-0.001932")
    assert likely(plan.totals.storage_monthly_then) == 0


def test_what_is_retained_is_still_paid_for() -> None:
    seen = a_converged(a_model()).model_copy(update={"deletion_policy": "retain"})
    plan = priced(seen=(seen,))
    assert the(plan, Action.DELETE).cost is None
    assert likely(plan.totals.storage_monthly_then) == Decimal("0.001932")


def test_bedrock_without_a_manifest_has_no_known_price() -> None:
    model = a_model(provider=BEDROCK, deployment={"deployed": True})
    plan = priced(seen=(a_converged(model),))
    cost = cost_of(plan, Action.UNDEPLOY)
    assert cost.monthly.amount is None
    assert cost.monthly.unknown == ("provisioned throughput of support-bot: its base model is not known",)
    assert likely(cost_of(plan, Action.DELETE).monthly) == Decimal("-1.95")


def test_units_replaced_are_paid_once() -> None:
    before = a_model(provider=BEDROCK, deployment={"deployed": True, "model_units": 1}, base_model="nova-lite")
    after = a_model(provider=BEDROCK, deployment={"deployed": True, "model_units": 2}, base_model="nova-lite")
    plan = priced(after, seen=(a_converged(before),))
    assert likely(cost_of(plan, Action.UNDEPLOY).hourly) == Decimal("-108.15")
    assert likely(cost_of(plan, Action.DEPLOY).hourly) == Decimal("216.3")
    assert likely(plan.totals.hosting_hourly_then) == Decimal("216.3")


def test_on_demand_in_place_of_provisioned() -> None:
    before = a_model(provider=BEDROCK, deployment={"deployed": True}, base_model="nova-lite")
    after = a_model(
        provider=BEDROCK, deployment={"deployed": True, "kind": DeploymentKind.ON_DEMAND}, base_model="nova-lite"
    )
    plan = priced(after, seen=(a_converged(before),))
    assert likely(plan.totals.hosting_hourly_then) == 0
    assert likely(plan.totals.hosting_monthly_now) == Decimal("108.15") * 730


def test_the_next_attempt_is_priced_on_its_own_type() -> None:
    machine = a_training_machine(fallback_instance_types=("ml.g6.12xlarge",))
    model = a_model(resources=machine, hyperparameters=LORA)
    run = an_attempt(model, phase=TrainingPhase.FAILED, failure=a_fault(FaultKind.CAPACITY))
    seen = an_observation(model, versions=(a_version(model.fingerprint, runs=(run,), artifact=None),))
    change = the(priced(model, seen=(seen,)), Action.TRAIN)
    assert change.instance_type == "ml.g6.12xlarge"
    assert change.cost is not None
    assert any("5.752 USD" in note for note in change.cost.one_off.assumptions)


def test_a_child_that_waits_for_its_parent_is_priced() -> None:
    parent = a_model("parent", hyperparameters=LORA)
    child = deployed("child", parent="parent", parent_fingerprint=parent.fingerprint)
    plan = priced(parent, child)
    cost = cost_of(plan, Action.WAIT)
    assert likely(cost.one_off) > 0
    assert likely(cost.hourly) == Decimal("1.515")
    assert likely(plan.totals.one_off) == likely(cost.one_off) + likely(cost_of(plan, Action.TRAIN).one_off)


def test_hours_that_change_are_an_update_with_a_price() -> None:
    before = deployed()
    after = deployed(deployment={"undeploy": UndeployRule(hours="Mon-Fri 08:00-20:00")})
    plan = priced(after, seen=(a_converged(before),))
    cost = cost_of(plan, Action.UPDATE)
    assert float(likely(cost.monthly)) == pytest.approx(1.515 * 730 * (60 / 168 - 1))
    assert likely(cost.hourly) == 0


def test_old_versions_that_go_are_saved() -> None:
    model = a_model(hyperparameters=LORA, keep_versions=0)
    old = a_model(hyperparameters=LORA | {"epochs": 9})
    versions = (a_version(old.fingerprint, artifact=an_artifact(size_bytes=10**10)), a_version(model.fingerprint))
    plan = priced(model, seen=(an_observation(model, versions=versions),))
    assert likely(cost_of(plan, Action.DELETE).monthly) == Decimal("-0.23")


def test_unknown_is_named_and_never_zero() -> None:
    micro = a_model("micro", provider=BEDROCK, deployment={"deployed": True})
    plan = priced(micro, deployed())
    assert plan.totals.hosting_monthly_then.unknown == (
        "provisioned throughput of nova-micro without commitment in us-east-1",
    )
    assert likely(plan.totals.hosting_monthly_then) == Decimal("1105.95")
    alone = priced(micro)
    assert alone.totals.hosting_monthly_then.amount is None


def test_fit_and_its_error() -> None:
    assert the(priced(deployed()), Action.TRAIN).fit is not None
    small = a_model(resources=a_training_machine("ml.g5.2xlarge"), hyperparameters={"epochs": 3})
    plan = priced(small)
    fit = the(plan, Action.TRAIN).fit
    assert fit is not None
    assert fit.verdict is Verdict.DOES_NOT_FIT
    error = found(plan, "does-not-fit")
    assert error.is_error
    assert error.overridable
    assert not plan.can_apply
    assert "ml.g5.2xlarge has 22.0" in error.detail


def test_bedrock_has_no_fit() -> None:
    assert the(priced(a_model(provider=BEDROCK)), Action.TRAIN).fit is None


def test_a_run_time_that_is_too_short() -> None:
    machine = a_training_machine(max_runtime=timedelta(minutes=5))
    plan = priced(a_model(resources=machine, hyperparameters=LORA))
    warning = found(plan, "max-runtime-too-short")
    assert not warning.is_error
    assert "stops it after 5m" in warning.detail
    assert "max-runtime-too-short" not in codes(priced(a_model(hyperparameters=LORA)))


def test_within_budget() -> None:
    budget = a_budget(per_training="200", monthly_hosting="3000")
    assert codes(priced(deployed(), budget=budget)) == set()


def test_over_budget_can_be_overridden_by_name() -> None:
    budget = a_budget(per_training="0.10", monthly_hosting="1000")
    plan = priced(deployed(), budget=budget)
    errors = [diagnostic for diagnostic in plan.diagnostics if diagnostic.code == "over-budget"]
    assert [error.overridable for error in errors] == [True, True]
    assert "1,105.95 USD" in errors[1].detail
    assert not plan.can_apply


def a_label_budget(match: dict[str, str], **ceilings: str) -> Budget:
    label = {"match_labels": match} | {name: f"{amount} USD" for name, amount in ceilings.items()}
    return Budget.model_validate({"per_label": [label]})


def test_a_budget_for_labelled_models_is_theirs_alone() -> None:
    ours, theirs = deployed("ours", labels={"team": "a", "env": "prod"}), deployed("theirs", labels={"team": "b"})
    both = {"per_training": "0.10", "monthly_hosting": "1500"}
    plan = priced(ours, theirs, budget=a_label_budget({"team": "a", "env": "prod"}, **both))
    errors = [diagnostic for diagnostic in plan.diagnostics if diagnostic.code == "over-budget"]
    assert [error.address for error in errors] == ["FineTunedModel/ours"]
    assert "`budget.perLabel[env=prod, team=a].perTraining` is 0.10 USD" in errors[0].detail
    assert codes(priced(ours, theirs, budget=a_label_budget({"team": "c"}, **both))) == set()


def test_hosting_of_labelled_models_together() -> None:
    ours = [deployed(name, labels={"team": "a"}) for name in ("one", "two")]
    one, both = (priced(*ours[:count]).totals.hosting_monthly_then.likely for count in (1, 2))
    assert one is not None
    assert both is not None
    budget = a_label_budget({"team": "a"}, monthly_hosting=f"{(one + both) / 2:.2f}")
    assert codes(priced(ours[0], budget=budget)) == set()
    error = found(priced(*ours, budget=budget), "over-budget")
    assert (error.is_error, error.overridable) == (True, True)
    assert "Hosting of models with team=a by the month" in error.detail


def test_what_no_manifest_wants_counts_by_the_labels_that_it_bears() -> None:
    model = deployed("old", labels={"team": "a"})
    seen = a_converged(model, labels={"team": "a"})
    budget = a_label_budget({"team": "a"}, monthly_hosting="1")
    assert found(priced(model, seen=(seen,), budget=budget), "over-budget").severity == "warning"
    assert codes(priced(seen=(seen,), budget=budget)) & {"over-budget"} == set()


def test_only_the_high_estimate_is_over_budget() -> None:
    cost = cost_of(priced(deployed()), Action.TRAIN).one_off
    assert cost.amount is not None
    between = (cost.amount.likely + cost.amount.high) / 2
    plan = priced(deployed(), budget=a_budget(per_training=f"{between:.4f}"))
    assert not found(plan, "may-exceed-budget").is_error


def test_a_budget_that_an_unknown_price_may_break() -> None:
    nova = a_model("pro", provider=BEDROCK, base_model="nova-pro", deployment={"deployed": True})
    plan = priced(nova, budget=a_budget(per_training="10", monthly_hosting="10"))
    warnings = [diagnostic for diagnostic in plan.diagnostics if diagnostic.code == "budget-unknown"]
    assert len(warnings) == 2
    assert "training of nova-pro in us-east-1" in warnings[0].detail
    assert plan.can_apply


def test_hosting_over_budget_that_the_plan_does_not_raise_keeps_nothing_from_being_applied() -> None:
    first, second = deployed("first"), deployed("second")
    budget = a_budget(monthly_hosting="1000")
    plan = priced(first, seen=(a_converged(first), a_converged(second)), budget=budget)
    assert likely(plan.totals.hosting_monthly_then) < likely(plan.totals.hosting_monthly_now)
    warning = found(plan, "over-budget")
    assert (warning.is_error, "override" in (warning.hint or "")) == (False, False)
    assert plan.can_apply


def test_what_stalls_costs_nothing() -> None:
    model = a_model(hyperparameters=LORA)
    run = an_attempt(model, phase=TrainingPhase.STOPPED)
    seen = an_observation(model, versions=(a_version(model.fingerprint, runs=(run,), artifact=None),))
    plan = priced(model, seen=(seen,))
    (change,) = plan.changes
    assert change.stalled
    assert change.cost is None
    assert likely(plan.totals.one_off) == 0


def test_old_prices_are_warned_of_where_something_is_to_be_paid() -> None:
    model = deployed()
    plan = make_plan(a_configuration(model), (model,), a_snapshot(), PlanOptions())
    read = CATALOG.prices_as_of("us-east-1")
    for days, cloud, expected in ((91, "aws", True), (90, "aws", False), (91, "local", False)):
        then = datetime.combine(read, time(), UTC) + timedelta(days=days)
        dated = plan.model_copy(update={"observed_at": then, "cloud": cloud})
        assert bool([*stale_prices(read, dated)]) is expected
    idle = plan.model_copy(update={"observed_at": then + timedelta(days=99), "cloud": "aws", "changes": ()})
    assert [*stale_prices(read, idle)] == []
