"""What is planned across models: removal, renames, changed providers, guards, scope."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.domain.desired import DesiredModel
from reconciler.domain.observation import Deployment, DeploymentPhase, ForeignResource, ModelObservation, TrainingPhase
from reconciler.domain.plan import Plan
from reconciler.domain.status import Status
from reconciler.domain.tags import Owner
from tests.builders import (
    BEDROCK,
    NOW,
    SAGEMAKER,
    a_converged,
    a_deployment,
    a_model,
    a_schedule,
    a_snapshot,
    a_version,
    ago,
    an_attempt,
    an_observation,
)
from tests.unit.planner.planning import codes, message, plan_of, reasons, told

MODEL = a_model(fingerprint_of="new", deployment={"deployed": True})
NAME = "support-bot-" + MODEL.fingerprint[7:15]


class TestManifestGone:
    def test_undeployed_then_deleted(self) -> None:
        plan = plan_of([], a_converged(MODEL))
        assert told(plan) == ["undeploy support-bot", f"delete {NAME}"]
        undeploy, delete = plan.changes
        assert delete.depends_on == (undeploy.id,)
        assert (delete.status_now, delete.status_then) == (Status.DEPLOYED, Status.ABSENT)
        assert "can be restored for 30 days" in message(plan)

    def test_a_running_training_is_stopped_first(self) -> None:
        seen = an_observation(MODEL, versions=[a_version(MODEL.fingerprint, runs=[an_attempt(MODEL)])])
        assert told(plan_of([], seen)) == [f"stop {NAME}, then delete {NAME}", f"delete {NAME}"]

    def test_what_moves_is_waited_for_and_nothing_deleted_meanwhile(self) -> None:
        stopping = an_attempt(MODEL, phase=TrainingPhase.STOPPING)
        seen = an_observation(MODEL, versions=[a_version(MODEL.fingerprint, runs=[stopping])])
        assert told(plan_of([], seen)) == [f"wait {NAME}, then delete {NAME}"]
        creating = a_converged(MODEL, deployments=[a_deployment(MODEL, phase=DeploymentPhase.CREATING)])
        assert told(plan_of([], creating)) == [f"wait support-bot, then undeploy support-bot, then delete {NAME}"]
        deleting = a_converged(MODEL, deployments=[a_deployment(MODEL, phase=DeploymentPhase.DELETING)])
        assert told(plan_of([], deleting)) == [f"wait support-bot, then delete {NAME}"]

    def test_schedules_alone_are_removed(self) -> None:
        seen = ModelObservation(name="support-bot", provider=SAGEMAKER, schedules=(a_schedule(MODEL),))
        assert told(plan_of([], seen)) == ["undeploy support-bot"]

    def test_retained_as_the_manifest_said(self) -> None:
        plan = plan_of([], a_converged(a_model(fingerprint_of="new", deletion_policy="retain")))
        assert "deletionPolicy: retain" in message(plan)

    def test_records_of_discarded_trainings_are_nothing(self) -> None:
        run = an_attempt(MODEL, phase=TrainingPhase.COMPLETED, discarded=True)
        seen = an_observation(MODEL, versions=[a_version(MODEL.fingerprint, runs=[run], artifact=None)])
        assert told(plan_of([], seen)) == []

    def test_children_go_first(self) -> None:
        parent = a_model("base-bot", fingerprint_of="base")
        child = a_model("child-bot", fingerprint_of="child", parent="base-bot")
        plan = plan_of([], a_converged(parent), a_converged(child))
        assert [change.address for change in plan.changes] == ["FineTunedModel/child-bot", "FineTunedModel/base-bot"]
        assert plan.changes[1].depends_on == (plan.changes[0].id,)
        assert codes(plan) == []

    def test_a_child_that_still_stops_holds_its_parent(self) -> None:
        parent = a_model("base-bot", fingerprint_of="base")
        child = a_model("child-bot", fingerprint_of="child", parent="base-bot")
        run = an_attempt(child, phase=TrainingPhase.STOPPING)
        stopping = an_observation(child, versions=[a_version(child.fingerprint, runs=[run])])
        plan = plan_of([], a_converged(parent), stopping)
        assert {change.action for change in plan.changes} == {"wait"}
        assert "builds on it and goes first" in message(plan)

    def test_destroy_is_as_if_every_manifest_were_gone(self) -> None:
        plan = plan_of(MODEL, a_converged(MODEL), destroy=True)
        assert told(plan) == ["undeploy support-bot", f"delete {NAME}"]
        assert reasons(plan)[0] == "destroy-asked"
        assert plan.destroy

    def test_a_commitment_blocks_everything(self) -> None:
        nova = a_model("nova", provider=BEDROCK, deployment={"deployed": True})
        held = a_deployment(nova, commitment_ends_at=NOW + timedelta(days=20))
        plan = plan_of([], a_converged(nova, deployments=[held]))
        assert told(plan) == ["no-op nova (stalled)"]
        assert codes(plan) == ["commitment"]


class TestGuards:
    def errors(self, plan: Plan) -> list[str]:
        return [d.code for d in plan.diagnostics if d.is_error]

    def test_prevent_destroy_is_read_from_the_cloud(self) -> None:
        plan = plan_of([], a_converged(a_model(fingerprint_of="new", prevent_destroy=True)))
        assert self.errors(plan) == ["prevent-destroy"]
        assert not plan.can_apply
        assert plan.diagnostics[0].overridable

    def test_a_protected_model_with_a_manifest_is_no_matter(self) -> None:
        protected = a_model(fingerprint_of="new", prevent_destroy=True)
        assert codes(plan_of(protected, a_converged(protected))) == []

    @pytest.mark.parametrize(
        ("total", "gone", "expected"), [(10, 4, ["mass-deletion"]), (10, 3, []), (9, 9, []), (20, 7, ["mass-deletion"])]
    )
    def test_mass_deletion(self, total: int, gone: int, expected: list[str]) -> None:
        models = [a_model(f"bot-{n}") for n in range(total)]
        assert self.errors(plan_of(models[gone:], *(a_converged(model) for model in models))) == expected

    def test_models_that_others_build_on(self) -> None:
        parent = a_model("base-bot", fingerprint_of="base")
        child = a_model("child-bot", parent="base-bot", parent_fingerprint=parent.fingerprint)
        seen = (a_converged(parent), a_converged(child))
        assert self.errors(plan_of([], *seen, targets=("base-bot",))) == ["has-children"]
        assert self.errors(plan_of([], *seen)) == []

    def test_live_traffic(self) -> None:
        busy = a_converged(MODEL, last_invoked_at=ago(minutes=30))
        assert self.errors(plan_of([], busy)) == ["live-traffic"]
        plan = plan_of(a_model(fingerprint_of="new"), busy)
        assert (codes(plan), self.errors(plan)) == (["live-traffic"], [])
        assert "live-traffic" not in codes(plan_of([], a_converged(MODEL, last_invoked_at=ago(hours=2))))

    def test_what_serves_and_what_cannot_be_restored(self) -> None:
        nova = a_model("nova", provider=BEDROCK, deployment={"deployed": True})
        assert codes(plan_of([], a_converged(nova))) == ["deletes-serving", "final-deletion"]

    def test_a_model_that_has_another_name_now(self) -> None:
        renamed = MODEL.model_copy(update={"resolved": MODEL.resolved.model_copy(update={"name": "help-bot"})})
        plan = plan_of(renamed, a_converged(MODEL))
        assert (codes(plan), self.errors(plan)) == (["looks-renamed", "deletes-serving"], [])
        assert "`renamedFrom: support-bot`" in (plan.diagnostics[0].hint or "")
        other = a_model("help-bot", fingerprint_of="other")
        assert codes(plan_of(other, a_converged(MODEL))) == ["deletes-serving"]
        assert "looks-renamed" not in codes(plan_of([renamed, MODEL], a_converged(MODEL)))

    @pytest.mark.parametrize("option", ["targets", "retrain", "redeploy"])
    def test_unknown_names(self, option: str) -> None:
        asked: dict[str, Any] = {option: ("suport-bot",)}
        plan = plan_of(MODEL, a_converged(MODEL), **asked)
        assert self.errors(plan) == ["unknown-model"]
        assert plan.diagnostics[0].hint == "did you mean `support-bot`?"


class TestForeign:
    def stranger(self, name: str, kind: str = "training job", **more: Any) -> ForeignResource:
        return ForeignResource(name=name, kind=kind, identifier=f"arn:aws:x:{name}", provider=SAGEMAKER, **more)

    def planned(self, *strangers: ForeignResource, wanted: tuple[DesiredModel, ...] = (MODEL,)) -> Plan:
        return plan_of(wanted, snapshot=a_snapshot(foreign=strangers))

    @pytest.mark.parametrize("name", [NAME, "support-bot", f"{NAME}-9f8e", "support-bot-undeploy"])
    def test_a_name_that_is_taken_is_an_error_and_nothing_is_done(self, name: str) -> None:
        plan = self.planned(self.stranger(name))
        assert told(plan) == [f"no-op {name} (stalled)"]
        assert codes(plan) == ["foreign-resource"]
        assert f"arn:aws:x:{name}" in plan.diagnostics[0].detail

    def test_it_names_the_project_that_owns_it(self) -> None:
        owner = Owner(project="rivals", model="their-bot")
        plan = self.planned(self.stranger(NAME, owner=owner))
        assert "project rivals, model their-bot" in plan.diagnostics[0].detail

    def test_other_models_are_planned_as_ever(self) -> None:
        other = a_model("other-bot")
        plan = self.planned(self.stranger(NAME), wanted=(MODEL, other))
        assert {change.address: str(change.action) for change in plan.changes} == {
            "FineTunedModel/other-bot": "train",
            "FineTunedModel/support-bot": "no-op",
        }

    def test_somebody_elses_other_names_do_not_matter(self) -> None:
        plan = self.planned(self.stranger("support-bot-2"))
        assert codes(plan) == []

    def test_a_child_of_a_blocked_model_stalls(self) -> None:
        child = a_model("child-bot", parent="support-bot", parent_fingerprint=MODEL.fingerprint)
        plan = self.planned(self.stranger(NAME), wanted=(MODEL, child))
        assert [change.stalled for change in plan.changes] == [True, True]


class TestRename:
    NEW = a_model("help-bot", fingerprint_of="new", renamed_from="support-bot", deployment={"deployed": True})

    def test_tags_first_and_nothing_is_trained(self) -> None:
        plan = plan_of(self.NEW, a_converged(MODEL))
        assert told(plan) == ["update help-bot, then deploy help-bot, then undeploy support-bot"]
        assert [(f.path, f.before, f.after) for f in plan.changes[0].fields] == [
            ("metadata.name", "support-bot", "help-bot")
        ]
        assert "nothing is trained" in message(plan)

    def retagged(self, *deployments: Deployment) -> ModelObservation:
        return a_converged(self.NEW, deployments=deployments)

    def test_then_the_new_name_is_deployed_and_the_former_undeployed(self) -> None:
        former = a_deployment(MODEL)
        assert told(plan_of(self.NEW, self.retagged(former))) == ["deploy help-bot, then undeploy support-bot"]
        creating = a_deployment(self.NEW, phase=DeploymentPhase.CREATING)
        assert told(plan_of(self.NEW, self.retagged(former, creating))) == ["wait help-bot, then undeploy support-bot"]
        assert told(plan_of(self.NEW, self.retagged(former, a_deployment(self.NEW)))) == ["undeploy support-bot"]
        going = a_deployment(MODEL, phase=DeploymentPhase.DELETING)
        assert told(plan_of(self.NEW, self.retagged(going, a_deployment(self.NEW)))) == ["wait support-bot"]
        assert told(plan_of(self.NEW, self.retagged(a_deployment(self.NEW)))) == ["no-op help-bot"]

    def test_a_rename_that_was_interrupted_goes_on(self) -> None:
        moved = an_observation(self.NEW, deployments=[a_deployment(self.NEW)])
        left = a_converged(MODEL, deployments=[])
        assert told(plan_of(self.NEW, moved, left)) == ["update help-bot"]

    def test_a_former_name_that_another_manifest_has_is_not_taken(self) -> None:
        plan = plan_of([self.NEW, MODEL], a_converged(MODEL))
        assert told(plan) == [f"train help-bot-{self.NEW.fingerprint[7:15]}, then deploy help-bot", "no-op support-bot"]

    def test_what_was_trained_before_it_is_deleted_by_the_name_that_it_has(self) -> None:
        old = a_version("sha256:" + "0" * 64, "support-bot")
        renamed = a_converged(self.NEW, versions=[old, a_version(self.NEW.fingerprint, "help-bot")])
        assert told(plan_of([], renamed))[1:] == [f"delete help-bot-{NAME[12:]}", "delete support-bot-00000000"]

    def test_a_child_waits_for_the_renamed_parent(self) -> None:
        child = a_model("child-bot", fingerprint_of="c", parent="help-bot", parent_fingerprint=MODEL.fingerprint)
        plan = plan_of([self.NEW, child], a_converged(MODEL))
        assert plan.changes[1].action == "wait"
        assert plan.changes[1].depends_on == (plan.changes[0].id,)


class TestAnotherProvider:
    THERE = a_model(fingerprint_of="there", provider=BEDROCK, deployment={"deployed": True})
    NEW_NAME = "support-bot-" + THERE.fingerprint[7:15]

    def test_the_old_one_serves_until_the_new_one_does(self) -> None:
        plan = plan_of(self.THERE, a_converged(MODEL))
        assert told(plan) == [f"train {self.NEW_NAME}, then deploy support-bot, then undeploy support-bot"]
        creating = a_converged(self.THERE, deployments=[a_deployment(self.THERE, phase=DeploymentPhase.CREATING)])
        plan = plan_of(self.THERE, creating, a_converged(MODEL))
        assert told(plan) == ["wait support-bot, then undeploy support-bot"]

    def test_then_it_goes(self) -> None:
        plan = plan_of(self.THERE, a_converged(self.THERE), a_converged(MODEL))
        assert [(str(c.action), str(c.provider)) for c in plan.changes] == [
            ("undeploy", "sagemaker"),
            ("no-op", "bedrock"),
            ("delete", "sagemaker"),
        ]
        assert codes(plan) == []

    def test_a_training_there_is_stopped_at_once(self) -> None:
        running = an_observation(MODEL, versions=[a_version(MODEL.fingerprint, runs=[an_attempt(MODEL)])])
        plan = plan_of(self.THERE, running)
        assert {str(change.action) for change in plan.changes} == {"stop", "train"}


def test_two_models_of_one_computed_name_are_told_apart() -> None:
    one, two = (a_model("a" * 60 + tail, fingerprint_of="same") for tail in ("-x", "-y"))
    plan = plan_of([one, two])
    assert codes(plan) == ["name-collision"]
    assert len(plan.changes) == 1


def test_refresh_only_tells_drift_alone() -> None:
    new, gone = a_model("new-bot"), a_converged(MODEL, deployments=[])
    plan = plan_of([new, MODEL], gone, recorded=[MODEL], refresh_only=True)
    assert told(plan) == ["deploy support-bot (drift)"]


def test_conditions_come_with_the_changes() -> None:
    (change,) = plan_of(MODEL, a_converged(MODEL)).changes
    assert {str(condition.status) for condition in change.conditions} == {"True"}


def test_a_plan_of_nothing() -> None:
    plan = plan_of([])
    assert plan.changes == ()
    assert plan.can_apply
