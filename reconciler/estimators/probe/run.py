"""Asks the probe's subprocess."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import IO, Any, Self

from reconciler.estimators.memory import GIB, MemoryEstimate, around, estimate_memory
from reconciler.estimators.moments import Term
from reconciler.estimators.setup import Dtype, Loss, Optimizer, Stack, TrainingSetup

NEEDS = ("torch", "transformers", "trl", "peft")
SECONDS = 300
"""For one setup; it takes some two, and five for the first."""

_OPTIMIZERS = (
    Optimizer.ADAMW_FUSED,
    Optimizer.ADAMW_FOREACH,
    Optimizer.ADAFACTOR,
    Optimizer.SGD,
    Optimizer.SGD_MOMENTUM,
)
_WEIGHTS = (Dtype.FP32, Dtype.BF16, Dtype.FP16, Dtype.NF4, Dtype.NF4_DOUBLE)


class CannotProbe(ValueError):
    """Why there is no answer, for people to read."""


class Probe:
    """A context: the process starts with the first question, and ends with the block. One question at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._open = ExitStack()
        self._errors: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._open.close()

    def estimate(self, setup: TrainingSetup) -> MemoryEstimate:
        """Tensors as the step really makes them, and the closed form's context and allocator on top. Raises :exc:`CannotProbe`."""
        peak, moment = self.peak(setup)
        reckoned = estimate_memory(setup)
        likely = peak / GIB
        more = likely - reckoned.peak.likely
        return MemoryEstimate(
            peak=around(likely),
            reserved=reckoned.reserved + more,
            needed=reckoned.needed + more,
            context=reckoned.context,
            moment=moment,
            terms={Term.PROBED: likely, Term.OVERHEAD: reckoned.terms[Term.OVERHEAD]},
            assumptions=("memory: a training step on fake tensors, by the libraries that are installed here",),
        )

    def peak(self, setup: TrainingSetup) -> tuple[int, str]:
        """Bytes, and the moment that sets it. Raises :exc:`CannotProbe`."""
        why = cannot(setup)
        if why:
            raise CannotProbe(why)
        answer = self._asked(wire(setup))
        if "problem" in answer:
            raise CannotProbe(str(answer["problem"]))
        return int(answer["peak"]), str(answer["moment"])

    def _asked(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise CannotProbe(self._last_words(process)) from None
        ready, _, _ = select.select([process.stdout], [], [], SECONDS)
        if not ready:
            raise CannotProbe(f"the probe took longer than {SECONDS} seconds")
        line = process.stdout.readline()
        if not line:
            raise CannotProbe(self._last_words(process))
        answer: Mapping[str, Any] = json.loads(line)
        return answer

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._errors = self._open.enter_context(_scratch())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "reconciler.estimators.probe.step"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
            )
        return self._process

    def _last_words(self, process: subprocess.Popen[str]) -> str:
        assert self._errors is not None
        code = process.wait(SECONDS)
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines()
        return f"the probe ended with {code}: {said[-1] if said else 'no output'}"


@contextmanager
def _scratch() -> Iterator[IO[str]]:
    """What the process complains of: read once it has ended, and never in its way."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        yield file


def cannot(setup: TrainingSetup) -> str:
    """Why the probe cannot run the setup; empty where it can."""
    missing = [name for name in NEEDS if find_spec(name) is None]
    reasons = (
        (bool(missing), f"{', '.join(missing)} not installed; pip install 'llm-reconciler[train]' brings them"),
        (setup.stack is not Stack.HF, "the probe runs Transformers, not other training code"),
        (setup.gpus > 1, "the probe runs one GPU; what is sharded is not seen"),
        (setup.weights not in _WEIGHTS, f"the probe knows no kernels for weights in {setup.weights}"),
        (setup.keeps_quantised_inputs, "the probe knows bitsandbytes from 0.43.2 on"),
        (setup.fp32_norms or setup.fp32_ends, "the probe knows no weights that are cast before training"),
        (setup.fused_norms or setup.compiled, "fused kernels run on a GPU alone"),
        (setup.loss not in (Loss.FULL, Loss.CHUNKED), f"the installed libraries have no loss like {setup.loss}"),
        (setup.optimizer not in _OPTIMIZERS, f"the optimizer {setup.optimizer} has kernels of its own"),
        (not setup.dims.gated, "the probe builds models whose feed-forward layer is gated"),
    )
    return next((why for holds, why in reasons if holds), "")


def wire(setup: TrainingSetup) -> dict[str, Any]:
    """As the subprocess reads it."""
    dims = setup.dims
    return {
        "hidden": dims.hidden,
        "layers": dims.layers,
        "heads": dims.heads,
        "kv_heads": dims.kv_heads,
        "head_dim": dims.head_dim,
        "ffn": dims.ffn,
        "vocab": dims.vocab,
        "tied": dims.tied,
        "qkv_bias": dims.qkv_bias,
        "qk_norm": dims.qk_norm,
        "experts": dims.experts,
        "experts_per_token": dims.experts_per_token,
        "weights": setup.weights.value,
        "autocast": setup.autocast,
        "loss": setup.loss.value,
        "lora_targets": list(setup.lora_targets),
        "lora_rank": setup.lora_rank,
        "lora_dropout": setup.lora_dropout,
        "adapters": setup.adapters.value,
        "gradient_checkpointing": setup.gradient_checkpointing,
        "attention": setup.attention.value,
        "padded": setup.padded,
        "optimizer": setup.optimizer.value,
        "micro_batch": setup.micro_batch,
        "sequence": setup.sequence,
        "passes": min(2, setup.gradient_accumulation),
    }
