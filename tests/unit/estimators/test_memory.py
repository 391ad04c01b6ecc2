from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.tables import measured_rows
from reconciler.estimators.activations import saved
from reconciler.estimators.losses import loss_buffers
from reconciler.estimators.memory import GIB, estimate_memory
from reconciler.estimators.memory_rows import predict
from reconciler.estimators.moments import Term, moments_of
from reconciler.estimators.setup import (
    ALL_LINEAR,
    Attention,
    Dtype,
    Loss,
    Method,
    Optimizer,
    Sharding,
    TrainingSetup,
)
from reconciler.estimators.states import states
from tests.unit.estimators.shapes import LLAMA_8B, MISTRAL_7B, QWEN_SMALL

FULL = TrainingSetup(dims=LLAMA_8B, autocast=False)
LORA = TrainingSetup(dims=LLAMA_8B, method=Method.LORA, lora_rank=16, lora_targets=("q_proj", "v_proj"))
H, F, Q, K = 4096, 14336, 4096, 1024


def peak(setup: TrainingSetup) -> float:
    return estimate_memory(setup).peak.likely


def states_gib(setup: TrainingSetup) -> float:
    held = states(setup)
    return (held.weights + held.adapters + held.gradients + held.optimizer) / GIB


@pytest.mark.parametrize(
    ("optimizer", "bytes_each"),
    [
        (Optimizer.ADAMW_FUSED, 8.0),
        (Optimizer.ADAMW_FOREACH, 8.0),
        (Optimizer.ADAMW_8BIT, 4 + 2 * (1 + 4 / 256)),
        (Optimizer.ADAMW_4BIT, 4 + 2 * (0.5 + 4 / 128)),
        (Optimizer.LION, 6.0),
        (Optimizer.SGD_MOMENTUM, 6.0),
        (Optimizer.SGD, 4.0),
    ],
)
def test_states_of_full_fine_tuning_in_bf16(optimizer: Optimizer, bytes_each: float) -> None:
    """8,030,261,248 parameters: weights and gradients of two bytes each, and the optimizer's."""
    assert states_gib(replace(FULL, optimizer=optimizer)) == pytest.approx(8_030_261_248 * bytes_each / GIB)


def test_fp32_weights_take_sixteen_bytes_and_autocast_two_more_for_a_while() -> None:
    held = replace(FULL, weights=Dtype.FP32, autocast=True)
    assert states_gib(held) == pytest.approx(8_030_261_248 * 16 / GIB)
    forward = {moment.name: moment.terms for moment in moments_of(held)}["end of forward"]
    linear, head = LLAMA_8B.linear_parameters, LLAMA_8B.embedding_parameters
    assert forward[Term.CASTS] == 2 * (linear + head)


def test_a_step_over_lists_of_tensors_holds_a_fifth_copy() -> None:
    """Measured: 67.46 GiB for Mistral 7B on one A100, foundation-model-stack/fms-acceleration; eight bytes each make 53.96."""
    measured = TrainingSetup(
        dims=MISTRAL_7B,
        autocast=False,
        optimizer=Optimizer.ADAMW_FOREACH,
        micro_batch=4,
        sequence=4096,
        loss=Loss.FUSED,
        attention=Attention.FLASH,
    )
    assert peak(measured) == pytest.approx(67.46, abs=0.02)
    assert peak(replace(measured, optimizer=Optimizer.ADAMW_FUSED)) < 60


def test_what_a_layer_saves_with_all_weights_trained() -> None:
    """See the table in specs/estimates.md."""
    assert saved(FULL) == 16 * H + 8 * F + 4 * Q + 4 * K
    assert saved(replace(FULL, weights=Dtype.FP32, autocast=True)) == 26 * H + 8 * F + 4 * Q + 4 * K
    assert saved(replace(FULL, weights=Dtype.FP32, compute=Dtype.FP32)) == 24 * H + 16 * F + 8 * Q + 8 * K


def test_what_a_layer_saves_with_adapters() -> None:
    """A copy of the input for each target in BF16, and what their first matrices give: rank × 2 bytes each."""
    ranks = 16 * 2
    assert saved(LORA) == 8 * H + 2 * 2 * H + 4 * Q + 4 * K + 6 * F + 2 * ranks
    wide = replace(LORA, lora_targets=ALL_LINEAR)
    assert saved(wide) == 8 * H + 5 * 2 * H + 2 * Q + 2 * F + 4 * Q + 4 * K + 6 * F + 7 * ranks
    in_fp32 = replace(wide, autocast=False)
    assert saved(in_fp32) - saved(wide) == 5 * 2 * H + 2 * Q + 2 * F
    assert saved(replace(wide, lora_dropout=0.05)) - saved(wide) == 5 * H + Q + F


