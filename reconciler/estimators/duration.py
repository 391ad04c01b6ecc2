"""How long a training takes, from start-up to the artifact, in hours.

SageMaker: start-up + transfer of the weights + FLOPs ÷ (peak × utilisation × GPUs). FLOPs for one token and N parameters with
gradient checkpointing: 8N for full fine-tuning (6N of Kaplan et al. 2020, and a second forward pass of 2N), 6N with LoRA (no
gradients of frozen weights: 4N + 2N), 2N for evaluation. Attention's quadratic term is left out: it is small up to a few
thousand tokens.
"""

from __future__ import annotations

from decimal import Decimal

from reconciler.domain.catalog import Accelerator, FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel, Hyperparameters
from reconciler.domain.quantity import Range
from reconciler.estimators.estimate import Estimate, spread
from reconciler.estimators.parameters import uses_lora
from reconciler.estimators.tokens import training_tokens, validation_tokens

STARTUP_HOURS = spread(4 / 60, 8 / 60, 15 / 60)
"""Provisioning, image and installation: 8 minutes and 15 minutes were reckoned with by published SageMaker fine-tunings."""

TRANSFER_GB_PER_HOUR = spread(360, 720, 1800)
"""100, 200 and 500 MB a second, for weights from the hub or S3 and the artifact back to S3."""

UTILISATION_ONE_GPU = spread("0.25", "0.42", "0.68")
UTILISATION_NVLINK = spread("0.18", "0.40", "0.68")
UTILISATION_PCIE = spread("0.10", "0.28", "0.50")
"""Share of the dense peak, recomputed FLOPs included, that fine-tunings with Hugging Face libraries reach. Published benchmarks
(fms-acceleration, llm-foundry, torchtune) lie between 0.25 and 0.70 on one A100 and around 0.5 on several, with packed sequences
of 4,096 tokens; short records that are not packed stay below. No published figures for several GPUs over PCIe: set lower."""

BEDROCK_HOURS = spread("0.5", 3, 24)
"""No more than a rough span: AWS publishes no durations, and says that a job can take several hours."""

FULL, LORA, EVALUATION = 8, 6, 2
_TERA = Decimal(10) ** 12


def sagemaker_hours(
    model: DesiredModel, base: FoundationModel, instance: InstanceType, instance_count: int = 1
) -> Estimate:
    """Billable hours of one instance. Unknown where the model's size, the data's tokens or the GPU's peak are."""
    problem = _unknown(model, base, instance)
    if problem:
        return Estimate.unknown("hours", problem)
    assert base.architecture is not None
    assert base.architecture.parameters is not None
    assert instance.accelerator is not None
    parameters = base.architecture.parameters
    gpus = instance.accelerators * instance_count
    utilisation = _utilisation(instance, instance_count)
    teraflops = _peak(instance.accelerator) * gpus * _TERA
    work = _work(model, base, parameters)
    compute = _divided(work, utilisation.times(teraflops * 3600))
    transfer = _divided(_fixed(Decimal(parameters) * 4 / 10**9), TRANSFER_GB_PER_HOUR)
    return Estimate(
        amount=STARTUP_HOURS + transfer + compute,
        unit="hours",
        assumptions=(*_assumptions(model, base, gpus, utilisation), *_early(model.resolved.hyperparameters)),
    )


def bedrock_hours() -> Estimate:
    return Estimate(
        amount=BEDROCK_HOURS, unit="hours", assumptions=("duration: AWS publishes none for Bedrock; a rough span",)
    )


def epochs(chosen: Hyperparameters) -> Range | None:
    """Epochs that are run: early stopping can end the training once ``patience`` evaluations brought nothing."""
    if chosen.epochs is None:
        return None
    earliest = chosen.epochs
    if chosen.early_stopping_patience is not None:
        earliest = min(chosen.epochs, chosen.early_stopping_patience + 1)
    return spread(earliest, chosen.epochs, chosen.epochs)


def _unknown(model: DesiredModel, base: FoundationModel, instance: InstanceType) -> str:
    """Why nothing can be told; empty where it can."""
    if base.architecture is None or base.architecture.parameters is None:
        return f"the number of parameters of {base.key} is not known"
    if instance.accelerator is None or instance.accelerator.vendor != "NVIDIA":
        return f"{instance.name} has no CUDA GPU"
    if not _peak(instance.accelerator):
        return f"no peak rate of the {instance.accelerator.name} is known"
    if model.resolved.hyperparameters.epochs is None:
        return "the number of epochs is left to the service"
    tokens = training_tokens(model, base.family)
    return tokens.why_unknown


def _work(model: DesiredModel, base: FoundationModel, parameters: int) -> Range:
    """FLOPs of the whole training, evaluation after each epoch included."""
    passes = epochs(model.resolved.hyperparameters)
    trained, evaluated = training_tokens(model, base.family).amount, validation_tokens(model, base.family).amount
    assert passes is not None
    assert trained is not None
    assert evaluated is not None
    each = LORA if uses_lora(model.resolved.hyperparameters) else FULL
    flops = trained.times(each * parameters) + evaluated.times(EVALUATION * parameters)
    return Range(low=flops.low * passes.low, likely=flops.likely * passes.likely, high=flops.high * passes.high)


def _peak(accelerator: Accelerator) -> Decimal:
    """Dense TFLOPS: BF16, or FP16 on GPUs that lack it; zero where neither is known."""
    return accelerator.dense_bf16_tflops or accelerator.dense_fp16_tflops or Decimal(0)


def _utilisation(instance: InstanceType, instance_count: int) -> Range:
    if instance.accelerators * instance_count == 1:
        return UTILISATION_ONE_GPU
    nvlink = instance.accelerator is not None and "NVLink" in instance.accelerator.interconnect
    return UTILISATION_NVLINK if nvlink and instance_count == 1 else UTILISATION_PCIE


def _divided(work: Range, rate: Range) -> Range:
    """The longest time comes of the slowest rate."""
    return Range(low=work.low / rate.high, likely=work.likely / rate.likely, high=work.high / rate.low)


def _fixed(amount: Decimal) -> Range:
    return Range(low=amount, likely=amount, high=amount)


def _assumptions(model: DesiredModel, base: FoundationModel, gpus: int, utilisation: Range) -> tuple[str, ...]:
    method = "LoRA" if uses_lora(model.resolved.hyperparameters) else "full fine-tuning"
    share = f"{utilisation.low:.0%} to {utilisation.high:.0%}, likely {utilisation.likely:.0%}"
    time = f"time: {method} on {gpus} GPU{'s' if gpus > 1 else ''} at {share} of the peak rate, and 4 to 15 minutes to start"
    return (time, *training_tokens(model, base.family).assumptions)


def _early(chosen: Hyperparameters) -> tuple[str, ...]:
    return ("time: early stopping may end it sooner",) if chosen.early_stopping_patience is not None else ()
