"""What is approved once is enough: no later plan of the same run asks for more, except deletions, which wait for the next."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.desired import DesiredModel
from reconciler.domain.plan import Action, PlanOptions
from reconciler.engine.approve import Approval, outside_of
from tests.unit.planner.test_convergence import projects
from tests.unit.planner.toy_world import ToyWorld


def run(world: ToyWorld, wanted: tuple[DesiredModel, ...], options: PlanOptions) -> None:
    """As an apply goes: one approval, for the first plan."""
    plan = world.plan(wanted, options)
    approval = Approval.of(plan)
    for _ in range(40):
        late = [c for c in plan.changes if c.action is Action.DELETE and not approval.covers(c)]
        todo = [change for change in plan.changes if change not in late]
        assert not outside_of(approval, todo)
        if not any(change.action.mutates or change.action is Action.WAIT for change in todo):
            return
        world.carry_out(plan.model_copy(update={"changes": tuple(todo)}), wanted)
        world.tick()
        plan = world.plan(wanted, options)
    raise AssertionError("not quiet")


@settings(max_examples=80, deadline=None)
@given(projects(), projects())
def test_one_approval_carries_an_apply(first: tuple[DesiredModel, ...], second: tuple[DesiredModel, ...]) -> None:
    world = ToyWorld()
    run(world, first, PlanOptions())
    run(world, second, PlanOptions())


@settings(max_examples=150, deadline=None)
@given(projects(), projects(), st.integers(1, 6))
def test_also_where_it_begins_in_the_middle_of_things(
    first: tuple[DesiredModel, ...], second: tuple[DesiredModel, ...], steps: int
) -> None:
    """Something is on its way for manifests that are no longer wanted."""
    world = ToyWorld()
    for step in range(steps):
        world.carry_out(world.plan(first, PlanOptions()), first)
        if step < steps - 1:
            world.tick()
    run(world, second, PlanOptions())


@settings(max_examples=40, deadline=None)
@given(projects())
def test_and_a_destroy(first: tuple[DesiredModel, ...]) -> None:
    world = ToyWorld()
    world.reconcile(first)
    run(world, first, PlanOptions(destroy=True))
    run(world, (), PlanOptions())