def test_eager_attention_keeps_the_scores_of_every_head() -> None:
    eager = replace(FULL, attention=Attention.EAGER)
    assert saved(eager) - saved(FULL) == 6 * 32 * FULL.sequence + 4 * (Q - K)
    assert saved(replace(FULL, attention=Attention.FLASH)) == saved(FULL)


def test_a_padding_mask_costs_sdpa_a_bias_in_each_layer() -> None:
    assert saved(replace(FULL, padded=True)) - saved(FULL) == 2 * FULL.sequence + 4 * (Q - K)
    assert saved(replace(FULL, padded=True, attention=Attention.FLASH)) == saved(FULL)


def test_gradient_checkpointing_keeps_two_bytes_of_each_hidden_state() -> None:
    tokens, layers = 8 * 1024, 32
    kept = {moment.name: moment.terms for moment in moments_of(replace(LORA, micro_batch=8))}["end of forward"]
    assert kept[Term.ACTIVATIONS] == layers * tokens * H * 2
    assert peak(replace(LORA, micro_batch=8)) < peak(replace(LORA, micro_batch=8, gradient_checkpointing=False)) / 2


@pytest.mark.parametrize(
    ("loss", "bytes_each"), [(Loss.FULL_SHIFTED, 14), (Loss.FULL, 12), (Loss.FUSED, 8), (Loss.COMPILED, 8)]
)
def test_logits_by_loss(loss: Loss, bytes_each: int) -> None:
    """Of each token and entry of the vocabulary; a few bytes for each hidden state on top."""
    setup = replace(FULL, loss=loss)
    assert loss_buffers(setup).backward / (setup.tokens * 128256) == pytest.approx(bytes_each, abs=0.2)


def test_a_chunked_loss_takes_no_more_for_a_larger_vocabulary() -> None:
    small, large = (
        replace(LORA, dims=replace(LLAMA_8B, vocab=vocab), loss=Loss.CHUNKED) for vocab in (40_000, 200_000)
    )
    assert loss_buffers(small) == loss_buffers(large)


@pytest.mark.parametrize(
    ("sharding", "weights", "gradients", "optimizer"),
    [
        (Sharding.DDP, 1, 1, 1),
        (Sharding.ZERO1, 1, 1, 4),
        (Sharding.ZERO2, 1, 4, 4),
        (Sharding.FSDP_GRAD_OP, 1, 4, 4),
        (Sharding.ZERO3, 4, 4, 4),
        (Sharding.FSDP2, 4, 4, 4),
    ],
)
def test_what_four_gpus_share(sharding: Sharding, weights: int, gradients: int, optimizer: int) -> None:
    alone, shared = states(FULL), states(replace(FULL, gpus=4, sharding=sharding))
    assert alone.weights / shared.weights == pytest.approx(weights)
    assert alone.gradients / shared.gradients == pytest.approx(gradients)
    assert alone.optimizer / shared.optimizer == pytest.approx(optimizer)


def test_fsdp_trains_in_fp32_where_precision_is_mixed() -> None:
    sharded = states(replace(FULL, gpus=8, sharding=Sharding.FSDP2, autocast=True))
    assert (sharded.weights, sharded.gradients) == (8_030_261_248 * 4 / 8, 8_030_261_248 * 4 / 8)


def test_quantised_weights() -> None:
    """Linear layers in 4 bits with their scales; embedding, head and norms in 16."""
    linear, other = LLAMA_8B.linear_parameters, LLAMA_8B.other_parameters
    for dtype, bytes_each in ((Dtype.NF4, 0.5625), (Dtype.NF4_DOUBLE, 0.515869), (Dtype.INT8, 1.0)):
        setup = replace(LORA, method=Method.QLORA, weights=dtype)
        assert states(setup).weights == pytest.approx(linear * bytes_each + other * 2, rel=1e-5)


def test_a_tied_head_has_its_gradients_added() -> None:
    """Small models with large vocabularies: two more copies of the embedding, when all other gradients are there."""
    found = estimate_memory(TrainingSetup(dims=QWEN_SMALL, autocast=False, sequence=256, loss=Loss.CHUNKED))
    assert found.moment == "embedding"


