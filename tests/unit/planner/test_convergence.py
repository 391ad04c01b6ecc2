"""Whatever is wanted after whatever was there, the cloud comes to it. Judged by what the cloud holds, not by the planner's word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.desired import DeploymentKind, DesiredModel
from reconciler.domain.naming import version_name
from reconciler.domain.observation import DeploymentPhase
from reconciler.domain.outcome import FaultKind
from reconciler.domain.plan import PlanOptions
from tests.builders import BEDROCK, SAGEMAKER, a_fault, a_model, a_training_machine
from tests.unit.planner.toy_world import ToyWorld

PROVISIONED: dict[str, Any] = {"kind": DeploymentKind.PROVISIONED, "model_units": 1, "commitment": "none"}
ON_DEMAND: dict[str, Any] = {"kind": DeploymentKind.ON_DEMAND, "model_units": None, "commitment": None}
BIG: dict[str, Any] = {"instance_type": "ml.g5.48xlarge"}


@st.composite
def models(draw: st.DrawFn, name: str, parent: DesiredModel | None = None) -> DesiredModel:
    provider = parent.resolved.provider if parent else draw(st.sampled_from([SAGEMAKER, BEDROCK]))
    served: list[dict[str, Any]] = [{}, BIG] if provider is SAGEMAKER else [PROVISIONED, ON_DEMAND]
    return a_model(
        name,
        provider=provider,
        parent=parent.name if parent else None,
        parent_fingerprint=parent.fingerprint if parent else None,
        hyperparameters={"epochs": draw(st.integers(1, 2))},
        deployment={"deployed": draw(st.booleans())} | draw(st.sampled_from(served)),
        keep_versions=draw(st.integers(0, 1)),
        labels=draw(st.sampled_from([{}, {"team": "support"}])),
    )


@st.composite
def projects(draw: st.DrawFn) -> tuple[DesiredModel, ...]:
    names = draw(st.sampled_from([(), ("alpha",), ("beta",), ("alpha", "beta")]))
    chosen = [draw(models(name)) for name in names]
    parent = next((model for model in chosen if model.name == "alpha" and draw(st.booleans())), None)
    if draw(st.booleans()):
        chosen.append(draw(models("child", parent)))
    return tuple(draw(st.permutations(chosen)))


def holds(world: ToyWorld, wanted: Sequence[DesiredModel]) -> None:
    """The cloud is as ``wanted``, and holds nothing else."""
    for want in wanted:
        seen = world.models[want.name, want.resolved.provider]
        version = seen.version(want.fingerprint)
        assert version is not None
        assert version.artifact is not None, f"{want.name} is not trained"
        assert seen.labels == want.resolved.labels
        serving = [
            (d.name, d.phase, d.fingerprint, d.kind, d.instance_type if d.kind is DeploymentKind.REAL_TIME else None)
            for d in seen.deployments
        ]
        asked = want.resolved.deployment
        one = (want.name, DeploymentPhase.IN_SERVICE, want.fingerprint, asked.kind, asked.instance_type)
        assert serving == ([one] if asked.deployed else [])
        older = [v for v in seen.versions if v.fingerprint != want.fingerprint and not v.is_gone]
        assert len(older) <= want.resolved.keep_versions
    kept = {(want.name, want.resolved.provider) for want in wanted}
    for key, seen in world.models.items():
        if key not in kept:
            assert not seen.deployments
            assert all(version.is_gone for version in seen.versions)


@settings(max_examples=60, deadline=None)
@given(projects(), projects())
def test_any_project_after_any_other(first: tuple[DesiredModel, ...], second: tuple[DesiredModel, ...]) -> None:
    world = ToyWorld()
    world.reconcile(first)
    holds(world, first)
    world.reconcile(second)
    holds(world, second)
    assert not world.plan(second, PlanOptions()).pending


@settings(max_examples=60, deadline=None)
@given(projects(), projects(), st.integers(0, 5))
def test_another_project_in_the_middle_of_it(
    first: tuple[DesiredModel, ...], second: tuple[DesiredModel, ...], rounds: int
) -> None:
    """Manifests change while things move: a training that was stopped for that may be asked for again."""
    world = ToyWorld()
    for _ in range(rounds):
        world.carry_out(world.plan(first, PlanOptions()), first)
        world.tick()
    again = tuple(model.name for model in second)
    world.reconcile(second, PlanOptions(retrain=again))
    holds(world, second)


@settings(max_examples=40, deadline=None)
@given(projects())
def test_everything_can_be_destroyed(project: tuple[DesiredModel, ...]) -> None:
    world = ToyWorld()
    world.reconcile(project)
    world.reconcile(project, PlanOptions(destroy=True))
    holds(world, ())


@settings(max_examples=40, deadline=None)
@given(projects())
def test_a_lost_deployment_comes_back_and_nothing_is_paid_twice(project: tuple[DesiredModel, ...]) -> None:
    world = ToyWorld()
    world.reconcile(project)
    for model in project:
        world.lose_deployment(model.name)
    drifted = [change for change in world.plan(project, PlanOptions(refresh_only=True)).changes if change.drift]
    assert len(drifted) == sum(model.resolved.deployment.deployed for model in project)
    world.reconcile(project)
    holds(world, project)
    assert set(world.paid.values()) <= {1}


@settings(max_examples=60, deadline=None)
@given(projects(), projects(), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_its_input(
    first: tuple[DesiredModel, ...], second: tuple[DesiredModel, ...], random: Any
) -> None:
    world = ToyWorld()
    world.reconcile(first)
    plan = world.plan(second, PlanOptions())
    shuffled = list(second)
    random.shuffle(shuffled)
    world.models = dict(random.sample(sorted(world.models.items()), len(world.models)))
    again = world.plan(shuffled, PlanOptions())
    assert again.changes == plan.changes
    assert again.snapshot_digest == plan.snapshot_digest
    assert again.diagnostics == plan.diagnostics


def test_a_rename_trains_nothing_and_keeps_serving() -> None:
    world = ToyWorld()
    old = a_model("support-bot", fingerprint_of="x", deployment={"deployed": True})
    new = a_model("help-bot", fingerprint_of="x", deployment={"deployed": True}, renamed_from="support-bot")
    world.reconcile([old])
    world.reconcile([new])
    holds(world, [new])
    assert world.paid.total() == 1


def test_failures_use_fallback_types_and_retries_then_stop() -> None:
    world = ToyWorld()
    model = a_model(resources=a_training_machine(fallback_instance_types=("ml.g6.12xlarge",)), training_retries=1)
    kinds = {1: FaultKind.CAPACITY, 2: FaultKind.TERMINAL, 3: FaultKind.TERMINAL}
    world.failing = {version_name(model.name, model.fingerprint, n): a_fault(kind) for n, kind in kinds.items()}
    plan = world.reconcile([model])
    assert world.paid.total() == 3
    assert [change.stalled for change in plan.changes] == [True]
