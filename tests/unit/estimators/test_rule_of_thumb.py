"""The rule's worked examples, and how far it is from measured runs."""

from __future__ import annotations

import pytest

from reconciler.estimators.moments import Term
from reconciler.estimators.rule_of_thumb import estimate_by_rule, rule_of_thumb
from reconciler.estimators.setup import Dtype, Method, Sharding, TrainingSetup
from tests.unit.estimators.shapes import LLAMA_8B

GB = 10**9
BILLION = 10**9


def test_seven_billion_in_fp16() -> None:
    found = rule_of_thumb(7 * BILLION, lora=False)
    assert (found.weights, found.gradients, found.optimizer) == (14 * GB, 14 * GB, 28 * GB)
    assert found.total == 56 * GB


def test_seven_billion_with_lora() -> None:
    assert rule_of_thumb(7 * BILLION, lora=True).total == pytest.approx(22.4 * GB)


def test_fp32_doubles_it() -> None:
    assert rule_of_thumb(7 * BILLION, weight_bytes=4, trained_bytes=4, lora=False).total == 112 * GB


def test_of_a_setup() -> None:
    found = estimate_by_rule(TrainingSetup(dims=LLAMA_8B))
    assert found.peak.likely == pytest.approx(8_030_261_248 * 8 / 2**30)
    assert found.needed == found.peak.likely
    assert set(found.terms) == {Term.WEIGHTS, Term.GRADIENTS, Term.OPTIMIZER}


def test_batch_and_length_make_no_difference() -> None:
    few, many = (TrainingSetup(dims=LLAMA_8B, micro_batch=batch, sequence=512 * batch) for batch in (1, 16))
    assert estimate_by_rule(few) == estimate_by_rule(many)


def test_quantised_weights_and_gpus_that_share() -> None:
    alone = TrainingSetup(dims=LLAMA_8B, method=Method.QLORA, weights=Dtype.NF4, lora_targets=("q_proj",))
    assert estimate_by_rule(alone).terms[Term.WEIGHTS] == pytest.approx(8_030_261_248 / 2 / 2**30)
    for sharding, share in ((Sharding.DDP, 1), (Sharding.FSDP2, 4)):
        spread = TrainingSetup(dims=LLAMA_8B, gpus=4, sharding=sharding)
        assert estimate_by_rule(spread).needed == pytest.approx(8_030_261_248 * 8 / 2**30 / share)
