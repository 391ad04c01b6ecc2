"""Work, roofline and start-up of one training, by hand and by what must hold for all."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.catalog import load
from reconciler.domain.quantity import Range
from reconciler.estimators.batches import Batches, batches, epochs_of_batches
from reconciler.estimators.gpu import Gpu, GpuClass, gpu_in, gpu_named
from reconciler.estimators.setup import Attention, Dimensions, Dtype, Loss, Method, Sharding, TrainingSetup
from reconciler.estimators.startup import startup_hours, transfer_hours
from reconciler.estimators.step import RATES, forward_seconds, step_time
from reconciler.estimators.work import attention_flops, forward_flops, matmul_flops, traffic, work

CATALOG = load()
LLAMA_8B = Dimensions(hidden=4096, layers=32, heads=32, kv_heads=8, head_dim=128, ffn=14336, vocab=128_256, tied=False)
LAYERS, HEAD = 32 * (2 * 4096 * (4096 + 1024) + 3 * 4096 * 14336), 128_256 * 4096
"""Weights of its linear layers, and of its head."""
QV = ("q_proj", "v_proj")


def a_setup(**more: Any) -> TrainingSetup:
    given: dict[str, Any] = {"dims": LLAMA_8B, "attention": Attention.FLASH, **more}
    return TrainingSetup(**given)


def gpu(name: str) -> Gpu:
    found = gpu_named(name, CATALOG)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("more", "flops"),
    [
        ({"gradient_checkpointing": False}, 6 * LAYERS + 6 * HEAD),
        ({"gradient_checkpointing": True}, 8 * LAYERS + 6 * HEAD),
        ({"gradient_checkpointing": True, "loss": Loss.CHUNKED}, 8 * LAYERS + 8 * HEAD),
        (
            {"method": Method.LORA, "lora_targets": QV, "gradient_checkpointing": False},
            4 * LAYERS + 4 * HEAD + 6 * 3_407_872,
        ),
        (
            {"method": Method.LORA, "lora_targets": QV, "gradient_checkpointing": True},
            6 * LAYERS + 4 * HEAD + 8 * 3_407_872,
        ),
    ],
)
def test_operations_of_a_token(more: dict[str, Any], flops: int) -> None:
    """Frozen weights need no gradient of their own; checkpoints cost a second forward pass, the head none but in chunks."""
    assert matmul_flops(a_setup(**more)) == flops


def test_attention_is_half_of_the_square_and_backward_takes_two_and_a_half_times_forward() -> None:
    forward = 2 * 32 * 1024 * 4096
    assert attention_flops(a_setup(gradient_checkpointing=False)) == 3.5 * forward
    assert attention_flops(a_setup()) == 4.5 * forward
    assert attention_flops(a_setup(attention=Attention.EAGER)) == 9 * forward
    assert attention_flops(a_setup(attention=Attention.SDPA, padded=True)) == 9 * forward
    assert attention_flops(a_setup(padded=True)) == 4.5 * forward


def test_experts_that_a_token_does_not_meet_cost_no_operations() -> None:
    one = replace(LLAMA_8B, experts=8, experts_per_token=1)
    router = 32 * 4096 * 8
    assert forward_flops(a_setup(dims=one)) == forward_flops(a_setup()) + 2 * router


def test_fused_kernels_move_less() -> None:
    plain, liger = traffic(a_setup()), traffic(a_setup(loss=Loss.FUSED_LINEAR))
    assert traffic(a_setup(compiled=True, loss=Loss.COMPILED)) < plain
    assert liger < plain
    assert traffic(a_setup(fp32_norms=True)) > plain


def test_adapters_in_16_bits_need_no_casts() -> None:
    lora = {"method": Method.LORA, "lora_targets": QV}
    casts = 12 * 2 * 4096 * 32 * 4
    assert traffic(a_setup(**lora)) - traffic(a_setup(**lora, adapters=Dtype.BF16)) == casts


@pytest.mark.parametrize(
    ("more", "collectives"),
    [
        ({}, 0),
        ({"gpus": 4, "sharding": Sharding.DDP}, 0),
        ({"gpus": 4, "sharding": Sharding.FSDP}, 3 * 33),
        ({"gpus": 4, "sharding": Sharding.FSDP, "method": Method.LORA, "lora_targets": QV}, 3 * (32 * 5 + 1)),
        ({"gpus": 4, "sharding": Sharding.FSDP2, "method": Method.LORA, "lora_targets": QV}, 3 * 33),
    ],
)
def test_peft_shards_each_half_of_an_adapter_alone(more: dict[str, Any], collectives: int) -> None:
    assert work(a_setup(**more)).collectives == collectives


def test_layer_norm_is_one_kernel_everywhere() -> None:
    gpt = replace(LLAMA_8B, gated=False)
    assert traffic(a_setup(dims=gpt)) == traffic(a_setup(dims=gpt, compiled=True))


def test_a_step_by_hand() -> None:
    """One A100: each term over what the GPU sustains of it."""
    setup, a100 = a_setup(micro_batch=4, sequence=4096), gpu("A100-80GB")
    asked, step = work(setup), step_time(setup, a100)
    matmul = 312e12 * RATES.matmul[GpuClass.A100] * 4096 / (4096 + RATES.width)
    assert step.products == pytest.approx(asked.matmul_flops / matmul + asked.weight_reads / 2039e9)
    assert step.attention == pytest.approx(asked.attention_flops / (312e12 * RATES.attention[GpuClass.A100]))
    assert step.memory == pytest.approx(asked.traffic / (2039e9 * RATES.memory))
    assert step.moving == step.dequantising == 0
    assert step.total == pytest.approx(step.products + step.attention + step.memory + step.optimizer)
    assert step.tokens_per_second == pytest.approx(16_384 / step.total)


def test_starting_kernels_bounds_a_small_step() -> None:
    step = step_time(a_setup(sequence=16), gpu("H100"))
    assert step.starting > step.products + step.attention + step.memory
    assert step.total == pytest.approx(step.starting + step.optimizer)


def test_the_network_bounds_several_machines() -> None:
    sharded = {"sharding": Sharding.FSDP, "gpus": 16, "nodes": 2}
    instance = CATALOG.instance("ml.g5.48xlarge")
    assert instance is not None
    a10g = gpu_in(instance)
    assert a10g is not None
    assert a10g.network_gb_s == 12.5
    near, far = step_time(a_setup(**sharded | {"nodes": 1}), a10g), step_time(a_setup(**sharded), a10g)
    assert near.moving < far.moving


@given(
    batch=st.integers(1, 64),
    sequence=st.integers(1, 8192),
    method=st.sampled_from(list(Method)),
    name=st.sampled_from(["A100-80GB", "H100", "A10G", "T4", "L4", "L40S", "B200", "V100-32GB"]),
    gpus=st.sampled_from([1, 2, 8]),
)
def test_more_tokens_are_never_faster_and_no_gpu_exceeds_its_peak(
    batch: int, sequence: int, method: Method, name: str, gpus: int
) -> None:
    weights = Dtype.NF4 if method is Method.QLORA else Dtype.BF16
    setup = a_setup(
        micro_batch=batch,
        sequence=sequence,
        method=method,
        weights=weights,
        lora_targets=QV,
        gpus=gpus,
        sharding=Sharding.FSDP,
    )
    step, longer = step_time(setup, gpu(name)), step_time(replace(setup, sequence=sequence + 1), gpu(name))
    assert 0 < step.total <= longer.total
    assert work(setup).matmul_flops / step.total < gpu(name).peak_tflops * 1e12
    assert 0 < forward_seconds(setup, gpu(name)) < step.total


@pytest.mark.parametrize(
    ("name", "found", "kind"),
    [
        ("A100-80GB", "A100-80", GpuClass.A100),
        ("NVIDIA A100-SXM4-40GB", "A100-40", GpuClass.A100),
        ("H100-80GB", "H100", GpuClass.HOPPER),
        ("H100-96GB", "H100", GpuClass.HOPPER),
        ("H200-141GB", "H200", GpuClass.HOPPER),
        ("A10G-24GB", "A10G", GpuClass.CARD),
        ("L40S-48GB", "L40S", GpuClass.FULL_RATE_CARD),
        ("L4-24GB", "L4", GpuClass.LOW_POWER),
        ("T4-16GB", "T4", GpuClass.LOW_POWER),
        ("V100-32GB", "V100-32", GpuClass.FULL_RATE_CARD),
        ("RTX4090", "RTX4090", GpuClass.CARD),
        ("NVIDIA GeForce RTX 3090", "RTX3090", GpuClass.CARD),
        ("NVIDIA RTX A6000", "A6000", GpuClass.FULL_RATE_CARD),
        ("RTX 6000 Ada", "A6000Ada", GpuClass.FULL_RATE_CARD),
        ("Tesla T4", "T4", GpuClass.LOW_POWER),
        ("A6000", "A6000", GpuClass.FULL_RATE_CARD),
        ("A6000Ada-48GB", "A6000Ada", GpuClass.FULL_RATE_CARD),
        ("A5000-24GB", "A5000", GpuClass.FULL_RATE_CARD),
    ],
)
def test_gpus_by_the_names_that_people_write(name: str, found: str, kind: GpuClass) -> None:
    assert (gpu(name).name, gpu(name).kind) == (found, kind)


@pytest.mark.parametrize("name", ["Trainium1", "MI300X", "", "GTX 1080"])
def test_what_is_no_known_gpu(name: str) -> None:
    assert gpu_named(name, CATALOG) is None


@pytest.mark.parametrize(
    ("setup", "steps", "sequence"),
    [
        (a_setup(micro_batch=4), 250, 100),
        (a_setup(micro_batch=4, padded=True), 250, math.ceil(100 * (1 + 0.5 * 0.57 * 2**0.8))),
        (a_setup(micro_batch=1, padded=True), 1000, 100),
        (a_setup(micro_batch=4, sequence=64, padded=True), 250, 64),
        (a_setup(micro_batch=4, packed=True), 25, 1024),
        (a_setup(micro_batch=4, gradient_accumulation=4, gpus=2, sharding=Sharding.DDP), 32, 100),
    ],
)
def test_an_epoch_of_a_thousand_records_of_a_hundred_tokens(setup: TrainingSetup, steps: int, sequence: int) -> None:
    assert batches(setup, 1000, Decimal(100_000), Decimal("0.5")) == Batches(steps, sequence)


def test_no_records_no_steps() -> None:
    assert {each.steps for each in epochs_of_batches(a_setup(), 0, Range.exactly(0))} == {0}


def test_start_up_and_transfer() -> None:
    """16 GB at 100, 200 and 500 MB a second; image and program take 3 to 14 minutes."""
    moved = transfer_hours(Decimal(16))
    assert [float(value) * 3600 for value in (moved.low, moved.likely, moved.high)] == pytest.approx([32, 80, 160])
    started = startup_hours(Decimal(16))
    assert float(started.low) * 3600 == pytest.approx(3 * 60 + 32)
    assert float(started.high) * 3600 == pytest.approx(14 * 60 + 160)
