"""What every provider promises (``specs/providers.md``), on the embedded cloud.

A plain class without the ``Test`` prefix: ``test_<provider>.py`` subclasses it and says, in ``wire``, how the service's own
calls are named. Judged by the cloud's contents and its request log, not by what the provider says of itself alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol

import pytest

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import UndeployRule
from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.naming import endpoint_name, version_name
from reconciler.domain.observation import DeploymentPhase, TrainingPhase
from reconciler.domain.outcome import FaultKind, Outcome, OutcomeState
from reconciler.domain.plan import Action, Change, Transition
from reconciler.domain.ports import UndeployOrder
from reconciler.domain.status import Status
from reconciler.domain.tags import Owner
from tests.conformance.bench import PROJECT, START, Bench, Site, owner_tags, succeed

BERLIN_HOURS = UndeployRule(hours="Mon-Fri 08:00-20:00", timezone="Europe/Berlin")


class Wire(Protocol):
    """The service's own calls, for faults and for planting what is not ours."""

    train: str
    """``service:Operation``."""
    stop: str
    deploy: str
    roll: str
    tag: str
    look: str
    """A call that ``observe`` makes."""
    delete_version: str

    def plant_training(self, bench: Bench, name: str, tags: Mapping[str, str]) -> None: ...

    def plant_deployment(self, bench: Bench, name: str, tags: Mapping[str, str]) -> None: ...

    def tags_of_training(self, bench: Bench, name: str) -> Mapping[str, str]: ...

    def tags_of_deployment(self, bench: Bench, name: str) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Conflicting:
    """Whose tags something of our name may carry."""

    label: str
    tags: Mapping[str, str]


STRANGERS = (
    Conflicting("no tags", {}),
    Conflicting("another project", {"reconciler:project": "others", "reconciler:model": "support-bot"}),
    Conflicting("another model", {"reconciler:project": PROJECT, "reconciler:model": "triage-bot"}),
)


