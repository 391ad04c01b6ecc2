from __future__ import annotations

import pickle

import pytest

from reconciler.localcloud.clock import Clock


class Wall:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_it_runs_at_its_speed_from_its_start() -> None:
    wall = Wall()
    clock = Clock(speed=60, start=1000, wall=wall)
    wall.time = 2
    assert clock.now() == 1120


def test_a_change_of_speed_does_not_jump() -> None:
    wall = Wall()
    clock = Clock(speed=10, start=0, wall=wall)
    wall.time = 5
    clock.run_at(2)
    assert clock.now() == 50
    wall.time = 6
    assert clock.now() == 52


def test_at_speed_zero_only_advance_moves_it() -> None:
    wall = Wall()
    clock = Clock(speed=0, start=7, wall=wall)
    wall.time = 100
    assert clock.now() == 7
    clock.advance(3)
    assert clock.now() == 10


def test_no_time_passes_while_it_is_pickled() -> None:
    clock = Clock(speed=0, start=42)
    stored = pickle.dumps(clock)
    assert pickle.loads(stored).now() == 42


def test_it_never_runs_backwards() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        Clock().advance(-1)
    with pytest.raises(ValueError, match="from 0 to 1,000,000"):
        Clock().run_at(-1)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), 1e300])
def test_figures_that_would_break_the_calendar_are_refused(figure: float) -> None:
    clock = Clock(speed=0, start=5)
    with pytest.raises(ValueError, match="not"):
        clock.run_at(figure)
    with pytest.raises(ValueError, match="not"):
        clock.advance(figure)
    assert clock.now() == 5


def test_held_it_shows_one_moment_and_then_goes_on() -> None:
    clock = Clock(speed=0, start=100)
    with clock.held_at(40):
        assert (clock.now(), clock.held) == (40, True)
    assert not clock.held
    assert clock.now() == 100
