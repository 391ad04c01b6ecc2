from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from reconciler.localcloud.clock import Clock
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.world import World


def _world() -> World:
    return World(clock=Clock(speed=0, start=0))


def _add(world: World, name: str) -> Resource:
    return world.add(Resource(kind="k", name=name, arn=f"arn:{name}", region="r", created=0, status="New"))


def _due(world: World) -> list[tuple[float, str]]:
    return [(event.at, event.step) for event, _ in world.due()]


@given(st.lists(st.floats(0, 100), max_size=20))
def test_events_happen_in_order_of_time_then_of_age(times: list[float]) -> None:
    world = _world()
    thing = _add(world, "a")
    for number, time in enumerate(times):
        world.at(time, thing, str(number))
    world.clock.advance(100)
    expected = sorted((time, number) for number, time in enumerate(times))
    assert _due(world) == [(time, str(number)) for time, number in expected]


def test_what_an_event_plans_happens_in_the_same_catch_up() -> None:
    world = _world()
    thing = _add(world, "a")
    world.at(1, thing, "first")
    world.clock.advance(10)
    seen = []
    for event, resource in world.due():
        seen.append((event.at, event.step))
        if event.step == "first":
            world.at(event.at + 1, resource, "second")
    assert seen == [(1, "first"), (2, "second")]


def test_cancelled_and_dropped_resources_have_no_future() -> None:
    world = _world()
    kept, cancelled, dropped = (_add(world, name) for name in "abc")
    for thing in (kept, cancelled, dropped):
        world.at(1, thing, thing.name)
    world.cancel(cancelled)
    world.drop(dropped)
    assert world.pending_events == 1
    world.clock.advance(1)
    assert _due(world) == [(1, "a")]


def test_a_name_that_is_used_again_does_not_inherit_the_future() -> None:
    world = _world()
    first = _add(world, "a")
    world.at(5, first, "of the first")
    world.at(6, first, "too")
    world.drop(first)
    second = _add(world, "a")
    world.cancel(second)
    world.clock.advance(10)
    assert _due(world) == []


def test_a_pickled_world_goes_on() -> None:
    world = _world()
    world.at(3, _add(world, "a"), "later")
    again = pickle.loads(pickle.dumps(world))
    again.clock.advance(3)
    assert [(event.step, resource.name) for event, resource in again.due()] == [("later", "a")]


def test_the_same_seed_gives_the_same_ids() -> None:
    assert _world().new_id() == _world().new_id()
    world = _world()
    assert world.new_id() != world.new_id()