def test_terms_add_up_to_what_is_needed() -> None:
    for setup in (FULL, LORA, replace(FULL, gpus=8, sharding=Sharding.FSDP2)):
        found = estimate_memory(setup)
        assert sum(found.terms.values()) == pytest.approx(found.needed)
        assert found.peak.low < found.peak.likely < found.peak.high < found.needed * 1.06


@given(
    setup=st.builds(
        TrainingSetup,
        dims=st.sampled_from([LLAMA_8B, QWEN_SMALL]),
        method=st.just(Method.LORA),
        lora_targets=st.sampled_from([("q_proj",), ALL_LINEAR]),
        gradient_checkpointing=st.booleans(),
        attention=st.sampled_from(list(Attention)),
        autocast=st.booleans(),
        padded=st.booleans(),
        loss=st.sampled_from(list(Loss)),
        micro_batch=st.integers(1, 64),
        sequence=st.integers(64, 4096),
    ),
    more=st.sampled_from(["micro_batch", "sequence", "lora_rank"]),
)
def test_more_of_anything_takes_no_less(setup: TrainingSetup, more: str) -> None:
    grown: dict[str, Any] = {more: getattr(setup, more) * 2}
    assert peak(setup) <= peak(replace(setup, **grown))


@given(gpus=st.integers(2, 64), sharding=st.sampled_from([Sharding.ZERO3, Sharding.FSDP, Sharding.FSDP2]))
def test_more_gpus_share_the_states(gpus: int, sharding: Sharding) -> None:
    few, many = (states(replace(FULL, gpus=count, sharding=sharding)) for count in (gpus, gpus + 1))
    assert many.weights + many.gradients + many.optimizer < few.weights + few.gradients + few.optimizer


def test_rows_that_cannot_be_told_say_why() -> None:
    row = {**measured_rows("memory")[0], "hidden_size": "", "method": "prefix"}
    assert predict(row).reason == "method 'prefix' is not known; hidden_size is not given"


def test_a_thousand_in_under_a_second() -> None:
    rows = measured_rows("memory")
    started = time.process_time()
    for number in range(1000):
        predict(rows[number % len(rows)])
    assert time.process_time() - started < 1.0


def test_a_paged_optimizer_keeps_its_state_elsewhere() -> None:
    plain = replace(FULL, optimizer=Optimizer.ADAMW_8BIT)
    assert states(replace(plain, paged=True)).optimizer == 0
    assert peak(replace(plain, paged=True)) < peak(plain)


def test_kernels_that_keep_less() -> None:
    """Norms in one kernel keep one copy of the hidden state in BF16 where PyTorch's keep two in FP32."""
    assert saved(LORA) - saved(replace(LORA, fused_norms=True)) == 8 * H - 2 * H
    assert saved(FULL) - saved(replace(FULL, compiled=True)) == 12 * H - 2 * H + 2 * F


def test_bitsandbytes_before_0_43_2_kept_inputs() -> None:
    held = replace(LORA, method=Method.QLORA, weights=Dtype.NF4)
    assert saved(replace(held, keeps_quantised_inputs=True)) - saved(held) == 2 * (2 * H + Q + F)
    assert saved(replace(LORA, keeps_quantised_inputs=True)) == saved(LORA)


def test_experts_share_what_one_token_meets() -> None:
    mixture = replace(FULL, dims=replace(MISTRAL_7B, experts=8, experts_per_token=2))
    assert saved(mixture) - saved(replace(FULL, dims=MISTRAL_7B)) == 8 * F + 2 * 2 * H * 2
    assert states(mixture).weights > 6 * states(replace(FULL, dims=MISTRAL_7B)).weights


def test_embedding_and_head_trained_beside_adapters() -> None:
    """Each a copy in BF16 with its gradient and AdamW's moments; the head's gradient passes in FP32."""
    beside = replace(LORA, whole_modules=("embed_tokens", "lm_head"))
    assert states_gib(beside) - states_gib(LORA) == pytest.approx(2 * 128256 * 4096 * 8 / GIB)
    chunked, plain = (loss_buffers(replace(setup, loss=Loss.CHUNKED)) for setup in (beside, LORA))
    assert chunked.backward - plain.backward == 128256 * 4096 * 6
