"""What is planned about a model's deployment, its tags and its schedules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.domain.desired import DeploymentKind, DesiredModel, UndeployRule
from reconciler.domain.observation import Deployment, DeploymentPhase, ModelObservation
from reconciler.domain.plan import Plan
from reconciler.domain.status import Status
from reconciler.domain.tags import Owner
from tests.builders import (
    BEDROCK,
    NOW,
    a_converged,
    a_deployment,
    a_fault,
    a_model,
    a_schedule,
    a_version,
    ago,
    an_artifact,
    fp,
)
from tests.unit.planner.planning import codes, message, plan_of, reasons, told

MODEL = a_model(fingerprint_of="new", deployment={"deployed": True})
OLD = a_model(fingerprint_of="old", deployment={"deployed": True})
DOWN = a_model(fingerprint_of="new")


def deployed(*deployments: Deployment, model: DesiredModel = MODEL, **more: Any) -> ModelObservation:
    return a_converged(model, deployments=deployments, **more)


def owned_by(fingerprint: str) -> Owner:
    return Owner(project="acme-llms", model="support-bot", fingerprint=fingerprint)


def test_trained_and_not_yet_deployed() -> None:
    plan = plan_of(MODEL, deployed())
    assert told(plan) == ["deploy support-bot"]
    assert (plan.changes[0].status_now, plan.changes[0].status_then) == (Status.NOT_DEPLOYED, Status.DEPLOYED)


def test_a_deployment_that_is_gone_is_drift() -> None:
    plan = plan_of(MODEL, deployed(), recorded=[MODEL])
    assert told(plan) == ["deploy support-bot (drift)"]
    assert "support-bot is gone; nobody asked for that" in message(plan)


def test_it_is_no_drift_where_the_manifest_asked_for_something_else_before() -> None:
    assert told(plan_of(MODEL, deployed(), recorded=[DOWN])) == ["deploy support-bot"]


@pytest.mark.parametrize("phase", [DeploymentPhase.CREATING, DeploymentPhase.UPDATING, DeploymentPhase.ROLLING_BACK])
def test_what_moves_is_waited_for(phase: DeploymentPhase) -> None:
    assert told(plan_of(MODEL, deployed(a_deployment(MODEL, phase=phase)))) == ["wait support-bot"]
    elsewhere = a_deployment(MODEL, phase=phase, fingerprint=OLD.fingerprint)
    assert told(plan_of(MODEL, deployed(elsewhere))) == ["wait support-bot, then roll support-bot"]
    assert told(plan_of(DOWN, deployed(elsewhere))) == ["wait support-bot, then undeploy support-bot"]


def test_a_deletion_is_waited_for() -> None:
    deleting = a_deployment(MODEL, phase=DeploymentPhase.DELETING)
    assert told(plan_of(MODEL, deployed(deleting))) == ["wait support-bot, then deploy support-bot"]
    assert told(plan_of(DOWN, deployed(deleting))) == ["wait support-bot"]


def test_a_newer_version_is_rolled_to() -> None:
    plan = plan_of(MODEL, deployed(a_deployment(OLD)))
    assert told(plan) == ["roll support-bot"]
    assert reasons(plan) == ["newer-version"]


def test_another_instance_type_is_rolled_to() -> None:
    bigger = a_model(fingerprint_of="new", deployment={"deployed": True, "instance_type": "ml.g5.12xlarge"})
    plan = plan_of(bigger, deployed(a_deployment(MODEL)), recorded=[MODEL])
    assert told(plan) == ["roll support-bot"]
    assert message(plan) == "instanceType ml.g5.2xlarge → ml.g5.12xlarge"


def test_another_image_is_rolled_to_and_none_at_all_is_kept() -> None:
    own = a_model(fingerprint_of="new", deployment={"deployed": True, "image": "ours:7"})
    plan = plan_of(own, deployed(a_deployment(MODEL, image="theirs:1")), recorded=[MODEL])
    assert told(plan) == ["roll support-bot"]
    assert message(plan) == "image theirs:1 → ours:7"
    assert told(plan_of(MODEL, deployed(a_deployment(MODEL, image="ours:7")), recorded=[own])) == ["no-op support-bot"]


def test_an_instance_type_changed_outside_is_drift() -> None:
    outside = a_deployment(MODEL, instance_type="ml.g5.48xlarge")
    plan = plan_of(MODEL, deployed(outside), recorded=[MODEL])
    assert told(plan) == ["roll support-bot (drift)"]
    assert reasons(plan) == ["changed-outside"]


def test_something_that_is_none_of_our_versions_is_drift() -> None:
    plan = plan_of(MODEL, deployed(a_deployment(MODEL, fingerprint=None)))
    assert told(plan) == ["roll support-bot (drift)"]


def test_instance_counts() -> None:
    two = a_model(fingerprint_of="new", deployment={"deployed": True, "instance_count": 2})
    assert told(plan_of(two, deployed(a_deployment(two, instance_count=1)))) == ["roll support-bot"]
    scaled = a_deployment(two, instance_count=5, autoscaled=True)
    assert told(plan_of(two, deployed(scaled))) == ["no-op support-bot"]
    assert told(plan_of(MODEL, deployed(a_deployment(MODEL, instance_count=5)))) == ["no-op support-bot"]


class TestBedrock:
    PROVISIONED = a_model("nova", fingerprint_of="n", provider=BEDROCK, deployment={"deployed": True})
    ON_DEMAND = a_model(
        "nova",
        fingerprint_of="n",
        provider=BEDROCK,
        deployment={"deployed": True, "kind": DeploymentKind.ON_DEMAND, "model_units": None, "commitment": None},
    )

    def test_rolls_in_place(self) -> None:
        old = a_deployment(self.PROVISIONED, fingerprint=fp("older"))
        assert told(plan_of(self.PROVISIONED, a_converged(self.PROVISIONED, deployments=[old]))) == ["roll nova"]

    def test_another_kind_is_deployed_anew_and_says_that_it_is_down_meanwhile(self) -> None:
        plan = plan_of(self.ON_DEMAND, a_converged(self.PROVISIONED))
        assert told(plan) == ["undeploy nova", "deploy nova"]
        assert plan.changes[1].depends_on == (plan.changes[0].id,)
        assert "does not serve in between" in message(plan)

    def test_another_kind_while_it_is_created_waits(self) -> None:
        creating = a_deployment(self.PROVISIONED, phase=DeploymentPhase.CREATING)
        plan = plan_of(self.ON_DEMAND, a_converged(self.PROVISIONED, deployments=[creating]))
        assert told(plan) == ["wait nova, then undeploy nova, then deploy nova"]

    def test_model_units_are_deployed_anew(self) -> None:
        more = a_model("nova", fingerprint_of="n", provider=BEDROCK, deployment={"deployed": True, "model_units": 3})
        plan = plan_of(more, a_converged(self.PROVISIONED))
        assert told(plan) == ["undeploy nova", "deploy nova"]
        assert "throughput.modelUnits 1 → 3" in message(plan)

    @pytest.mark.parametrize("wanted", ["undeployed", "on demand"])
    def test_a_commitment_holds(self, wanted: str) -> None:
        down = a_model("nova", fingerprint_of="n", provider=BEDROCK)
        held = a_deployment(self.PROVISIONED, commitment_ends_at=NOW + timedelta(days=20))
        model = down if wanted == "undeployed" else self.ON_DEMAND
        plan = plan_of(model, a_converged(self.PROVISIONED, deployments=[held]))
        assert told(plan) == ["no-op nova (stalled)"]
        assert codes(plan) == ["commitment"]
        assert "2026-03-24" in message(plan)

    def test_a_commitment_that_has_ended_does_not(self) -> None:
        down = a_model("nova", fingerprint_of="n", provider=BEDROCK)
        over = a_deployment(self.PROVISIONED, commitment_ends_at=ago(days=1))
        assert told(plan_of(down, a_converged(down, deployments=[over]))) == ["undeploy nova"]


class TestFailures:
    FAILED = a_deployment(
        MODEL, phase=DeploymentPhase.FAILED, fingerprint=None, target_fingerprint=MODEL.fingerprint,
        owner=owned_by(MODEL.fingerprint), failure=a_fault(message="The container did not pass its health check"),
    )  # fmt: skip
    ROLLED_BACK = a_deployment(
        OLD, rolled_back=True, owner=owned_by(MODEL.fingerprint), failure=a_fault(message="health check")
    )

    def test_a_failure_as_wanted_stalls(self) -> None:
        plan = plan_of(MODEL, deployed(self.FAILED))
        assert told(plan) == ["no-op support-bot (drift, stalled)"]
        assert "did not pass its health check" in message(plan)
        assert "--redeploy support-bot" in message(plan)
        assert plan.changes[0].status_now is Status.NOT_DEPLOYED

    def test_until_asked_again(self) -> None:
        plan = plan_of(MODEL, deployed(self.FAILED), redeploy=("support-bot",))
        assert told(plan) == ["undeploy support-bot", "deploy support-bot"]

    def test_or_something_else_is_wanted(self) -> None:
        newer = a_model(fingerprint_of="newer", deployment={"deployed": True})
        observed = deployed(self.FAILED, versions=[a_version(MODEL.fingerprint), a_version(newer.fingerprint)])
        assert told(plan_of(newer, observed)) == ["undeploy support-bot", "deploy support-bot"]

    def test_what_aws_rolled_back_stalls(self) -> None:
        observed = deployed(self.ROLLED_BACK)
        plan = plan_of(MODEL, observed)
        assert told(plan) == ["no-op support-bot (drift, stalled)"]
        assert "AWS rolled support-bot back to version" in message(plan)
        assert told(plan_of(MODEL, observed, redeploy=("support-bot",))) == ["roll support-bot"]

    def test_unless_another_way_of_serving_is_asked_for(self) -> None:
        bigger = a_model(fingerprint_of="new", deployment={"deployed": True, "instance_type": "ml.g5.48xlarge"})
        assert told(plan_of(bigger, deployed(self.ROLLED_BACK), recorded=[MODEL])) == ["roll support-bot"]

    def test_an_update_that_failed_is_never_no_changes(self) -> None:
        broken = a_deployment(MODEL, phase=DeploymentPhase.UPDATE_FAILED)
        assert told(plan_of(MODEL, deployed(broken))) == ["no-op support-bot (drift, stalled)"]


def test_undeployed_as_the_manifest_asks() -> None:
    plan = plan_of(DOWN, a_converged(MODEL))
    assert told(plan) == ["undeploy support-bot"]
    assert (plan.changes[0].status_now, plan.changes[0].status_then) == (Status.DEPLOYED, Status.NOT_DEPLOYED)
    assert [(f.path, f.before, f.after) for f in plan.changes[0].fields] == [
        ("spec.deployment.state", "deployed", "undeployed")
    ]


class TestRest:
    def planned(self, rule: UndeployRule, seen: ModelObservation, **more: Any) -> Plan:
        model = self.ruled(rule)
        return plan_of(model, seen, recorded=[model], **more)

    def ruled(self, rule: UndeployRule | None = None, **more: Any) -> DesiredModel:
        return a_model(fingerprint_of="new", deployment={"deployed": True, "undeploy": rule} | more)

    AFTER = UndeployRule(after=timedelta(hours=8))
    NIGHT = UndeployRule(hours="Mon-Fri 20:00-23:00")
    DAY = UndeployRule(hours="Mon-Fri 08:00-20:00")
    PAST = UndeployRule(at=ago(hours=1))

    def test_its_own_schedule_undeployed_it(self) -> None:
        fired = a_schedule(self.ruled(self.AFTER), fires_at=ago(hours=2))
        plan = self.planned(self.AFTER, deployed(schedules=[fired]))
        assert told(plan) == ["no-op support-bot"]
        assert "its 8h ended at 2026-03-04 10:00 UTC" in message(plan)
        again = self.planned(self.AFTER, deployed(schedules=[fired]), redeploy=("support-bot",))
        assert told(again) == ["deploy support-bot (drift)"]

    def test_another_rule_than_the_one_that_fired_deploys_again(self) -> None:
        fired = a_schedule(self.ruled(UndeployRule(after=timedelta(hours=1))), fires_at=ago(hours=2))
        assert told(self.planned(self.AFTER, deployed(schedules=[fired]))) == ["deploy support-bot (drift)"]

    def test_a_deployment_younger_than_the_schedule_stays(self) -> None:
        fired = a_schedule(self.ruled(self.AFTER), fires_at=ago(days=3))
        seen = deployed(a_deployment(MODEL, created_at=ago(hours=1)), schedules=[fired])
        assert told(self.planned(self.AFTER, seen)) == ["no-op support-bot"]

    def test_outside_its_hours(self) -> None:
        both = [a_schedule(self.ruled(self.NIGHT), purpose=purpose) for purpose in ("undeploy", "deploy")]
        plan = self.planned(self.NIGHT, deployed(schedules=both))
        assert told(plan) == ["no-op support-bot"]
        assert "it is due again at 2026-03-04 20:00 UTC" in message(plan)
        assert told(self.planned(self.NIGHT, deployed(a_deployment(MODEL), schedules=both))) == ["undeploy support-bot"]

    def test_outside_its_hours_the_schedule_that_deploys_it_must_be_there(self) -> None:
        assert told(self.planned(self.NIGHT, deployed())) == ["update support-bot (drift)"]

    def test_within_its_hours_a_missing_deployment_is_drift(self) -> None:
        assert told(self.planned(self.DAY, deployed())) == ["deploy support-bot (drift)"]

    def test_a_time_that_has_passed(self) -> None:
        assert told(self.planned(self.PAST, deployed())) == ["no-op support-bot"]
        assert told(self.planned(self.PAST, deployed(a_deployment(MODEL)))) == ["undeploy support-bot"]
        assert told(self.planned(self.PAST, deployed(), redeploy=("support-bot",))) == ["no-op support-bot"]

    def test_idle(self) -> None:
        model = self.ruled(idle=timedelta(days=7))
        old = a_deployment(model, created_at=ago(days=30))
        plan = plan_of(model, deployed(old, last_invoked_at=ago(days=9)))
        assert told(plan) == ["undeploy support-bot"]
        assert "idle for 9 days, the manifest allows 7d" in message(plan)
        assert told(plan_of(model, deployed(old, last_invoked_at=ago(days=6)))) == ["no-op support-bot"]
        assert told(plan_of(model, deployed(old, counted_since=ago(days=60)))) == ["undeploy support-bot"]
        assert told(plan_of(model, deployed(old, counted_since=ago(days=6)))) == ["no-op support-bot"]
        assert told(plan_of(model, deployed(old))) == ["no-op support-bot"], "nobody knows whether it is used"
        young = a_deployment(model, created_at=ago(days=2))
        assert told(plan_of(model, deployed(young, last_invoked_at=ago(days=9)))) == ["no-op support-bot"]

    def test_what_idleness_undeployed_stays_down(self) -> None:
        model = self.ruled(idle=timedelta(days=7))
        version = a_version(model.fingerprint, artifact=an_artifact(created_at=ago(days=40)))
        seen = deployed(versions=[version], last_invoked_at=ago(days=9))
        assert told(plan_of(model, seen, recorded=[model])) == ["no-op support-bot"]
        assert told(plan_of(model, seen, recorded=[DOWN])) == ["deploy support-bot"]
        assert told(plan_of(model, seen, recorded=[model], redeploy=("support-bot",))) == ["deploy support-bot (drift)"]


class TestTagsAndSchedules:
    RULE = UndeployRule(hours="Mon-Fri 08:00-20:00")
    RULED = a_model(fingerprint_of="new", deployment={"deployed": True, "undeploy": RULE})

    def test_labels_and_guards(self) -> None:
        model = a_model(fingerprint_of="new", labels={"team": "support"}, prevent_destroy=True)
        plan = plan_of(model, a_converged(DOWN))
        assert told(plan) == ["update support-bot"]
        assert {field.path for field in plan.changes[0].fields} == {
            "metadata.labels.team",
            "spec.lifecycle.preventDestroy",
        }

    def test_tags_changed_outside_are_drift(self) -> None:
        plan = plan_of(MODEL, a_converged(MODEL, labels={"team": "other"}), recorded=[MODEL])
        assert told(plan) == ["update support-bot (drift)"]

    def test_nothing_is_tagged_where_nothing_is(self) -> None:
        labelled = a_model(fingerprint_of="new", labels={"team": "support"})
        assert [change.action for change in plan_of(labelled).changes] == ["train"]

    def test_schedules_are_made(self) -> None:
        assert told(plan_of(self.RULED, a_converged(MODEL))) == ["update support-bot"]

    def test_schedules_as_they_should_be(self) -> None:
        schedules = [a_schedule(self.RULED, purpose=purpose) for purpose in ("deploy", "undeploy")]
        assert told(plan_of(self.RULED, a_converged(self.RULED, schedules=schedules))) == ["no-op support-bot"]

    def test_a_schedule_that_would_bring_back_another_version(self) -> None:
        schedules = [
            a_schedule(self.RULED, purpose="deploy", fingerprint=OLD.fingerprint),
            a_schedule(self.RULED, purpose="undeploy"),
        ]
        assert told(plan_of(self.RULED, a_converged(self.RULED, schedules=schedules))) == ["update support-bot"]

    def test_another_rule(self) -> None:
        other = UndeployRule(hours="Mon 08:00-20:00")
        schedules = [a_schedule(self.RULED, purpose=p, rule=other) for p in ("deploy", "undeploy")]
        assert told(plan_of(self.RULED, a_converged(self.RULED, schedules=schedules))) == ["update support-bot"]

    def test_schedules_of_what_is_no_longer_deployed_are_removed(self) -> None:
        schedule = a_schedule(self.RULED, purpose="deploy")
        assert told(plan_of(DOWN, a_converged(DOWN, schedules=[schedule]))) == ["update support-bot"]


class TestRetention:
    VERSIONS = tuple(a_version(fp(word)) for word in ("a", "b", "c"))

    def seen(self, *deployments: Deployment) -> ModelObservation:
        return deployed(*deployments, versions=[*self.VERSIONS, a_version(MODEL.fingerprint)])

    def test_the_newest_are_kept(self) -> None:
        plan = plan_of(MODEL, self.seen(a_deployment(MODEL)))
        deleted = [change.fingerprint for change in plan.changes if change.action == "delete"]
        assert sorted(deleted, key=str) == sorted([fp("a"), fp("b")])

    def test_never_in_the_plan_that_replaces_them(self) -> None:
        assert told(plan_of(MODEL, self.seen(a_deployment(OLD)))) == ["roll support-bot"]
        assert told(plan_of(MODEL, self.seen())) == ["deploy support-bot"]

    def test_what_a_schedule_would_bring_back_is_kept(self) -> None:
        kept = a_schedule(MODEL, purpose="undeploy", fingerprint=fp("a"))
        seen = self.seen(a_deployment(MODEL)).model_copy(update={"schedules": (kept,)})
        deleted = [change.fingerprint for change in plan_of(MODEL, seen).changes if change.action == "delete"]
        assert fp("a") not in deleted

    def test_all_may_be_kept(self) -> None:
        many = a_model(fingerprint_of="new", deployment={"deployed": True}, keep_versions=9)
        assert told(plan_of(many, self.seen(a_deployment(MODEL)))) == ["no-op support-bot"]
