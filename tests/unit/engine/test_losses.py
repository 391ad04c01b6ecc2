"""Loss curves from what each provider leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.losses import curve_from_log, loss_curves, series_from_csv
from tests.stage import BEDROCK, SAGEMAKER, Stage

HUGGING_FACE = """\
{'loss': 2.5, 'grad_norm': 0.1, 'learning_rate': 2e-05, 'epoch': 0.5}
{'eval_loss': 2.25, 'eval_runtime': 3.1, 'epoch': 1.0}
{'loss': '1.5e+00', 'epoch': '1.0'}
{'train_runtime': 60.1, 'train_loss': 1.9, 'epoch': 1.0}
"""


def test_both_clouds_tell_their_curves(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("open.yaml", SAGEMAKER)
    stage.write("nova.yaml", BEDROCK)
    assert loss_curves(stage.propose().snapshot.models, stage.outside()) == ()
    stage.apply()
    snapshot = stage.propose().snapshot
    with stage._as_role("plan"):
        curves = {curve.model: curve for curve in loss_curves(snapshot.models, stage.outside())}
    assert {name: (curve.unit, curve.simulated) for name, curve in curves.items()} == {
        "open-bot": ("epoch", True),
        "nova-bot": ("step", True),
    }
    for curve in curves.values():
        assert len(curve.training) > 1
        assert curve.training[-1].loss < curve.training[0].loss


def test_hugging_face_lines() -> None:
    curve = curve_from_log("bot", "run", HUGGING_FACE.splitlines())
    assert [(point.at, point.loss) for point in curve.training] == [(0.5, 2.5), (1.0, 1.5)]
    assert [(point.at, point.loss) for point in curve.validation] == [(1.0, 2.25)]
    assert not curve.simulated


def test_lines_of_ours_and_lines_of_anybody() -> None:
    lines = [
        "epoch 2/2 train_loss=1.0 (simulated)",
        "epoch 1/2 train_loss=1.5 (simulated)",
        "glossary=3 epoch 9",
        "(the log cannot be read)",
    ]
    curve = curve_from_log("bot", "run", lines)
    assert [(point.at, point.loss) for point in curve.training] == [(1, 1.5), (2, 1.0)]
    assert curve.simulated


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("", []),
        ("step_number,other\n1,2\n", []),
        ("step_number,training_loss\n2,1.5\n1,2.5\n1,2\n", [(1, 2), (2, 1.5)]),
        ("step_number,training_loss\n1,nan\n2,inf\n3,<b>\n4\n5,1\n", [(5, 1)]),
    ],
)
def test_tables_of_bedrock(text: str, points: list[tuple[float, float]]) -> None:
    assert [(point.at, point.loss) for point in series_from_csv(text, "training_loss")] == points
