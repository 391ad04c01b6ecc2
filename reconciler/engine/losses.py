"""The loss curves of what was trained, from where each provider leaves them.

===========  ==============================================================================================================
provider     source
===========  ==============================================================================================================
Bedrock      ``step_wise_training_metrics.csv`` and ``validation_metrics.csv`` below the job's output in S3: ``step_number``,
             ``epoch_number``, ``training_loss`` or ``validation_loss``, ``perplexity``
             (https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-analyze.html)
SageMaker    lines of the training's log: ``epoch 1/3 train_loss=1.25``, or Hugging Face's ``{'loss': 1.25, 'epoch': 0.5}``
===========  ==============================================================================================================

Final metrics alone make no curve: fewer than two points of training loss are nothing.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator

from reconciler.domain.catalog import ProviderName
from reconciler.domain.losses import LossCurve, LossPoint
from reconciler.domain.observation import ModelObservation, TrainingRun
from reconciler.engine.outside import Outside

LOG_LINES = 10_000
"""The most that one GetLogEvents answers (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html)."""

Series = tuple[LossPoint, ...]


def loss_curves(models: Iterable[ModelObservation], outside: Outside) -> tuple[LossCurve, ...]:
    """Of the latest training of every version that is still there. Raises CloudUnavailable where looking fails."""
    kept = (
        (model, version.fingerprint, version.latest_run)
        for model in models
        for version in model.versions
        if not version.is_gone
    )
    curves = (_curve(model, fingerprint, run, outside) for model, fingerprint, run in kept if run)
    return tuple(curve for curve in curves if len(curve.training) > 1)


def _curve(model: ModelObservation, fingerprint: str, run: TrainingRun, outside: Outside) -> LossCurve:
    match model.provider:
        case ProviderName.BEDROCK:
            return _from_files(model.name, fingerprint, run, outside)
        case ProviderName.SAGEMAKER:
            lines = (
                outside.providers[model.provider].log_tail(run, LOG_LINES)
                if model.provider in outside.providers
                else ()
            )
            return curve_from_log(model.name, run.name, lines)


def metric_files(model: str, fingerprint: str, run: TrainingRun, outside: Outside) -> dict[str, str]:
    """What that one training on Bedrock left of metrics: text by key. Raises CloudUnavailable."""
    job = re.split(r"[/:]", run.identifier)[-1]
    files = outside.artifacts.metric_files(model, fingerprint)
    return {path: text for path, text in files.items() if f"model-customization-job-{job}/" in path}


def _from_files(model: str, fingerprint: str, run: TrainingRun, outside: Outside) -> LossCurve:
    own = metric_files(model, fingerprint, run, outside).items()
    training = "".join(text for path, text in own if path.endswith("/step_wise_training_metrics.csv"))
    validation = "".join(text for path, text in own if path.endswith("/validation_metrics.csv"))
    return LossCurve(
        model=model,
        run=run.name,
        unit="step",
        training=series_from_csv(training, "training_loss"),
        validation=series_from_csv(validation, "validation_loss"),
        simulated=",simulated" in training.partition("\n")[0],
    )


def series_from_csv(text: str, column: str) -> Series:
    """By step, one point each; rows that are no numbers are left out."""
    rows = csv.DictReader(io.StringIO(text))
    points = (_point(row.get("step_number"), row.get(column)) for row in rows)
    return _in_order(point for point in points if point)


_EPOCH = re.compile(r"\bepoch['\"]?\s*[:=]?\s*['\"]?(\d+(?:\.\d+)?)")
_LOSS = re.compile(
    r"(?<![a-z])(?P<name>(?:train_|eval_)?loss)['\"]?\s*[:=]\s*['\"]?(?P<value>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
)


def curve_from_log(model: str, run: str, lines: Iterable[str]) -> LossCurve:
    """A line counts where it names an epoch and a loss; Hugging Face's last one, with ``train_runtime``, is an average and does not."""
    told = [line for line in lines if "train_runtime" not in line]
    return LossCurve(
        model=model,
        run=run,
        unit="epoch",
        training=_in_order(_told(told, {"loss", "train_loss"})),
        validation=_in_order(_told(told, {"eval_loss"})),
        simulated=any("(simulated)" in line for line in told),
    )


def _told(lines: Iterable[str], names: set[str]) -> Iterator[LossPoint]:
    for line in lines:
        epoch = _EPOCH.search(line)
        losses = (found["value"] for found in _LOSS.finditer(line) if found["name"] in names)
        point = _point(epoch and epoch[1], next(losses, None))
        if point:
            yield point


def _point(at: str | None, loss: str | None) -> LossPoint | None:
    try:
        point = LossPoint(at=float(at or "nan"), loss=float(loss or "nan"))
    except ValueError:
        return None
    return point if math.isfinite(point.at) and math.isfinite(point.loss) else None


def _in_order(points: Iterable[LossPoint]) -> Series:
    """The last word on each step counts: a training that was resumed repeats some."""
    latest = {point.at: point for point in points}
    return tuple(latest[at] for at in sorted(latest))
