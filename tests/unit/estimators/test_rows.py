"""Rows of measured runs as people write them."""

from __future__ import annotations

import pytest

from reconciler.estimators.rows import UnusableRow, setup_of
from reconciler.estimators.setup import Attention, Sharding
from tests.unit.estimators.written_rows import LLAMA, RUN


@pytest.mark.parametrize(
    ("cell", "attention"),
    [
        ("", Attention.SDPA),
        ("sdpa", Attention.SDPA),
        ("flash_attention_2", Attention.FLASH),
        ("Flash (Triton)", Attention.FLASH),
        ("cudnn", Attention.FLASH),
        ("eager", Attention.EAGER),
    ],
)
def test_attention(cell: str, attention: Attention) -> None:
    assert setup_of({**LLAMA, **RUN, "attn": cell}).attention is attention


@pytest.mark.parametrize(
    ("cell", "sharding"),
    [
        ("", Sharding.NONE),
        ("none", Sharding.NONE),
        ("ddp", Sharding.DDP),
        ("deepspeed_zero2/3", Sharding.ZERO2),
        ("deepspeed_zero3", Sharding.ZERO3),
        ("fsdp_full_shard", Sharding.FSDP),
        ("fsdp_shard_grad_op", Sharding.FSDP_GRAD_OP),
        ("fsdp2", Sharding.FSDP2),
    ],
)
def test_sharding(cell: str, sharding: Sharding) -> None:
    assert setup_of({**LLAMA, **RUN, "sharding": cell, "gpus": "4"}).sharding is sharding


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(UnusableRow) as told:
        setup_of({**LLAMA, **RUN, "attn": "linear", "sharding": "tensor", "hidden_size": ""})
    assert str(told.value).split("; ") == [
        "hidden_size is not given",
        "attn 'linear' is not known",
        "sharding 'tensor' is not known",
    ]
