"""How long a training takes, from start-up to the artifact, in billed hours.

SageMaker: start-up, then for each epoch its steps (:mod:`reconciler.estimators.step`) and an evaluation, then the artifact's way to S3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from reconciler.domain.catalog import FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel, Hyperparameters
from reconciler.domain.quantity import Range
from reconciler.estimators.batches import Batches, epochs_of_batches
from reconciler.estimators.estimate import Estimate, spread
from reconciler.estimators.gpu import Gpu, gpu_in
from reconciler.estimators.intended import intended
from reconciler.estimators.known import unestimated
from reconciler.estimators.setup import Method, TrainingSetup
from reconciler.estimators.startup import startup_hours, transfer_hours
from reconciler.estimators.step import CALIBRATED, forward_seconds, step_time
from reconciler.estimators.storage import artifact_gb, base_gb
from reconciler.estimators.tokens import training_tokens, validation_tokens

HOST_SECONDS = spread("0.01", "0.03", "0.1")
"""A step's collating, copying to the GPU and logging that the GPU waits for. Assumed."""

MEASURED = spread("0.86", "1", "1.2")
"""Real over predicted step time where runs on such GPUs were measured: nine of ten lie within (``make bench-estimators``)."""

UNMEASURED = spread("0.7", "1", "1.6")
"""Where none were, or several machines share the work over AWS's network. Assumed."""

_NAMES = {Method.FULL: "full fine-tuning", Method.LORA: "LoRA", Method.QLORA: "QLoRA"}


def sagemaker_hours(
    model: DesiredModel, base: FoundationModel, instance: InstanceType, instance_count: int = 1
) -> Estimate:
    """Billed hours of one instance. Unknown where the model's size, the data's tokens or the GPU's peak are."""
    problem = _unknown(model, base, instance)
    if problem:
        return Estimate.unknown("hours", problem)
    training = _training(model, base, instance, instance_count)
    weights, artifact = base_gb(base).amount, artifact_gb(model, base).amount
    assert weights is not None
    assert artifact is not None
    amount = startup_hours(weights.likely) + training.hours + transfer_hours(artifact.likely)
    return Estimate(amount=_rounded(amount), unit="hours", assumptions=(*training.told(), *_told(model, base)))


def epochs(chosen: Hyperparameters) -> Range | None:
    """Epochs that are run: early stopping can end the training once ``patience`` evaluations brought nothing."""
    if chosen.epochs is None:
        return None
    earliest = chosen.epochs
    if chosen.early_stopping_patience is not None:
        earliest = min(chosen.epochs, chosen.early_stopping_patience + 1)
    return spread(earliest, chosen.epochs, chosen.epochs)


@dataclass(frozen=True, slots=True)
class _Training:
    """Steps and evaluations of all epochs; low, likely, high."""

    name: str
    """Of the model."""
    setup: TrainingSetup
    gpu: Gpu
    trained: tuple[Batches, Batches, Batches]
    evaluated: tuple[Batches, Batches, Batches]
    passes: Range

    @property
    def hours(self) -> Range:
        low, likely, high = (
            self._epoch_seconds(each, held, host)
            for each, held, host in zip(self.trained, self.evaluated, _ends(HOST_SECONDS), strict=True)
        )
        error = MEASURED if self._is_measured else UNMEASURED
        return Range(
            low=_hours(low) * error.low * self.passes.low,
            likely=_hours(likely) * error.likely * self.passes.likely,
            high=_hours(high) * error.high * self.passes.high,
        )

    def told(self) -> tuple[str, ...]:
        likely, gpus = self.trained[1], f"{self.setup.gpus} {self.gpu.name}"
        rate = step_time(replace(self.setup, sequence=likely.sequence), self.gpu).tokens_per_second
        batch = self.setup.micro_batch * self.setup.gpus * self.setup.gradient_accumulation
        basis = "fitted to measured runs" if self._is_measured else "assumed: no measured runs on such machines"
        return (
            f"{self.name}: {_NAMES[self.setup.method]} on {gpus}, {rate:,.0f} tokens a second on each ({basis})",
            f"{self.name}: {likely.steps:,} steps an epoch, {batch} records of {likely.sequence:,} tokens in each, {self._filling}",
            "time: 3 to 14 minutes for image and program, weights and artifact at 100 to 500 MB a second",
        )

    @property
    def _is_measured(self) -> bool:
        return self.gpu.kind in CALIBRATED and self.setup.nodes == 1

    @property
    def _filling(self) -> str:
        if self.setup.packed:
            return "packed"
        return "padded to the longest" if self.setup.padded else "without padding"

    def _epoch_seconds(self, trained: Batches, evaluated: Batches, host: Decimal) -> float:
        step = step_time(replace(self.setup, sequence=trained.sequence), self.gpu).total + float(host)
        forward = forward_seconds(replace(self.setup, sequence=evaluated.sequence), self.gpu) + float(host)
        return trained.steps * step + evaluated.steps * self.setup.gradient_accumulation * forward


def _training(model: DesiredModel, base: FoundationModel, instance: InstanceType, instance_count: int) -> _Training:
    gpu, passes, data = gpu_in(instance), epochs(model.resolved.hyperparameters), model.data
    trained, evaluated = training_tokens(model, base.family).amount, validation_tokens(model, base.family).amount
    assert base.architecture is not None
    assert gpu is not None
    assert passes is not None
    assert trained is not None
    assert evaluated is not None
    setup = intended(model, base.architecture, instance, instance_count)
    return _Training(
        name=model.name,
        setup=setup,
        gpu=gpu,
        trained=epochs_of_batches(setup, data.training_records, trained),
        evaluated=epochs_of_batches(setup, data.validation_records, evaluated),
        passes=passes,
    )


def _unknown(model: DesiredModel, base: FoundationModel, instance: InstanceType) -> str:
    """Why nothing can be told; empty where it can."""
    if why := unestimated(base, model.resolved.hyperparameters):
        return why
    if instance.accelerator is None or instance.accelerator.vendor != "NVIDIA":
        return f"{instance.name} has no CUDA GPU"
    if gpu_in(instance) is None:
        return f"no peak rate of the {instance.accelerator.name} is known"
    if model.resolved.hyperparameters.epochs is None:
        return "the number of epochs is left to the service"
    return training_tokens(model, base.family).why_unknown


def _told(model: DesiredModel, base: FoundationModel) -> tuple[str, ...]:
    early = model.resolved.hyperparameters.early_stopping_patience is not None
    return (
        *(("time: early stopping may end it sooner",) if early else ()),
        *training_tokens(model, base.family).assumptions,
    )


def _ends(amount: Range) -> tuple[Decimal, Decimal, Decimal]:
    return (amount.low, amount.likely, amount.high)


def _hours(seconds: float) -> Decimal:
    return Decimal(str(seconds)) / 3600


def _rounded(hours: Range) -> Range:
    """To a hundredth of a second, so that no machine's arithmetic shows."""
    low, likely, high = (value.quantize(Decimal("0.000001")) for value in _ends(hours))
    return Range(low=low, likely=likely, high=high)
