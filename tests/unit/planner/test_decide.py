"""Every row of the two truth tables, and that the tables cover every situation exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from reconciler.planner import decide
from reconciler.planner.decide import Parent, Wish, decide_serving, decide_training
from reconciler.planner.serving import Serving
from reconciler.planner.training import Training
from tests.unit.planner.tables import Row, tables

TRAINING_ROWS, SERVING_ROWS = tables(decide.__doc__ or "")

TRAINING_AXES = {
    "training": [str(t) for t in Training],
    "state": ["run", "stopped"],
    "parent": [str(p) for p in Parent],
    "retrain": ["yes", "no"],
}
SERVING_AXES = {
    "wish": [str(w) for w in Wish],
    "serving": [str(s) for s in Serving],
    "ready": ["yes", "no"],
    "redeploy": ["yes", "no"],
    "committed": ["yes", "no"],
}


def meant(row: Row, axes: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Every situation that a row speaks of."""
    return product(*(values if row[axis] == "any" else [row[axis]] for axis, values in axes.items()))


def told(row: Row) -> str:
    return " · ".join(row.values())


@pytest.mark.parametrize("row", TRAINING_ROWS, ids=told)
def test_training_row(row: Row) -> None:
    for training, state, parent, retrain in meant(row, TRAINING_AXES):
        decision = decide_training(
            Training(training), halted=state == "stopped", parent=Parent(parent), retrain=retrain == "yes"
        )
        assert str(decision) == row["decision"]


@pytest.mark.parametrize("row", SERVING_ROWS, ids=told)
def test_serving_row(row: Row) -> None:
    for wish, serving, ready, redeploy, committed in meant(row, SERVING_AXES):
        decision = decide_serving(
            Wish(wish),
            Serving(serving),
            ready=ready == "yes",
            redeploy=redeploy == "yes",
            committed=committed == "yes",
        )
        assert str(decision) == row["decision"]


@pytest.mark.parametrize(
    ("rows", "axes"), [(TRAINING_ROWS, TRAINING_AXES), (SERVING_ROWS, SERVING_AXES)], ids=["training", "serving"]
)
def test_every_situation_has_exactly_one_row(rows: list[Row], axes: dict[str, list[str]]) -> None:
    covered = [situation for row in rows for situation in meant(row, axes)]
    assert sorted(covered) == sorted(product(*axes.values()))
