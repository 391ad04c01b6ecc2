"""What happens beside the steps: lines of the log, and stopping. Imports transformers."""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Mapping
from typing import Any

import torch
from transformers import TrainerCallback

from reconciler.training import metrics
from reconciler.training.stopping import Stopped, StopRequest

_LOG = logging.getLogger("reconciler.training")
_SHOWN = ("loss", "eval_loss", "grad_norm", "learning_rate", "mean_token_accuracy", "eval_mean_token_accuracy")


class Telling(TrainerCallback):  # type: ignore[misc]
    """One line for each entry of the Trainer's log. Tokens are those that TRL counts: of all processes, padding not included."""

    def __init__(self) -> None:
        self.tokens = 0
        self._since = (time.monotonic(), 0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._since = (time.monotonic(), self.tokens)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """The last step is told, wherever the rhythm falls."""
        if state.global_step >= state.max_steps and args.logging_strategy != "no":
            control.should_log = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        told = {name: _number(value) for name, value in (logs or {}).items()}
        self.tokens = int(told.get("num_tokens", self.tokens))
        if "loss" not in told and "eval_loss" not in told:
            return
        shown = {name: told[name] for name in _SHOWN if name in told} | {
            "epoch": state.epoch,
            "step": state.global_step,
        }
        if "loss" in told:
            shown |= self._speed() | {"peak_memory_bytes": peak_memory()}
        if state.is_world_process_zero:
            _LOG.info("%s", metrics.line(shown))

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._since = (time.monotonic(), self.tokens)

    def _speed(self) -> dict[str, float]:
        """Since the line before, without evaluation."""
        now, (then, before) = time.monotonic(), self._since
        self._since = (now, self.tokens)
        return {"tokens": self.tokens, "tokens_per_second": (self.tokens - before) / max(now - then, 1e-9)}


class Stopping(TrainerCallback):  # type: ignore[misc]
    """Ends the training after the step at hand, with a checkpoint where they are kept; an evaluation is left at once.

    All processes end at the same step: each asks the others.
    """

    def __init__(self, request: StopRequest, *, keeps_checkpoints: bool) -> None:
        self._request = request
        self.saves = keeps_checkpoints
        self.happened = False

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if self._asked(args):
            self.happened = True
            control.should_training_stop = True
            control.should_save = self.saves
            control.should_log = args.logging_strategy != "no"
            control.should_evaluate = False
        return control

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._asked(args):
            self.happened = True
            raise Stopped

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """The Trainer asks for an evaluation at the end of each epoch, however the epoch ended."""
        if self.happened:
            control.should_evaluate = False
            control.should_save = False
        return control

    def _asked(self, args: Any) -> bool:
        told = bool(self._request)
        if args.world_size == 1:
            return told
        flag = torch.tensor([float(told)], device=args.device)
        torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
        return bool(flag.item())


def peak_memory() -> int:
    """Bytes: allocated on this process's GPU; without one, the process's largest resident set."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _number(value: Any) -> Any:
    """Some versions of Transformers hand the values over as texts."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
