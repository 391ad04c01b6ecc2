"""The closed form against a training step that Transformers, peft and TRL really run, on tensors without contents."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest

from reconciler.estimators.memory import GIB, estimate_memory
from reconciler.estimators.moments import Term
from reconciler.estimators.probe.run import NEEDS, CannotProbe, Probe, cannot
from reconciler.estimators.setup import ALL_LINEAR, Attention, Dtype, Loss, Method, Optimizer, Stack, TrainingSetup
from tests.unit.estimators.shapes import LLAMA_8B, of_catalog

QKVO = ("q_proj", "k_proj", "v_proj", "o_proj")
QV = ("q_proj", "v_proj")


def full(key: str, **chosen: Any) -> TrainingSetup:
    return TrainingSetup(dims=of_catalog(key), **{"loss": Loss.CHUNKED, **chosen})


def lora(key: str, targets: tuple[str, ...], **chosen: Any) -> TrainingSetup:
    return full(key, lora_targets=targets, **{"method": Method.LORA, "lora_rank": 16, **chosen})


def qlora(key: str, targets: tuple[str, ...], **chosen: Any) -> TrainingSetup:
    held = {"method": Method.QLORA, "weights": Dtype.NF4_DOUBLE, "adapters": Dtype.BF16}
    return lora(key, targets, **{**held, **chosen})


WHOLE = {"gradient_checkpointing": False}
PADDED = {"padded": True}
EAGER = {"attention": Attention.EAGER}

CONFIGURATIONS = {
    "full": full("llama-3.1-8b-instruct", micro_batch=2),
    "full, nothing checkpointed": full("llama-3.2-3b-instruct", micro_batch=4, **WHOLE),
    "full, tied head": full("qwen3-0.6b", micro_batch=1),
    "full, FP32 weights": full("deepseek-r1-distill-qwen-1.5b", weights=Dtype.FP32, micro_batch=4, sequence=512),
    "full, FP32 weights, nothing checkpointed": full("llama-3.2-1b-instruct", weights=Dtype.FP32, **WHOLE),
    "full, foreach": full("qwen2.5-7b-instruct", optimizer=Optimizer.ADAMW_FOREACH, sequence=2048),
    "full, Adafactor": full("llama-3.2-1b-instruct", optimizer=Optimizer.ADAFACTOR, micro_batch=2),
    "full, logits whole": full("qwen3-4b", loss=Loss.FULL, micro_batch=4),
    "full, accumulating": full("llama-3.2-1b-instruct", gradient_accumulation=4, micro_batch=8, **WHOLE),
    "full, eager": full("llama-3.2-3b-instruct", sequence=2048, micro_batch=2, **EAGER),
    "query and value": lora("llama-3.1-8b-instruct", QV, micro_batch=4),
    "query and value, padded": lora("llama-3.1-8b-instruct", QV, micro_batch=4, sequence=2048, **PADDED),
    "attention, nothing checkpointed": lora("qwen2.5-7b-instruct", QKVO, micro_batch=2, **WHOLE),
    "all linear": lora("llama-3.1-8b-instruct", ALL_LINEAR, micro_batch=8, lora_rank=64),
    "all linear, dropout, nothing checkpointed": lora("qwen3-4b", ALL_LINEAR, lora_dropout=0.05, **WHOLE),
    "all linear, logits whole": lora("llama-3.1-8b-instruct", ALL_LINEAR, loss=Loss.FULL, sequence=4096),
    "all linear, no autocast": lora("llama-3.2-3b-instruct", ALL_LINEAR, autocast=False, micro_batch=4),
    "attention, eager": lora("deepseek-r1-distill-qwen-1.5b", QKVO, micro_batch=8, **EAGER),
    "all linear, eager, nothing checkpointed": lora("llama-3.2-1b-instruct", ALL_LINEAR, **EAGER, **WHOLE),
    "all linear, seventy billion": lora("llama-3.1-70b-instruct", ALL_LINEAR, micro_batch=2),
    "QLoRA": qlora("llama-3.1-8b-instruct", QV, micro_batch=4),
    "QLoRA, all linear": qlora("qwen2.5-7b-instruct", ALL_LINEAR, micro_batch=4, sequence=2048),
    "QLoRA, all linear, nothing checkpointed": qlora("llama-3.1-8b-instruct", ALL_LINEAR, micro_batch=2, **WHOLE),
    "QLoRA, seventy billion": qlora("llama-3.3-70b-instruct", ALL_LINEAR),
}


@pytest.fixture(scope="module")
def probe() -> Iterator[Probe]:
    if any(find_spec(name) is None for name in NEEDS):
        pytest.skip("it really runs training steps: pip install 'llm-reconciler[train]'")
    with Probe() as running:
        yield running


@pytest.mark.train
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_closed_form_within_five_percent(probe: Probe, name: str) -> None:
    setup = CONFIGURATIONS[name]
    peak, _ = probe.peak(setup)
    assert estimate_memory(setup).peak.likely * GIB == pytest.approx(peak, rel=0.05)


@pytest.mark.train
def test_an_estimate_by_the_probe(probe: Probe) -> None:
    """Context and allocator come on top, as in the closed form."""
    setup = CONFIGURATIONS["full, tied head"]
    found = probe.estimate(setup)
    assert found.needed == pytest.approx(estimate_memory(setup).needed, rel=0.05)
    assert found.terms[Term.PROBED] + found.terms[Term.OVERHEAD] == pytest.approx(found.needed)
    assert found.moment == "embedding"


@pytest.mark.train
def test_a_setup_that_breaks_leaves_the_probe_running(probe: Probe) -> None:
    """A head of no width: PyTorch's own words come back, and the next question has its answer."""
    broken = replace(CONFIGURATIONS["full, tied head"], dims=replace(of_catalog("qwen3-0.6b"), kv_heads=3))
    with pytest.raises(CannotProbe, match=r"^\w+Error: "):
        probe.peak(broken)
    assert probe.peak(CONFIGURATIONS["full, tied head"])[0] > 0


@pytest.mark.parametrize(
    ("setup", "why"),
    [
        (TrainingSetup(dims=LLAMA_8B, gpus=2), "one GPU"),
        (TrainingSetup(dims=LLAMA_8B, weights=Dtype.GPTQ4), "gptq4"),
        (TrainingSetup(dims=LLAMA_8B, loss=Loss.FUSED_LINEAR), "fused_linear"),
        (TrainingSetup(dims=LLAMA_8B, optimizer=Optimizer.ADAMW_8BIT), "adamw_8bit"),
        (TrainingSetup(dims=LLAMA_8B, stack=Stack.LITGPT), "Transformers"),
        (TrainingSetup(dims=replace(LLAMA_8B, gated=False)), "gated"),
    ],
)
def test_what_it_cannot_tell(setup: TrainingSetup, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.estimators.probe.run.find_spec", lambda _name: object())
    assert why in cannot(setup)


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.estimators.probe.run.find_spec", lambda _name: None)
    with Probe() as probe, pytest.raises(CannotProbe, match=r"pip install 'llm-reconciler\[train\]'"):
        probe.estimate(TrainingSetup(dims=LLAMA_8B))


def test_asking_imports_no_torch() -> None:
    code = "import sys, reconciler.estimators.probe.run; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
