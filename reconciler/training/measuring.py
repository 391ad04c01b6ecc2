"""What a training came to, gathered from the Trainer. Imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import transformers
import trl

from reconciler.training import metrics
from reconciler.training.callbacks import peak_memory
from reconciler.training.encoding import Corpus
from reconciler.training.metrics import Metrics
from reconciler.training.stopping import Stopped


@dataclass(frozen=True)
class Data:
    training: Corpus
    validation: Corpus | None


def measure(trainer: Any, data: Data, *, seconds: float, tokens: int, told_to_stop: bool) -> Metrics:
    """Called in every process, since some of it is gathered. May evaluate once more."""
    state = trainer.state
    trained, all_of_them = count_parameters(trainer.model)
    history = metrics.history(state.log_history)
    epochs = float(state.epoch or 0.0)
    return Metrics(
        train_loss=metrics.mean_loss(history),
        eval_loss=None if told_to_stop else _eval_loss(trainer, data),
        steps=state.global_step,
        epochs=round(epochs, 4),
        tokens=tokens,
        billable_tokens=round(data.training.tokens * epochs),
        seconds=round(seconds, 3),
        tokens_per_second=round(tokens / max(seconds, 1e-9), 2),
        peak_memory_bytes=_fullest(trainer),
        stopped=_why_stopped(trainer, told_to_stop=told_to_stop),
        trained_parameters=trained,
        parameters=all_of_them,
        records=len(data.training.records),
        records_cut=data.training.cut,
        records_dropped=data.training.dropped,
        processes=trainer.args.world_size,
        parallel=_parallel(trainer),
        versions={"torch": torch.__version__, "transformers": transformers.__version__, "trl": trl.__version__},
        history=history,
    )


def _eval_loss(trainer: Any, data: Data) -> float | None:
    """Of the weights as they are now: evaluated already, where the last entry was of this step, or the best were loaded."""
    if data.validation is None:
        return None
    state = trainer.state
    if trainer.args.load_best_model_at_end and state.best_metric is not None:
        return float(state.best_metric)
    told = [
        entry["eval_loss"]
        for entry in state.log_history
        if entry.get("step") == state.global_step and "eval_loss" in entry
    ]
    return float(told[-1]) if told else _evaluated(trainer)


def _evaluated(trainer: Any) -> float | None:
    """Unless it is told to stop meanwhile: the model is what counts then."""
    try:
        return float(trainer.evaluate()["eval_loss"])
    except Stopped:
        return None


def _why_stopped(trainer: Any, *, told_to_stop: bool) -> str | None:
    if told_to_stop:
        return "stop"
    return "early-stopping" if trainer.state.global_step < trainer.state.max_steps else None


def _parallel(trainer: Any) -> str:
    if trainer.args.world_size == 1:
        return "none"
    return "fsdp" if trainer.is_fsdp_enabled else "ddp"


def _fullest(trainer: Any) -> int:
    peaks = torch.tensor([peak_memory()], dtype=torch.int64, device=trainer.args.device)
    return int(trainer.accelerator.gather(peaks).max().item())


def count_parameters(model: Any) -> tuple[int, int]:
    """Trained, and all of them."""
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(count for count, trained in counts if trained), sum(count for count, _ in counts)
