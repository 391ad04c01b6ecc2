"""Texts of a request, as values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.training.failure import BadInput
from reconciler.training.hyperparameters import LORA_DEFAULTS, SECRETS, Hyperparameters, decoded, read_hyperparameters


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.00002", 2e-05),
        ("1e-4", 1e-4),
        ("true", True),
        ("True", True),
        ('"true"', True),
        ('"True"', True),
        ("False", False),
        ("None", None),
        ("null", None),
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ('"meta-llama/Llama-3.1-8B-Instruct"', "meta-llama/Llama-3.1-8B-Instruct"),
        ('{"fp16": "true", "n": [1, "False", "none"]}', {"fp16": True, "n": [1, False, "none"]}),
        (json.dumps('{"r": 8, "bias": "none"}'), {"r": 8, "bias": "none"}),
        ({"r": 8, "x": "TRUE"}, {"r": 8, "x": True}),
        (7, 7),
        (" false", False),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ('{"a": -Infinity}', '{"a": -Infinity}'),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_values(text: Any, value: Any) -> None:
    assert decoded(text) == value


def test_everything_as_a_request_carries_it() -> None:
    assert read_hyperparameters(
        {
            "model_id": "meta-llama/Llama-3.1-8B-Instruct",
            "epochs": "3",
            "learning_rate": "0.00002",
            "per_device_train_batch_size": "8",
            "warmup_steps": "20",
            "early_stopping_patience": "3",
            "early_stopping_threshold": "0.01",
            "use_lora": "true",
            "lora_config": '{"alpha":16,"dropout":0.05,"r":4}',
            "merge_adapters": "False",
            "sft_config": '{"logging_steps":5,"packing":"true"}',
            "model_init_config": '{"attn_implementation":"sdpa","load_in_4bit":true}',
            "seed": "7",
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://bucket/sourcedir.tar.gz",
            "_tuning_objective_metric": "eval_loss",
        }
    ) == Hyperparameters(
        model_id="meta-llama/Llama-3.1-8B-Instruct",
        epochs=3,
        learning_rate=2e-05,
        batch_size=8,
        warmup_steps=20,
        early_stopping_patience=3,
        early_stopping_threshold=0.01,
        use_lora=True,
        lora={"r": 4, "lora_alpha": 16, "lora_dropout": 0.05},
        merge_adapters=False,
        load_in_4bit=True,
        sft={"logging_steps": 5, "packing": True},
        model_init={"attn_implementation": "sdpa"},
        seed=7,
    )


def test_nothing_sent_is_the_defaults() -> None:
    assert read_hyperparameters({}) == Hyperparameters(lora=LORA_DEFAULTS)


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("q_proj", ["q_proj"]),
        ("q_proj, v_proj", ["q_proj", "v_proj"]),
        ("all-linear", "all-linear"),
        (r".*\.(q|v)_proj", r".*\.(q|v)_proj"),
    ],
)
def test_target_modules_as_one_text(text: str, targets: Any) -> None:
    asked = read_hyperparameters({"lora_config": json.dumps({"target_modules": text})})
    assert asked.lora["target_modules"] == targets


def test_null_was_not_sent() -> None:
    assert read_hyperparameters({"early_stopping_patience": "null", "model_id": "None"}) == read_hyperparameters({})
    assert read_hyperparameters({"lora_config": {"r": None, "rank_pattern": None}}).lora == LORA_DEFAULTS


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BadInput) as refused:
        read_hyperparameters(
            {
                "epochs": "0",
                "learning_rate": "fast",
                "use_lora": "maybe",
                "lora_config": '{"alpha": 16, "lora_alpha": 8}',
                "sft_config": "[1]",
                "learning_rte": "1",
            }
        )
    told = str(refused.value)
    assert told.startswith("6 problems: ")
    for part in (
        "epochs is 0; expected a number above 0",
        "learning_rate is 'fast'; expected a number above 0",
        "use_lora is 'maybe'; expected true or false",
        "lora_config has both alpha and lora_alpha, which are one setting",
        "sft_config is [1]; expected a structure",
        "learning_rte is no hyperparameter of this program; did you mean learning_rate?",
    ):
        assert part in told


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in SECRETS.items() for name in names])
def test_a_token_is_refused_and_never_told(part: str, name: str) -> None:
    with pytest.raises(BadInput, match=f"{part}.{name} cannot be set") as refused:
        read_hyperparameters({part: json.dumps({name: "hf_secret"})})
    assert "hf_secret" not in str(refused.value)
    assert read_hyperparameters({part: {name: None}})
