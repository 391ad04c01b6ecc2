"""Losses in ``show``: a curve on a terminal, figures anywhere."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.losses import LossCurve, LossPoint
from reconciler.reports.json import model_document
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.model import draw_model
from reconciler.reports.terminal.sparkline import BLOCKS, WIDTH, sparkline
from reconciler.reports.view.model import Dossier, view_model
from tests.builders import NOW


def points(*losses: float) -> tuple[LossPoint, ...]:
    return tuple(LossPoint(at=float(at), loss=loss) for at, loss in enumerate(losses, start=1))


CURVE = LossCurve(
    model="bot",
    run="bot-1a2b3c4d",
    unit="epoch",
    training=points(2.0, 1.25, 0.5),
    validation=points(2.0, 1.0, 1.5),
)
DOSSIER = Dossier(name="bot", desired=None, observed=(), changes=(), base=None, lineage=(), now=NOW, curves=(CURVE,))


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def drawn(out: io.StringIO, dossier: Dossier = DOSSIER) -> list[str]:
    draw_model(Screen(out, width=100), view_model(dossier))
    return out.getvalue().partition("Losses\n")[2].splitlines()


def test_in_a_log_there_are_figures_alone() -> None:
    assert drawn(io.StringIO()) == [
        "  TRAINING       DATA         LOSS",
        "  bot-1a2b3c4d   training     2 at epoch 1 -> 0.5 at epoch 3",
        "  bot-1a2b3c4d   validation   2 at epoch 1 -> 1.5 at epoch 3, best 1 at epoch 2",
    ]


def test_a_terminal_has_curves() -> None:
    assert drawn(Terminal())[1:3] == [
        "  bot-1a2b3c4d   training     █▅▁     2 at epoch 1 -> 0.5 at epoch 3",
        "  bot-1a2b3c4d   validation   █▁▅     2 at epoch 1 -> 1.5 at epoch 3, best 1 at epoch 2",
    ]


def test_what_was_made_up_says_so() -> None:
    simulated = replace(DOSSIER, curves=(CURVE.model_copy(update={"simulated": True}),))
    assert drawn(io.StringIO(), simulated)[-1] == "  Simulated by the embedded cloud: nothing was computed."


def test_programs_get_points_and_what_stands_out() -> None:
    (losses,) = model_document(DOSSIER)["losses"]
    assert losses["training"][1] == {"at": 2.0, "loss": 1.25}
    assert losses["validationSummary"] == {
        "first": {"at": 1.0, "loss": 2.0},
        "last": {"at": 3.0, "loss": 1.5},
        "best": {"at": 2.0, "loss": 1.0},
    }


@pytest.mark.parametrize(
    ("heights", "line"), [([], ""), ([1.0], "▁"), ([1.0, 1.0], "▁▁"), ([0.0, 7.0], "▁█"), ([3.0, 1.0, 2.0], "█▁▅")]
)
def test_sparklines(heights: list[float], line: str) -> None:
    assert sparkline(heights) == line


@given(st.lists(st.floats(-1e9, 1e9), max_size=200))
def test_a_sparkline_always_fits(heights: list[Any]) -> None:
    line = sparkline(heights)
    assert len(line) == min(len(heights), WIDTH)
    assert set(line) <= set(BLOCKS)