class ProviderContract:
    kind: ClassVar[ProviderName]
    wire: ClassVar[Wire]
    way: ClassVar[Mapping[str, Any]] = {}
    """How models are deployed, where it is not the provider's usual way."""

    @pytest.fixture
    def bench(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
        """botocore repeats without waiting: the cloud's clock stands still anyway."""
        monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
        bench = Bench.on(site.emptied(), self.kind, way=self.way)
        yield bench
        bench.no_more_faults()

    # -- looking

    def test_an_empty_cloud_is_seen_as_empty(self, bench: Bench) -> None:
        assert bench.provider.observe().models == ()

    def test_observing_touches_nothing(self, bench: Bench) -> None:
        bench.deployed(deployment={"undeploy": UndeployRule(after=timedelta(hours=9))})
        before = bench.snapshot()
        bench.forget_requests()
        bench.provider.observe()
        bench.provider.foreign([a_change(bench, Action.TRAIN, "support-bot-00000000")])
        bench.provider.log_tail(bench.run(bench.model()))
        assert bench.requests()
        assert bench.changes() == []
        assert bench.snapshot() == before

    def test_what_cannot_be_looked_at_is_no_absence(self, bench: Bench) -> None:
        bench.deployed()
        for code in ("AccessDeniedException", "ExpiredTokenException", "ValidationException"):
            bench.order_fault("error", self.wire.look, code=code, message="no")
            with pytest.raises(CloudUnavailable, match=code):
                bench.provider.observe()
            bench.no_more_faults()
        assert bench.observed().deployments

    def test_throttling_is_absorbed(self, bench: Bench) -> None:
        model = bench.trained()
        bench.order_fault("error", self.wire.look, times=1)
        assert bench.version(model).artifact

    def test_throttling_without_end_is_told(self, bench: Bench) -> None:
        bench.order_fault("error", self.wire.look)
        with pytest.raises(CloudUnavailable) as told:
            bench.trying_once().provider.observe()
        assert "Throttling" in str(told.value)
        assert told.value.hint

    def test_what_others_own_is_not_seen(self, bench: Bench) -> None:
        name = version_name("support-bot", bench.model().fingerprint)
        self.wire.plant_training(bench, name, {"reconciler:project": "others", "reconciler:model": "support-bot"})
        bench.advance()
        assert bench.provider.observe().models == ()

    def test_every_page_is_read(self, bench: Bench) -> None:
        names = [f"bot-{number}" for number in range(5)]
        for name in names:
            succeed(bench.provider.train(bench.train_order(bench.model(name=name))))
        paged = bench.with_settings(page_size=2)
        bench.forget_requests()
        assert [model.name for model in paged.provider.observe().models] == names
        looks = [entry for entry in bench.requests() if f"{entry.service}:{entry.operation}" == self.wire.look]
        assert len(looks) >= 3

    # -- training

    def test_a_training_is_started_and_seen(self, bench: Bench) -> None:
        model = bench.model()
        outcome = succeed(bench.provider.train(bench.train_order(model)))
        assert outcome.state is OutcomeState.STARTED
        run = bench.run(model)
        assert run.identifier == outcome.identifier
        assert (run.name, run.phase, run.attempt) == (
            version_name("support-bot", model.fingerprint),
            TrainingPhase.IN_PROGRESS,
            1,
        )
        assert run.detail
        assert run.created_at == START
        assert run.created_by == "ada@example.com"

    def test_a_trained_version_has_an_artifact_and_metrics(self, bench: Bench) -> None:
        version = bench.version(bench.trained())
        assert version.artifact is not None
        assert version.artifact.ready
        assert version.artifact.name == version.runs[0].name
        assert version.runs[0].phase is TrainingPhase.COMPLETED
        assert version.runs[0].ended_at is not None
        assert {"train_loss", "eval_loss"} <= set(version.runs[0].metrics)

    def test_owner_tags_are_written_by_the_call_that_creates(self, bench: Bench) -> None:
        model = bench.model(labels={"team": "support"})
        bench.forget_requests()
        order = bench.train_order(model)
        bench.provider.train(order)
        assert bench.changes() == [self.wire.train]
        tags = self.wire.tags_of_training(bench, order.name)
        assert {**owner_tags(model), "reconciler:label:team": "support"}.items() <= tags.items()

    def test_what_was_ordered_is_what_is_observed(self, bench: Bench) -> None:
        model = bench.trained(prevent_destroy=True, deletion_policy="retain", labels={"team": "support", "tier": "1"})
        seen = bench.observed()
        assert (seen.name, seen.provider) == ("support-bot", self.kind)
        assert (seen.prevent_destroy, seen.deletion_policy) == (True, "retain")
        assert seen.labels == {"team": "support", "tier": "1"}
        assert [version.fingerprint for version in seen.versions] == [model.fingerprint]

    def test_training_twice_starts_one_job(self, bench: Bench) -> None:
        order = bench.train_order(bench.model())
        first, second = bench.provider.train(order), bench.provider.train(order)
        assert succeed(first).identifier == succeed(second).identifier
        assert len(bench.version(order.model).runs) == 1

    def test_a_lost_answer_starts_one_job(self, bench: Bench) -> None:
        order = bench.train_order(bench.model())
        bench.order_fault("lost-response", self.wire.train, times=1)
        lost = bench.trying_once().provider.train(order)
        assert fault_kind(lost) is FaultKind.TRANSIENT
        succeed(bench.provider.train(order))
        assert len(bench.version(order.model).runs) == 1

    def test_a_lost_answer_is_repeated_by_itself(self, bench: Bench) -> None:
        order = bench.train_order(bench.model())
        bench.order_fault("lost-response", self.wire.train, times=1)
        succeed(bench.provider.train(order))
        assert len(bench.version(order.model).runs) == 1

    def test_the_next_attempt_is_seen_beside_the_first(self, bench: Bench) -> None:
        model = bench.model()
        bench.order_fault("fail", self.wire.train, times=1, message="AlgorithmError: out of memory")
        bench.provider.train(bench.train_order(model))
        bench.advance()
        succeed(bench.provider.train(bench.train_order(model, attempt=2)))
        bench.advance()
        version = bench.version(model)
        assert [(run.attempt, run.phase) for run in version.runs] == [
            (1, TrainingPhase.FAILED),
            (2, TrainingPhase.COMPLETED),
        ]
        assert version.artifact is not None
        assert version.artifact.name.endswith("-r2")

    @pytest.mark.parametrize(
        ("reason", "kind"),
        [
            ("CapacityError: Unable to provision requested ML compute capacity.", FaultKind.CAPACITY),
            ("InternalServerError: We encountered an internal error. Please try again.", FaultKind.TRANSIENT),
            ("AlgorithmError: ExecuteUserScriptError: CUDA out of memory", FaultKind.TERMINAL),
        ],
    )
    def test_a_failure_is_told_in_the_clouds_words_and_sorted(self, bench: Bench, reason: str, kind: FaultKind) -> None:
        model = bench.model()
        bench.order_fault("fail", self.wire.train, message=reason)
        bench.provider.train(bench.train_order(model))
        bench.advance()
        run = bench.run(model)
        assert run.phase is TrainingPhase.FAILED
        assert run.failure is not None
        assert (run.failure.kind, run.failure.message) == (kind, reason)
        assert bench.version(model).artifact is None

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("ThrottlingException", FaultKind.TRANSIENT),
            ("InternalFailure", FaultKind.TRANSIENT),
            ("AccessDeniedException", FaultKind.DENIED),
            ("ExpiredTokenException", FaultKind.DENIED),
            ("ResourceLimitExceeded", FaultKind.QUOTA),
            ("ServiceQuotaExceededException", FaultKind.QUOTA),
            ("ValidationException", FaultKind.TERMINAL),
        ],
    )
    def test_refusals_are_sorted_and_start_nothing(self, bench: Bench, code: str, kind: FaultKind) -> None:
        bench.order_fault("error", self.wire.train, code=code, message="as ordered")
        outcome = bench.trying_once().provider.train(bench.train_order(bench.model()))
        assert fault_kind(outcome) is kind
        assert outcome.fault is not None
        assert outcome.fault.code == code
        assert bench.provider.observe().models == ()

    def test_stopping(self, bench: Bench) -> None:
        model = bench.model()
        bench.provider.train(bench.train_order(model))
        assert succeed(bench.provider.stop(bench.run(model))).state is OutcomeState.STARTED
        assert bench.run(model).phase is TrainingPhase.STOPPING
        assert succeed(bench.provider.stop(bench.run(model))).state is OutcomeState.STARTED
        bench.advance()
        assert bench.run(model).phase is TrainingPhase.STOPPED
        assert succeed(bench.provider.stop(bench.run(model))).state is OutcomeState.DONE

    def test_a_stop_that_is_refused_is_told(self, bench: Bench) -> None:
        model = bench.model()
        bench.provider.train(bench.train_order(model))
        bench.order_fault("error", self.wire.stop, code="AccessDeniedException", message="no")
        assert fault_kind(bench.provider.stop(bench.run(model))) is FaultKind.DENIED

    # -- deployment

    def test_a_deployment_is_created_and_seen_in_the_manifests_terms(self, bench: Bench) -> None:
        model = bench.trained()
        outcome = succeed(bench.provider.deploy(bench.deploy_order(model)))
        assert outcome.state is OutcomeState.STARTED
        creating = bench.deployment()
        assert (creating.phase, creating.fingerprint, creating.target_fingerprint) == (
            DeploymentPhase.CREATING,
            None,
            model.fingerprint,
        )
        bench.advance(1)
        serving, wanted = bench.deployment(), model.resolved.deployment
        assert (serving.name, serving.identifier) == (endpoint_name("support-bot"), outcome.identifier)
        assert (serving.phase, serving.fingerprint) == (DeploymentPhase.IN_SERVICE, model.fingerprint)
        assert (serving.kind, serving.instance_type) == (wanted.kind, wanted.instance_type)
        assert (serving.model_units, serving.commitment) == (wanted.model_units, wanted.commitment)
        assert not serving.rolled_back
        assert serving.failure is None
        assert serving.owner is not None
        assert serving.owner.fingerprint == model.fingerprint

    def test_owner_tags_of_a_deployment_are_written_by_the_call_that_creates(self, bench: Bench) -> None:
        model = bench.trained()
        bench.forget_requests()
        bench.provider.deploy(bench.deploy_order(model))
        assert self.wire.tag not in bench.changes()
        assert owner_tags(model).items() <= self.wire.tags_of_deployment(bench, "support-bot").items()

    def test_deploying_twice_makes_one(self, bench: Bench) -> None:
        model = bench.trained()
        order = bench.deploy_order(model)
        first, second = bench.provider.deploy(order), bench.provider.deploy(order)
        assert succeed(first).identifier == succeed(second).identifier
        bench.advance(1)
        third = succeed(bench.provider.deploy(order))
        assert (third.state, third.identifier) == (OutcomeState.DONE, first.identifier)
        assert bench.deployment().phase is DeploymentPhase.IN_SERVICE

    def test_a_lost_answer_makes_one_deployment(self, bench: Bench) -> None:
        order = bench.deploy_order(bench.trained())
        bench.order_fault("lost-response", self.wire.deploy, times=1)
        assert fault_kind(bench.trying_once().provider.deploy(order)) is FaultKind.TRANSIENT
        succeed(bench.provider.deploy(order))
        bench.order_fault("lost-response", self.wire.deploy, times=1)
        succeed(bench.provider.deploy(order))
        assert bench.deployment().phase is DeploymentPhase.CREATING

    def test_a_deployment_that_failed_says_why_and_must_be_undeployed_first(self, bench: Bench) -> None:
        model = bench.trained()
        reason = "InsufficientInstanceCapacity: Unable to provision the instances."
        bench.order_fault("fail", self.wire.deploy, message=reason)
        bench.provider.deploy(bench.deploy_order(model))
        bench.advance(1)
        failed = bench.deployment()
        assert failed.phase is DeploymentPhase.FAILED
        assert failed.failure is not None
        assert (failed.failure.kind, failed.failure.message) == (FaultKind.CAPACITY, reason)
        assert (failed.fingerprint, failed.target_fingerprint) == (None, model.fingerprint)
        assert fault_kind(bench.provider.deploy(bench.deploy_order(model))) is FaultKind.TERMINAL
        assert fault_kind(bench.provider.roll(bench.deploy_order(model))) is FaultKind.TERMINAL
        succeed(bench.provider.undeploy(bench.undeploy_order()))
        bench.advance(1)
        assert bench.observed().deployments == ()

    def test_rolling_keeps_the_name_that_clients_use(self, bench: Bench) -> None:
        old, before = bench.deployed(), bench.deployment()
        new = bench.trained("b")
        assert succeed(bench.provider.roll(bench.deploy_order(new))).state is OutcomeState.STARTED
        moving = bench.deployment()
        assert (moving.phase, moving.fingerprint, moving.target_fingerprint) == (
            DeploymentPhase.UPDATING,
            old.fingerprint,
            new.fingerprint,
        )
        bench.advance(1)
        after = bench.deployment()
        assert (after.name, after.identifier) == (before.name, before.identifier)
        assert (after.phase, after.fingerprint, after.rolled_back) == (
            DeploymentPhase.IN_SERVICE,
            new.fingerprint,
            False,
        )
        assert after.owner is not None
        assert after.owner.fingerprint == new.fingerprint
        assert succeed(bench.provider.roll(bench.deploy_order(new))).state is OutcomeState.DONE

    def test_rolling_twice_asks_once(self, bench: Bench) -> None:
        bench.deployed()
        order = bench.deploy_order(bench.trained("b"))
        bench.provider.roll(order)
        bench.forget_requests()
        again = bench.provider.roll(order)
        assert self.wire.roll not in bench.changes()
        assert again.fault is None or again.fault.kind is FaultKind.TRANSIENT

    def test_a_silent_roll_back_is_seen(self, bench: Bench) -> None:
        old = bench.deployed()
        new = bench.trained("b")
        bench.order_fault("rollback", self.wire.roll)
        succeed(bench.provider.roll(bench.deploy_order(new)))
        bench.advance(2)
        back = bench.deployment()
        assert (back.fingerprint, back.rolled_back) == (old.fingerprint, True)
        assert back.owner is not None
        assert back.owner.fingerprint == new.fingerprint

    def test_a_roll_cut_off_before_its_last_tags_is_no_roll_back_to_the_wanted(self, bench: Bench) -> None:
        bench.deployed()
        new = bench.trained("b")
        order = bench.deploy_order(new)
        self._cut_off_after_the_update(bench, order)
        bench.advance(1)
        serving = bench.deployment()
        assert serving.fingerprint == new.fingerprint
        assert succeed(bench.provider.update(bench.update_order(new))).state is OutcomeState.DONE
        settled = bench.deployment()
        assert settled.owner is not None
        assert (settled.owner.fingerprint, settled.rolled_back) == (new.fingerprint, False)

    def _cut_off_after_the_update(self, bench: Bench, order: Any) -> None:
        """Denies tagging from the update on, as if the process had died there."""
        change = bench.settings.aws.changing(self.wire.roll.partition(":")[0])
        operation = self.wire.roll.partition(":")[2]

        def deny_tags(**_: Any) -> None:
            bench.order_fault("error", self.wire.tag, code="AccessDeniedException", message="cut off")

        hook = f"after-call.{self.wire.roll.partition(':')[0]}.{operation}"
        change.meta.events.register(hook, deny_tags)
        try:
            assert fault_kind(bench.provider.roll(order)) is FaultKind.DENIED
        finally:
            change.meta.events.unregister(hook, deny_tags)
            bench.no_more_faults()

    def test_undeploying(self, bench: Bench) -> None:
        bench.deployed()
        succeed(bench.provider.undeploy(bench.undeploy_order()))
        bench.advance(1)
        assert bench.observed().deployments == ()
        assert bench.observed().versions

    def test_undeploying_the_absent_is_done(self, bench: Bench) -> None:
        bench.deployed()
        order = bench.undeploy_order()
        bench.provider.undeploy(order)
        bench.advance(1)
        assert succeed(bench.provider.undeploy(order)).state is OutcomeState.DONE
        nothing = UndeployOrder(model="support-bot", deployment=None)
        assert succeed(bench.provider.undeploy(nothing)).state is OutcomeState.DONE

    # -- deleting

    def test_deleting_a_version_leaves_nothing_to_be_seen(self, bench: Bench) -> None:
        model = bench.deployed()
        bench.provider.undeploy(bench.undeploy_order())
        bench.advance(1)
        order = bench.delete_order(model)
        assert succeed(bench.provider.delete(order)).state is OutcomeState.DONE
        left = bench.observed().version(model.fingerprint)
        assert left is None or left.is_gone
        assert succeed(bench.provider.delete(order)).state is OutcomeState.DONE

    def test_a_version_that_serves_is_not_deleted(self, bench: Bench) -> None:
        model = bench.trained()
        order = bench.delete_order(model)
        bench.provider.deploy(bench.deploy_order(model))
        bench.advance(1)
        before = bench.snapshot()
        assert fault_kind(bench.provider.require_unused(order)) is FaultKind.CONFLICT
        assert fault_kind(bench.provider.delete(order)) is FaultKind.CONFLICT
        assert bench.snapshot() == before

    def test_a_deletion_that_was_cut_off_is_finished(self, bench: Bench) -> None:
        model = bench.trained()
        order = bench.delete_order(model)
        bench.order_fault("lost-response", self.wire.delete_version, times=1)
        assert fault_kind(bench.trying_once().provider.delete(order)) in (FaultKind.TRANSIENT, None)
        succeed(bench.provider.delete(order))
        left = bench.observed().version(model.fingerprint)
        assert left is None or left.is_gone

    def test_retaining_ends_our_ownership_and_nothing_else(self, bench: Bench) -> None:
        model = bench.trained()
        before = {one["name"] for one in bench.snapshot()}
        succeed(bench.provider.delete(bench.delete_order(model, retain=True)))
        assert bench.provider.observe().models == ()
        assert {one["name"] for one in bench.snapshot()} == before

    # -- a whole life, with trouble at every call

    def live(self, bench: Bench) -> list[Mapping[str, Any]]:
        """Train, deploy, train anew, roll, update, undeploy, delete; what was there before the undeployment and after."""
        wanted = {"undeploy": BERLIN_HOURS, "deployed": True}
        old = bench.deployed(deployment=wanted)
        new = bench.trained("b", deployment=wanted)
        succeed(bench.provider.roll(bench.deploy_order(new)))
        bench.advance(1)
        succeed(bench.provider.update(bench.update_order(bench.model("b", labels={"team": "x"}, deployment=wanted))))
        before = bench.snapshot()
        succeed(bench.provider.undeploy(bench.undeploy_order()))
        bench.advance(1)
        for model in (old, new):
            succeed(bench.provider.delete(bench.delete_order(model)))
        return [standing(one) for one in (*before, *bench.snapshot())]

    @pytest.mark.parametrize("trouble", ["lost-response", "error-after-effect"])
    def test_every_call_survives_trouble_that_passes(self, bench: Bench, trouble: str) -> None:
        """An answer is lost, or a server error comes after the effect: botocore repeats, nothing is doubled."""
        undisturbed = self.live(bench)
        for call in sorted(set(bench.changes())):
            bench.site.emptied()
            bench.order_fault(trouble, call, code="InternalFailure", message="trouble", times=1)
            assert self.live(bench) == undisturbed, call
            assert bench.site.cloud.world.faults[0].times == 0, f"{call} was not struck"
            bench.no_more_faults()

    # -- what is not ours

    @pytest.mark.parametrize("stranger", STRANGERS, ids=lambda stranger: stranger.label)
    def test_a_training_of_our_name_that_is_not_ours(self, bench: Bench, stranger: Conflicting) -> None:
        order = bench.train_order(bench.model())
        self.wire.plant_training(bench, order.name, stranger.tags)
        before = bench.snapshot()
        assert fault_kind(bench.provider.train(order)) is FaultKind.CONFLICT
        [found] = bench.provider.foreign([a_change(bench, Action.TRAIN, order.name)])
        assert (found.name, found.provider, found.owner) == (order.name, self.kind, Owner.from_tags(stranger.tags))
        assert bench.snapshot() == before

    @pytest.mark.parametrize("stranger", STRANGERS, ids=lambda stranger: stranger.label)
    def test_a_deployment_of_our_name_that_is_not_ours(self, bench: Bench, stranger: Conflicting) -> None:
        model = bench.trained(deployment={"undeploy": UndeployRule(after=timedelta(hours=8))})
        self.wire.plant_deployment(bench, "support-bot", stranger.tags)
        bench.advance(1)
        order, before = bench.deploy_order(model), bench.snapshot()
        assert fault_kind(bench.provider.deploy(order)) is FaultKind.CONFLICT
        assert fault_kind(bench.provider.roll(order)) is FaultKind.CONFLICT
        [found] = bench.provider.foreign([a_change(bench, Action.DEPLOY, "support-bot")])
        assert (found.name, found.owner) == ("support-bot", Owner.from_tags(stranger.tags))
        assert bench.snapshot() == before

    def test_what_became_somebody_elses_is_not_undeployed(self, bench: Bench) -> None:
        bench.deployed()
        order = bench.undeploy_order()
        for deployed in bench.site.cloud.world.resources():
            if deployed.name == "support-bot":
                deployed.tags = {"reconciler:project": "others", "reconciler:model": "support-bot"}
        before = bench.snapshot()
        assert fault_kind(bench.provider.undeploy(order)) is FaultKind.CONFLICT
        assert bench.snapshot() == before

    def test_our_own_are_not_foreign(self, bench: Bench) -> None:
        model = bench.deployed()
        name = version_name("support-bot", model.fingerprint)
        changes = [a_change(bench, Action.TRAIN, name), a_change(bench, Action.DEPLOY, "support-bot")]
        assert bench.provider.foreign(changes) == ()

    # -- tags

    def test_tags_are_brought_to_what_the_manifest_says(self, bench: Bench) -> None:
        bench.deployed(labels={"team": "support", "old": "1"}, prevent_destroy=False)
        before = bench.deployment().owner
        changed = bench.model(labels={"team": "sales"}, prevent_destroy=True, deletion_policy="retain")
        succeed(bench.provider.update(bench.update_order(changed)))
        seen = bench.observed()
        assert seen.labels == {"team": "sales"}
        assert (seen.prevent_destroy, seen.deletion_policy) == (True, "retain")
        assert before is not None
        assert bench.deployment().owner == before.model_copy(
            update={"prevent_destroy": True, "deletion_policy": "retain"}
        )

    def test_a_rename_moves_the_tags_and_trains_nothing(self, bench: Bench) -> None:
        old = bench.deployed()
        renamed = bench.model(name="help-bot", renamed_from="support-bot")
        bench.forget_requests()
        succeed(bench.provider.update(bench.update_order(renamed, of="support-bot")))
        assert set(bench.changes()) == {self.wire.tag}
        assert [model.name for model in bench.provider.observe().models] == ["help-bot"]
        seen = bench.observed("help-bot")
        assert [version.fingerprint for version in seen.versions] == [old.fingerprint]
        assert [deployment.name for deployment in seen.deployments] == ["support-bot"]

    # -- schedules

    def test_after_undeploys_once(self, bench: Bench) -> None:
        rule = UndeployRule(after=timedelta(hours=8))
        bench.deployed(deployment={"undeploy": rule})
        [schedule] = bench.observed().schedules
        deployed_at = bench.deployment().created_at
        assert deployed_at is not None
        assert (schedule.purpose, schedule.rule) == ("undeploy", rule)
        assert schedule.fires_at == deployed_at + timedelta(hours=8)
        bench.advance(9)
        seen = bench.observed()
        assert seen.deployments == ()
        assert [(old.rule, old.fires_at) for old in seen.schedules] == [(rule, schedule.fires_at)]

    def test_at_undeploys_once(self, bench: Bench) -> None:
        at = bench.settings.clock.now().replace(microsecond=0) + timedelta(days=2)
        bench.deployed(deployment={"undeploy": UndeployRule(at=at)})
        [schedule] = bench.observed().schedules
        assert (schedule.rule, schedule.fires_at) == (UndeployRule(at=at), at.astimezone(UTC))

    def test_hours_undeploy_and_deploy_again(self, bench: Bench) -> None:
        model = bench.deployed(deployment={"undeploy": BERLIN_HOURS})
        schedules = bench.observed().schedules
        assert [(s.purpose, s.rule) for s in schedules] == [("deploy", BERLIN_HOURS), ("undeploy", BERLIN_HOURS)]
        assert len({schedule.target_digest for schedule in schedules}) == 2
        self._advance_to(bench, weekday=5, hour=12)
        assert bench.observed().deployments == ()
        assert bench.observed().schedules == schedules
        self._advance_to(bench, weekday=0, hour=12)
        again = bench.deployment()
        assert (again.phase, again.fingerprint) == (DeploymentPhase.IN_SERVICE, model.fingerprint)
        assert not again.rolled_back

    def _advance_to(self, bench: Bench, *, weekday: int, hour: int) -> None:
        """To the next such moment in UTC, hour by hour."""
        while True:
            bench.advance(1)
            now: datetime = bench.settings.clock.now()
            if (now.weekday(), now.hour) == (weekday, hour):
                return

    def test_a_roll_takes_the_schedules_along(self, bench: Bench) -> None:
        bench.deployed(deployment={"undeploy": BERLIN_HOURS})
        before = {schedule.purpose: schedule.target_digest for schedule in bench.observed().schedules}
        new = bench.trained("b", deployment={"undeploy": BERLIN_HOURS})
        succeed(bench.provider.roll(bench.deploy_order(new)))
        after = {schedule.purpose: schedule.target_digest for schedule in bench.observed().schedules}
        assert after["undeploy"] == before["undeploy"]
        assert after["deploy"] != before["deploy"]
        assert {s.purpose: s.fingerprint for s in bench.observed().schedules} == {
            "deploy": new.fingerprint,
            "undeploy": None,
        }

    def test_outside_its_hours_the_schedule_follows_the_wanted_version(self, bench: Bench) -> None:
        wanted = {"undeploy": BERLIN_HOURS, "deployed": True}
        bench.deployed(deployment=wanted)
        self._advance_to(bench, weekday=5, hour=0)
        new = bench.trained("b", deployment=wanted)
        assert bench.observed().deployments == ()
        succeed(bench.provider.update(bench.update_order(new)))
        assert [s.fingerprint for s in bench.observed().schedules if s.purpose == "deploy"] == [new.fingerprint]
        self._advance_to(bench, weekday=0, hour=12)
        assert bench.deployment().fingerprint == new.fingerprint

    def test_a_schedule_that_has_fired_stays_while_its_rule_does(self, bench: Bench) -> None:
        rule = UndeployRule(after=timedelta(hours=2))
        model = bench.deployed(deployment={"undeploy": rule, "deployed": True})
        bench.advance(3)
        fired = bench.observed().schedules
        succeed(bench.provider.update(bench.update_order(model)))
        assert bench.observed().schedules == fired
        other = bench.model(deployment={"undeploy": UndeployRule(after=timedelta(hours=3)), "deployed": True})
        succeed(bench.provider.update(bench.update_order(other)))
        assert bench.observed().schedules == ()

    def test_what_is_not_wanted_deployed_keeps_no_schedule(self, bench: Bench) -> None:
        model = bench.deployed(deployment={"undeploy": BERLIN_HOURS})
        assert not model.resolved.deployment.deployed
        succeed(bench.provider.update(bench.update_order(model)))
        assert bench.observed().schedules == ()

    def test_another_rule_replaces_the_schedules(self, bench: Bench) -> None:
        bench.deployed(deployment={"undeploy": BERLIN_HOURS})
        rule = UndeployRule(after=timedelta(hours=20))
        changed = bench.model(deployment={"undeploy": rule, "deployed": True})
        succeed(bench.provider.update(bench.update_order(changed)))
        assert [(s.purpose, s.rule) for s in bench.observed().schedules] == [("undeploy", rule)]
        succeed(bench.provider.update(bench.update_order(bench.model())))
        assert bench.observed().schedules == ()

    def test_undeploying_removes_the_schedules_unless_told_to_keep_them(self, bench: Bench) -> None:
        bench.deployed(deployment={"undeploy": BERLIN_HOURS})
        kept = bench.undeploy_order(keep_schedules=True)
        bench.provider.undeploy(kept)
        assert len(bench.observed().schedules) == 2
        bench.advance(1)
        succeed(bench.provider.undeploy(bench.undeploy_order()))
        assert bench.observed().schedules == ()

    def test_a_schedule_that_is_missing_or_was_changed_is_seen(self, bench: Bench) -> None:
        bench.deployed(deployment={"undeploy": UndeployRule(hours="Mon-Fri 09:00-12:00,13:00-17:00")})
        names = [schedule.name for schedule in bench.observed().schedules]
        assert len(names) == 4
        bench.settings.aws.changing("scheduler").delete_schedule(GroupName=f"reconciler-{PROJECT}", Name=names[-1])
        seen = bench.observed().schedules
        assert {schedule.rule for schedule in seen if schedule.purpose == "undeploy"} == {None}
        assert None not in {schedule.rule for schedule in seen if schedule.purpose == "deploy"}

    def test_no_schedule_is_made_without_a_role(self, bench: Bench) -> None:
        model = bench.trained(deployment={"undeploy": BERLIN_HOURS})
        roles = bench.settings.roles.model_copy(update={"scheduler": None})
        poor, before = bench.with_settings(roles=roles), bench.snapshot()
        outcome = poor.provider.deploy(bench.deploy_order(model))
        assert fault_kind(outcome) is FaultKind.TERMINAL
        assert "spec.roles.scheduler" in outcome.message
        assert bench.snapshot() == before


def standing(one: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a thing is, but for the random part of its ARN."""
    return {key: one[key] for key in ("kind", "name", "status", "tags")}


def fault_kind(outcome: Outcome) -> FaultKind | None:
    return outcome.fault.kind if outcome.fault else None


def a_change(bench: Bench, action: Action, target: str) -> Change:
    return Change(
        address="FineTunedModel/support-bot",
        action=action,
        target=target,
        provider=bench.kind,
        fingerprint=bench.model().fingerprint,
        status=Transition(now=Status.ABSENT, then=Status.TRAINING),
    )
