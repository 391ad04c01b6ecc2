"""Simulated training metrics: nothing learns here, and the files say so.

The loss falls exponentially from a start to a floor, both drawn from the job's name, so that the same job always gives
the same curve. The files lie where Bedrock puts them, with its columns and one more, `simulated`.
"""

from __future__ import annotations

import csv
import io
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

MOST_ROWS = 1000
README = (
    b"Written by the reconciler's embedded cloud. No model was trained: the metrics beside this file are simulated.\n"
)


@dataclass(frozen=True)
class Curve:
    """A training of so many steps an epoch. Losses are in nats a token."""

    start: float
    floor: float
    epochs: int
    steps_per_epoch: int

    @property
    def training_loss(self) -> float:
        return self.loss_at(self.epochs * self.steps_per_epoch)

    @property
    def validation_loss(self) -> float:
        return round(self.training_loss * 1.08, 4)

    def loss_at(self, step: int) -> float:
        return round(self.floor + (self.start - self.floor) * math.exp(-3 * step / self._steps), 4)

    def rows(self) -> Iterator[tuple[int, int]]:
        """(step, epoch) pairs, thinned to at most MOST_ROWS; the last step is always there."""
        stride = max(1, math.ceil(self._steps / MOST_ROWS))
        for step in range(self._steps, 0, -stride)[::-1]:
            yield step, (step - 1) // self.steps_per_epoch + 1

    @property
    def _steps(self) -> int:
        return self.epochs * self.steps_per_epoch


def curve(name: str, *, records: int, epochs: int, batch_size: int) -> Curve:
    draw = random.Random(name)  # noqa: S311  a seed, no secret
    floor = draw.uniform(0.6, 1.1)
    start = floor + draw.uniform(0.8, 1.6)
    return Curve(start, floor, max(epochs, 1), max(1, math.ceil(records / max(batch_size, 1))))


def artifacts(training: Curve, *, validators: int) -> dict[str, bytes]:
    """Paths under the job's output prefix → contents."""
    files = {
        "training_artifacts/step_wise_training_metrics.csv": _training_csv(training),
        "training_artifacts/README.txt": README,
    }
    if validators:
        files["validation_artifacts/post_fine_tuning_validation/validation_metrics.csv"] = _validation_csv(
            training, validators
        )
        files["validation_artifacts/README.txt"] = README
    return files


def _training_csv(training: Curve) -> bytes:
    rows = ((step, epoch, training.loss_at(step)) for step, epoch in training.rows())
    return _csv("training_loss", ((step, epoch, loss, _perplexity(loss)) for step, epoch, loss in rows))


def _validation_csv(training: Curve, validators: int) -> bytes:
    step, loss = training.epochs * training.steps_per_epoch, training.validation_loss
    return _csv("validation_loss", [(step, training.epochs, loss, _perplexity(loss))] * validators)


def _csv(
    loss_column: str, rows: Iterator[tuple[int, int, float, float]] | list[tuple[int, int, float, float]]
) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["step_number", "epoch_number", loss_column, "perplexity", "simulated"])
    table.writerows((*row, "true") for row in rows)
    return text.getvalue().encode()


def _perplexity(loss: float) -> float:
    return round(math.exp(loss), 4)
