from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

from reconciler.domain.measurement import History, Measured, Predicted
from reconciler.domain.quantity import Range
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.history import draw_history
from reconciler.reports.view.history import HEADER, view_history
from tests.unit.estimators.test_correction import measured


def rows(*measurements: Any) -> list[dict[str, str]]:
    shown = view_history(History(measurements=measurements))
    return [dict(zip(HEADER, row, strict=True)) for row in shown.rows]


def test_predicted_is_what_the_plan_told() -> None:
    predicted = Predicted(hours=Range.exactly(2), usd=Range.exactly(10), peak_gib=10.0)
    real = Measured(billable_seconds=9000, usd=Decimal("11"), peak_gib=14.0)
    corrected: dict[str, Any] = {"time_factor": Decimal("1.25"), "memory_factor": Decimal("1.1")}
    (row,) = rows(measured(predicted=predicted, measured=real, **corrected))
    assert row["TIME: PREDICTED, REAL"] == "2.5 h, 2.5 h (+0 %)"
    assert row["COST: PREDICTED, REAL"] == "$12.50, $11.00 (-12 %)"
    assert row["MEMORY: PREDICTED, REAL"] == "11.0 GiB, 14.0 GiB (+27 %)"


def test_unknown_is_a_word() -> None:
    (row,) = rows(measured(predicted=Predicted(), measured=Measured()))
    assert {row[name] for name in HEADER if "REAL" in name} == {"unknown, unknown"}


def test_the_newest_first_and_what_they_correct() -> None:
    shown = view_history(History(measurements=(measured(0, times="1.728"), measured(1, simulated=True, times="9"))))
    assert [row[-1] for row in shown.rows] == ["simulated", ""]
    assert shown.corrections == ("llama-3.1-8b-instruct on ml.g5.2xlarge: time × 1.200, by 1 measured",)


def test_before_anything_was_measured() -> None:
    stream = io.StringIO()
    draw_history(Screen(stream), view_history(History()))
    assert stream.getvalue().startswith("No training was measured yet.")
