"""The table of SFTConfig's arguments: defaults, rules, what ``sft_config`` changes; and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.training.arguments import Machine, check_arguments, sft_arguments
from reconciler.training.conflicts import check
from reconciler.training.failure import BadInput
from reconciler.training.hyperparameters import Hyperparameters

CPU = Machine(cuda=False, bf16=False)
H100 = Machine(cuda=True, bf16=True, flash_attention=True, bitsandbytes=True)
V100 = Machine(cuda=True, bf16=False)
FLASH = {"attn_implementation": "flash_attention_2"}


def made(machine: Machine = CPU, *, validated: bool = False, keeps: bool = False, **asked: Any) -> dict[str, Any]:
    return sft_arguments(Hyperparameters(**asked), machine, validated=validated, keeps_checkpoints=keeps)


def test_the_hyperparameters_under_trls_names() -> None:
    told = made(epochs=3, learning_rate=2e-5, batch_size=8, warmup_steps=20, seed=7)
    assert {
        "num_train_epochs": 3,
        "learning_rate": 2e-5,
        "per_device_train_batch_size": 8,
        "per_device_eval_batch_size": 8,
        "warmup_steps": 20,
        "seed": 7,
    }.items() <= told.items()


@pytest.mark.parametrize(
    ("machine", "sft", "model_init", "bf16", "fp16"),
    [
        (CPU, {}, {}, False, False),
        (H100, {}, {}, True, False),
        (V100, {}, {}, False, True),
        (CPU, {"bf16": True}, {}, True, False),
        (H100, {"bf16": False}, {}, False, False),
        (H100, {"bf16": False, "fp16": False}, {}, False, False),
        (V100, {"fp16": False}, {}, False, False),
        (H100, {"fp16": False}, {}, True, False),
        (H100, {"fp16": True}, {}, False, True),
        (H100, {}, FLASH, True, False),
    ],
)
def test_precision(machine: Machine, sft: dict[str, Any], model_init: dict[str, Any], bf16: bool, fp16: bool) -> None:
    told = made(machine, sft=sft, model_init=model_init)
    assert (told["bf16"], told["fp16"]) == (bf16, fp16)


@pytest.mark.parametrize(
    ("validated", "sft", "expected"),
    [
        (False, {}, {"eval_strategy": "no"}),
        (True, {}, {"eval_strategy": "epoch"}),
        (True, {"eval_strategy": "no"}, {"eval_strategy": "no"}),
        (True, {"eval_strategy": "steps"}, {"eval_strategy": "steps", "eval_steps": 10}),
        (True, {"eval_strategy": "steps", "logging_steps": 3}, {"eval_strategy": "steps", "eval_steps": 3}),
        (True, {"eval_strategy": "steps", "logging_steps": 3, "eval_steps": 6}, {"eval_steps": 6}),
    ],
)
def test_evaluation(validated: bool, sft: dict[str, Any], expected: dict[str, Any]) -> None:
    assert expected.items() <= made(validated=validated, sft=sft).items()


@pytest.mark.parametrize(
    ("keeps", "asked", "expected"),
    [
        (False, {}, {"save_strategy": "no"}),
        (True, {}, {"save_strategy": "epoch"}),
        (False, {"sft": {"save_strategy": "steps", "save_steps": 5}}, {"save_strategy": "steps", "save_steps": 5}),
        (
            False,
            {"early_stopping_patience": 1},
            {"save_strategy": "epoch", "load_best_model_at_end": True, "metric_for_best_model": "eval_loss"},
        ),
        (
            False,
            {"early_stopping_patience": 1, "sft": {"eval_strategy": "steps", "logging_steps": 7}},
            {"save_strategy": "steps", "save_steps": 7, "eval_steps": 7},
        ),
    ],
)
def test_checkpoints(keeps: bool, asked: dict[str, Any], expected: dict[str, Any]) -> None:
    assert expected.items() <= made(validated=True, keeps=keeps, **asked).items()


def test_flash_attention_needs_no_padding() -> None:
    told = made(H100, model_init=FLASH)
    assert (told["padding_free"], told["max_length"]) == (True, None)
    packed = made(H100, model_init=FLASH, sft={"packing": True, "max_length": 2048})
    assert (packed["packing"], packed["max_length"], "padding_free" in packed) == (True, 2048, False)
    padded = made(H100, model_init=FLASH, sft={"padding_free": False})
    assert (padded["padding_free"], padded["max_length"]) == (False, 1024)
    assert "padding_free" not in made(H100)
    asked_for = made(CPU, sft={"padding_free": True})
    assert (asked_for["padding_free"], asked_for["max_length"]) == (True, None)


def test_a_gpu_trades_computing_for_memory() -> None:
    assert (made(H100)["gradient_checkpointing"], made(CPU)["gradient_checkpointing"]) == (True, False)
    assert made(H100, sft={"gradient_checkpointing": False})["gradient_checkpointing"] is False


def test_which_tokens_are_learned_is_not_trls_concern() -> None:
    told = made(sft={"completion_only_loss": False, "assistant_only_loss": True})
    assert not {"completion_only_loss", "assistant_only_loss"} & told.keys()


def test_a_setting_that_the_library_does_not_have() -> None:
    check_arguments({"logging_steps"}, {"logging_steps", "eval_strategy"}, of="sft_config", library="TRL")
    with pytest.raises(BadInput) as refused:
        check_arguments({"evaluation_strategy", "xyz"}, {"eval_strategy"}, of="sft_config", library="TRL")
    assert str(refused.value) == (
        "2 problems: sft_config.evaluation_strategy: the version of TRL in this container has no such setting; "
        "did you mean eval_strategy?; sft_config.xyz: the version of TRL in this container has no such setting"
    )


@pytest.mark.parametrize(
    ("machine", "validated", "asked", "told"),
    [
        (H100, False, {"sft": {"bf16": True, "fp16": True}}, "sft_config has both bf16 and fp16: keep one of them"),
        (CPU, False, {"sft": {"fp16": True}}, "sft_config.fp16 needs a GPU; on a CPU use bf16 or neither"),
        (
            V100,
            False,
            {"sft": {"bf16": True}},
            "sft_config.bf16: this GPU does not compute in bf16; use fp16, or an instance with a newer GPU (Ampere or later)",
        ),
        (
            H100,
            False,
            {"model_init": FLASH, "sft": {"fp16": True}},
            "flash_attention_2 computes in bf16: remove fp16 and bf16 from sft_config",
        ),
        (
            H100,
            False,
            {"model_init": FLASH, "sft": {"bf16": False}},
            "flash_attention_2 computes in bf16: remove fp16 and bf16 from sft_config",
        ),
        (
            CPU,
            False,
            {"model_init": FLASH},
            "model_init_config.attn_implementation flash_attention_2 needs a GPU; use sdpa",
        ),
        (
            V100,
            False,
            {"model_init": FLASH},
            "model_init_config.attn_implementation flash_attention_2 needs a GPU with bf16; use sdpa",
        ),
        (
            Machine(cuda=True, bf16=True),
            False,
            {"model_init": FLASH},
            "model_init_config.attn_implementation flash_attention_2: the package flash-attn is not in this container; use sdpa",
        ),
        (CPU, False, {"early_stopping_patience": 2}, "early stopping needs validation data"),
        (
            CPU,
            True,
            {"early_stopping_patience": 2, "sft": {"eval_strategy": "no"}},
            "early stopping needs evaluation: sft_config.eval_strategy is no",
        ),
        (
            CPU,
            True,
            {"early_stopping_patience": 2, "sft": {"save_strategy": "steps"}},
            "early stopping keeps the best checkpoint: sft_config.save_strategy steps must be as eval_strategy, epoch",
        ),
        (
            CPU,
            True,
            {"early_stopping_threshold": 0.1},
            "early_stopping_threshold has no effect without early_stopping_patience",
        ),
        (CPU, False, {"sft": {"eval_strategy": "epoch"}}, "sft_config.eval_strategy epoch needs validation data"),
        (
            CPU,
            False,
            {"model_id": None},
            "there is no base model: neither a hyperparameter model_id nor a channel `model`",
        ),
        (CPU, False, {"sft": {"max_steps": 3}}, "sft_config.max_steps is set by the hyperparameter epochs"),
        (CPU, False, {"sft": {"report_to": "none", "push_to_hub": True}}, "sft_config.push_to_hub cannot be set"),
        (H100, False, {"load_in_4bit": True}, "load_in_4bit trains adapters over quantised weights: add use_lora"),
        (CPU, False, {"load_in_4bit": True, "use_lora": True}, "load_in_4bit needs a GPU"),
        (
            Machine(cuda=True, bf16=True),
            False,
            {"load_in_4bit": True, "use_lora": True},
            "load_in_4bit needs the package bitsandbytes, which is not in this container",
        ),
    ],
)
def test_conflicts(machine: Machine, validated: bool, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput) as refused:
        check(Hyperparameters(**{"model_id": "a/b"} | asked), machine, validated=validated, weights=False)
    assert str(refused.value).startswith(told)


@pytest.mark.parametrize(
    ("machine", "asked"),
    [
        (CPU, {}),
        (CPU, {"early_stopping_patience": 2, "early_stopping_threshold": 0.1}),
        (CPU, {"early_stopping_patience": 2, "sft": {"eval_strategy": "steps", "save_strategy": "steps"}}),
        (H100, {"model_init": FLASH, "sft": {"bf16": True}}),
        (H100, {"load_in_4bit": True, "use_lora": True}),
        (CPU, {"sft": {"bf16": True}}),
    ],
)
def test_what_goes_together(machine: Machine, asked: dict[str, Any]) -> None:
    check(Hyperparameters(**asked), machine, validated=True, weights=True)


def test_the_best_is_kept_at_the_rhythm_of_evaluation() -> None:
    sft = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 4}
    told = made(validated=True, sft=sft)
    assert (told["save_strategy"], told["save_steps"], told["metric_for_best_model"]) == ("steps", 4, "eval_loss")
