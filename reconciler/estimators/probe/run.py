"""Asks the probe's subprocess."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from reconciler.estimators.setup import Loss, Optimizer, TrainingSetup

NEEDS = ("torch", "transformers", "trl", "peft")
SECONDS = 300

_OPTIMIZERS = (
    Optimizer.ADAMW_FUSED,
    Optimizer.ADAMW_FOREACH,
    Optimizer.ADAFACTOR,
    Optimizer.SGD,
    Optimizer.SGD_MOMENTUM,
)


@dataclass(frozen=True, slots=True)
class Probed:
    """The peak of one step in bytes of tensors, and the moment that sets it; or why there is none."""

    peak: int | None = None
    moment: str = ""
    why_unknown: str = ""


def probe(setups: Sequence[TrainingSetup]) -> list[Probed]:
    """One answer for each setup, in order. Some 5 seconds to start, and one to three for each setup, whatever the depth."""
    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        return [Probed(why_unknown=f"{', '.join(missing)} not installed: the [train] extra brings it")] * len(setups)
    answers = iter(_asked([_wire(setup) for setup in setups if not cannot(setup)]))
    return [Probed(why_unknown=why) if (why := cannot(setup)) else next(answers) for setup in setups]


def cannot(setup: TrainingSetup) -> str:
    """Why the probe cannot run the setup; empty where it can."""
    reasons = (
        (setup.gpus > 1, "the probe runs one GPU: sharding is not seen"),
        (setup.weights.is_quantised, "kernels of quantised weights run on a GPU alone"),
        (setup.loss not in (Loss.FULL, Loss.CHUNKED), f"the loss {setup.loss} runs on a GPU alone"),
        (setup.optimizer not in _OPTIMIZERS, f"the optimizer {setup.optimizer} has kernels of its own"),
        (not setup.dims.gated, "no model without a gated feed-forward layer is built in"),
    )
    return next((why for holds, why in reasons if holds), "")


def _asked(wires: Sequence[Mapping[str, Any]]) -> list[Probed]:
    if not wires:
        return []
    lines = "".join(json.dumps(wire) + "\n" for wire in wires)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "reconciler.estimators.probe.step"],
            input=lines,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [Probed(why_unknown=f"the probe took longer than {SECONDS} seconds")] * len(wires)
    answers = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    if len(answers) != len(wires):
        last = (ended.stderr.strip().splitlines() or ["no output"])[-1]
        return [Probed(why_unknown=f"the probe ended with {ended.returncode}: {last}")] * len(wires)
    return [_read(answer) for answer in answers]


def _read(answer: Mapping[str, Any]) -> Probed:
    if "problem" in answer:
        return Probed(why_unknown=str(answer["problem"]))
    return Probed(peak=int(answer["peak"]), moment=str(answer["moment"]))


def _wire(setup: TrainingSetup) -> dict[str, Any]:
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
    }
