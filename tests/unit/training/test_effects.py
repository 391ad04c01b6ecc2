"""Every hyperparameter has its effect on the run: seen in what the program logs and leaves."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.jobs import LESSONS, Ended, Press, lay_out

pytestmark = pytest.mark.train

Train = Callable[..., Ended]
STEPS = 4
"""Of one epoch: 16 records, 4 a step."""


@pytest.fixture
def train(press: Press, llama: Path, tmp_path: Path) -> Train:
    """One run: hyperparameters as keywords; ``job`` for what the job's folder holds."""
    count = iter(range(100))

    def run(job: dict[str, Any] | None = None, *, fails: bool = False, **hyperparameters: Any) -> Ended:
        asked = {"epochs": 1, "learning_rate": 0.001, "sft_config": {"logging_steps": 1}} | hyperparameters
        ended = press.run(
            lay_out(tmp_path / f"job{next(count)}", asked, **{"model": llama, "validation": None} | (job or {}))
        )
        assert (ended.code != 0) == fails, ended.output
        return ended

    return run


def lines(ended: Ended, key: str) -> list[str]:
    return [line for line in ended.output.splitlines() if line.startswith("{") and f"'{key}': " in line]


def rates(ended: Ended) -> list[float]:
    return [point["learning_rate"] for point in ended.metrics["history"] if point["learning_rate"] is not None]


def adapters(ended: Ended) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the adapters' tensors."""
    with (ended.model / "adapter_model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {name: tuple(told["shape"]) for name, told in header.items() if name != "__metadata__"}


def adapter_config(ended: Ended) -> dict[str, Any]:
    return dict(json.loads((ended.model / "adapter_config.json").read_text()))


LORA = {"use_lora": True, "merge_adapters": False}


# -- the fundamental ones


def test_epochs(train: Train) -> None:
    assert train(epochs=2).metrics["steps"] == 2 * STEPS
    assert train(epochs="3").metrics["epochs"] == 3


def test_learning_rate(train: Train) -> None:
    slow, fast = train(learning_rate="0.00001"), train(learning_rate="0.003")
    assert (rates(slow)[0], rates(fast)[0]) == (1e-05, 0.003)
    assert fast.losses[-1] < 0.5 * slow.losses[-1]


def test_batch_size(train: Train) -> None:
    assert train(per_device_train_batch_size="2").metrics["steps"] == 2 * STEPS
    assert train(per_device_train_batch_size=16).metrics["steps"] == 1


def test_warmup_steps(train: Train) -> None:
    assert rates(train(warmup_steps=0)) == pytest.approx([0.001, 0.00075, 0.0005, 0.00025])
    assert rates(train(warmup_steps=2)) == pytest.approx([0, 0.0005, 0.001, 0.0005])
    assert rates(train(warmup_steps=0.75))[:3] == pytest.approx([0, 0.001 / 3, 0.002 / 3])


def test_early_stopping(train: Train) -> None:
    """Nothing is learned at this rate, so nothing gets better by as much as the threshold."""
    asked = {"epochs": 6, "learning_rate": 1e-6, "early_stopping_patience": 2, "early_stopping_threshold": 0.5}
    ended = train({"validation": LESSONS[::4]}, **asked)
    assert ended.metrics["stopped"] == "early-stopping"
    assert ended.metrics["steps"] == 3 * STEPS
    assert len(ended.eval_losses) == 3


def test_early_stopping_threshold(train: Train) -> None:
    """Any improvement counts without one."""
    asked = {"epochs": 6, "learning_rate": 1e-4, "early_stopping_patience": 2}
    assert train({"validation": LESSONS[::4]}, **asked).metrics["stopped"] is None


def test_the_best_weights_are_left(train: Train) -> None:
    """The rate rises until it does harm."""
    asked = {"epochs": 5, "learning_rate": 0.3, "warmup_steps": 5 * STEPS, "early_stopping_patience": 4}
    ended = train({"validation": LESSONS[::4]}, **asked)
    assert ended.metrics["eval_loss"] == min(ended.eval_losses) < ended.eval_losses[-1]


def test_early_stopping_without_validation_data(train: Train) -> None:
    assert train(fails=True, early_stopping_patience=1).refusal == "early stopping needs validation data"


# -- LoRA


def test_use_lora(train: Train) -> None:
    full, lora = train(), train(use_lora="true")
    assert full.metrics["trained_parameters"] == full.metrics["parameters"]
    assert lora.metrics["trained_parameters"] < 0.02 * lora.metrics["parameters"]


def test_r(train: Train) -> None:
    for r in (2, 16):
        shapes = adapters(train(**LORA, lora_config={"r": r}))
        assert {shape[0] for name, shape in shapes.items() if "lora_A" in name} == {r}


def test_lora_alpha_in_both_spellings(train: Train) -> None:
    """It scales what adapters add, and with it what the first steps change."""
    small, large = train(**LORA, lora_config={"lora_alpha": 1}), train(**LORA, lora_config={"alpha": 64})
    assert (adapter_config(small)["lora_alpha"], adapter_config(large)["lora_alpha"]) == (1, 64)
    assert small.losses[0] == large.losses[0]
    assert large.losses[-1] < small.losses[-1] - 0.5


def test_lora_dropout_in_both_spellings(train: Train) -> None:
    none, half = train(**LORA), train(**LORA, lora_config={"dropout": 0.5})
    assert adapter_config(half)["lora_dropout"] == 0.5
    assert adapter_config(train(**LORA, lora_config={"lora_dropout": 0.25}))["lora_dropout"] == 0.25
    assert none.losses[0] == half.losses[0]  # adapters begin at zero
    assert none.losses[-1] != half.losses[-1]


def test_target_modules(train: Train) -> None:
    def targets(config: dict[str, Any]) -> set[str]:
        names = adapters(train(**LORA, lora_config=config))
        return {found[1] for name in names if (found := re.search(r"(\w+)\.lora_A", name))}

    assert targets({}) == {"q_proj", "v_proj"}
    assert targets({"target_modules": ["k_proj"]}) == {"k_proj"}
    assert targets({"target_modules": "k_proj,o_proj"}) == {"k_proj", "o_proj"}
    assert targets({"target_modules": "all-linear"}) == {
        *("q_proj", "k_proj", "v_proj", "o_proj"),
        *("gate_proj", "up_proj", "down_proj"),
    }


def test_target_modules_that_are_not_there(train: Train) -> None:
    failure = train(fails=True, **LORA, lora_config={"target_modules": ["q_proj", "c_attn"]}).refusal
    assert failure.startswith("lora_config.target_modules: the model has no c_attn; its linear layers are down_proj, ")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"target_modules": []}, "lora_config.target_modules is []; expected names of layers"),
        ({"target_modules": "no_such_.*"}, "lora_config: Target modules no_such_.* not found in the base model"),
        ({"target_modules": ["self_attn"]}, "lora_config: Target module LlamaAttention"),
        ({"layers_to_transform": [-1]}, "lora_config.layers_to_transform is [-1]; expected the number of a layer"),
        ({"layers_to_transform": [0, 4]}, "lora_config.layers_to_transform: the model has no layer 4; its 4 layers"),
        ({"layers_to_transform": [1], "layers_pattern": "h"}, "lora_config: Target modules"),
        ({"layer_replication": [[2, 2]]}, "lora_config.layer_replication is [[2, 2]]; expected ranges of layers"),
        ({"layer_replication": [[0, 3], [1, 5]]}, "lora_config.layer_replication: the model has no layer 4; its 4"),
        ({"trainable_token_indices": [-1]}, "lora_config.trainable_token_indices is [-1]; expected numbers of tokens"),
        ({"trainable_token_indices": [0, 9999]}, "lora_config.trainable_token_indices: the model has no token 9999"),
        ({"modules_to_save": ["lm_head", "nope"]}, "lora_config.modules_to_save: the model has no nope"),
        ({"target_parameters": ["q_proj.wait"]}, "lora_config.target_parameters: the model has no q_proj.wait"),
        ({"exclude_modules": ".*"}, "lora_config: All modules were excluded"),
    ],
    ids=str,
)
def test_adapters_that_no_layer_would_get(train: Train, config: dict[str, Any], told: str) -> None:
    ended = train(fails=True, **LORA, lora_config=config)
    assert ended.refusal.startswith(told)
    assert "Traceback" not in ended.output


def test_layers_to_transform(train: Train) -> None:
    def layers(config: dict[str, Any]) -> set[str]:
        names = adapters(train(**LORA, lora_config=config))
        return {found[1] for name in names if (found := re.search(r"layers\.(\d+)\.", name))}

    assert layers({"layers_to_transform": 3}) == {"3"}
    assert layers({"layers_to_transform": [0, 2], "layers_pattern": "layers"}) == {"0", "2"}


def test_layer_replication(train: Train) -> None:
    names = adapters(train(**LORA, lora_config={"layer_replication": [[0, 3], [1, 4]]}))
    assert {found[1] for name in names if (found := re.search(r"layers\.(\d+)\.", name))} == set("012345")


@pytest.mark.parametrize("indices", [[0, 7], {"embed_tokens": [0, 7]}], ids=str)
def test_trainable_token_indices(train: Train, untied: Path, indices: list[int] | dict[str, list[int]]) -> None:
    ended = train({"model": untied}, **LORA, lora_config={"trainable_token_indices": indices})
    assert any("embed_tokens" in name for name in adapters(ended))


def test_single_tokens_where_the_head_is_the_embedding(train: Train) -> None:
    """TRL 1.16 takes the head's weights and bias, which peft wraps together with the embedding; before, it asked the model."""
    from trl.trainer import utils

    refused = hasattr(utils, "add_fused_lm_head")
    ended = train(fails=refused, **LORA, lora_config={"trainable_token_indices": [0, 7]})
    if refused:
        assert ended.refusal.startswith("lora_config.trainable_token_indices: the head of this model is its embedding")
        assert train(**LORA, lora_config={"modules_to_save": ["embed_tokens"]}).code == 0


@pytest.fixture
def untied(llama: Path, tmp_path: Path) -> Path:
    """The same weights, the head a copy of the embedding."""
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(llama, tmp_path / "untied")
    weights = load_file(folder / "model.safetensors")
    head = {"lm_head.weight": weights["model.embed_tokens.weight"]}
    save_file(weights | head, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text()) | {"tie_word_embeddings": False}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_fan_in_fan_out(train: Train) -> None:
    """Meant for layers with transposed weights (GPT-2's Conv1D). peft sets it back for linear layers, and says so."""
    ended = train(**LORA, lora_config={"fan_in_fan_out": True})
    assert "fan_in_fan_out is set to True but the target module is `torch.nn.Linear`" in ended.output
    assert adapter_config(ended)["fan_in_fan_out"] is False


def test_bias(train: Train, qwen: Path) -> None:
    """Qwen's query, key and value layers have one; those of adapted layers are trained, or all."""
    told = {
        bias: train({"model": qwen}, use_lora=True, lora_config={"bias": bias}).metrics["trained_parameters"]
        for bias in ("none", "lora_only", "all")
    }
    width, key, layers = 256, 128, 4
    assert told["lora_only"] - told["none"] == layers * (width + key)
    assert told["all"] - told["none"] == layers * (width + 2 * key)
    kept = adapters(train({"model": qwen}, **LORA, lora_config={"bias": "all"}))
    assert sum(name.endswith(".bias") for name in kept) == 3 * layers


def test_biases_that_this_version_of_peft_would_not_save_are_refused(train: Train, qwen: Path) -> None:
    """peft 0.19 trains the biases of adapted layers and leaves them out of the adapters' file; newer ones keep them."""
    refused = tuple(map(int, version("peft").split(".")[:2])) < (0, 20)
    ended = train({"model": qwen}, fails=refused, **LORA, lora_config={"bias": "lora_only"})
    if refused:
        assert ended.refusal.startswith("lora_config.bias lora_only: the version of peft in this container")
    else:
        assert sum(name.endswith(".bias") for name in adapters(ended)) == 8


def test_a_setting_of_lora_that_is_none(train: Train) -> None:
    failure = train(fails=True, **LORA, lora_config={"rank": 4}).refusal
    assert failure.startswith("lora_config.rank: the version of peft in this container has no such setting")


def test_merge_adapters(train: Train) -> None:
    merged, apart = train(use_lora=True, merge_adapters="true"), train(use_lora=True, merge_adapters="False")
    weights = {"adapter_config.json", "adapter_model.safetensors"}
    assert {"config.json", "generation_config.json", "model.safetensors"} <= merged.files().keys()
    assert not weights & merged.files().keys()
    assert weights <= apart.files().keys()
    assert not {"config.json", "model.safetensors"} & apart.files().keys()
    assert len(apart.files()["adapter_model.safetensors"]) < 0.1 * len(merged.files()["model.safetensors"])


def test_adapters_name_the_model_that_they_belong_to(train: Train) -> None:
    ended = train(**LORA, model_id="meta-llama/Llama-3.2-1B-Instruct")
    assert adapter_config(ended)["base_model_name_or_path"] == "meta-llama/Llama-3.2-1B-Instruct"


# -- sft_config


def test_logging_steps(train: Train) -> None:
    assert len(lines(train(sft_config={"logging_steps": 1}), "loss")) == STEPS
    assert len(lines(train(sft_config={"logging_steps": 2}), "loss")) == STEPS / 2


def test_logging_strategy(train: Train) -> None:
    assert len(lines(train(epochs=2, sft_config={"logging_strategy": "epoch"}), "loss")) == 2
    assert lines(train(sft_config={"logging_strategy": "no"}), "loss") == []


def test_eval_strategy(train: Train) -> None:
    job = {"validation": LESSONS[::4]}
    assert len(train(job, epochs=2).eval_losses) == 2
    assert train(job, sft_config={"eval_strategy": "no"}).metrics["eval_loss"] is not None  # once, at the end
    assert len(train(job, sft_config={"eval_strategy": "steps", "eval_steps": 2}).eval_losses) == 2
    assert train().metrics["eval_loss"] is None


def test_eval_steps_are_the_logging_steps_unless_said(train: Train) -> None:
    job = {"validation": LESSONS[::4]}
    assert len(train(job, sft_config={"eval_strategy": "steps", "logging_steps": 1}).eval_losses) == STEPS
    assert len(train(job, sft_config={"eval_strategy": "steps", "logging_steps": 2}).eval_losses) == STEPS / 2


def test_gradient_accumulation_steps(train: Train) -> None:
    assert train(sft_config={"gradient_accumulation_steps": 2}).metrics["steps"] == STEPS / 2


def test_bf16_is_another_precision(train: Train) -> None:
    full, half = train(), train(sft_config={"logging_steps": 1, "bf16": "true"})
    assert half.losses[0] != full.losses[0]
    assert half.losses[0] == pytest.approx(full.losses[0], rel=0.05)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"fp16": "True"}, "sft_config.fp16 needs a GPU; on a CPU use bf16 or neither"),
        ({"eval_strategy": "steps"}, "sft_config.eval_strategy steps needs validation data"),
        ({"num_train_epochs": 9}, "sft_config.num_train_epochs is set by the hyperparameter epochs"),
        ({"output_dir": "/tmp"}, "sft_config.output_dir cannot be set: the container says where things are"),
        (
            {"evaluation_strategy": "steps"},
            "sft_config.evaluation_strategy: the version of TRL in this container has no such setting; did you mean eval_strategy?",
        ),
        ({"lr_scheduler_type": "steep"}, "sft_config: steep is not a valid SchedulerType"),
    ],
)
def test_what_cannot_be(train: Train, config: dict[str, Any], told: str) -> None:
    assert train(fails=True, sft_config=config).refusal.startswith(told)


def test_whatever_else_sft_config_takes(train: Train) -> None:
    constant = train(sft_config={"logging_steps": 1, "lr_scheduler_type": "constant"})
    assert rates(constant) == [0.001] * STEPS
    assert train(sft_config={"max_grad_norm": 0.001, "logging_steps": 1}).losses[-1] != train().losses[-1]


def test_max_length(train: Train) -> None:
    """Records are cut at their end; those whose answer is cut off altogether are left out, and it is told."""
    whole, cut = train(), train(sft_config={"max_length": 40})
    assert cut.metrics["billable_tokens"] < whole.metrics["billable_tokens"]
    assert cut.metrics["records_cut"] > 0
    failure = train(fails=True, sft_config={"max_length": 5}).refusal
    assert failure.startswith("no record has an answer within max_length, 5 tokens")


def test_packing(train: Train) -> None:
    """Records share a sequence, and are kept apart in it: without any training both ways have the same loss."""
    still = {"learning_rate": 1e-12, "per_device_train_batch_size": 16}
    apart = train(**still)
    packed = train(**still, sft_config={"packing": True, "max_length": 256, "logging_steps": 1})
    assert packed.metrics["steps"] == 1
    assert packed.losses[0] == pytest.approx(apart.losses[0], rel=1e-4)
    unpadded = train(**still, sft_config={"padding_free": True})
    assert unpadded.losses[0] == pytest.approx(apart.losses[0], rel=1e-4)
    few = train(per_device_train_batch_size=1, sft_config={"packing": True, "max_length": 256, "logging_steps": 1})
    assert few.metrics["steps"] < 16


def test_completion_only_loss(train: Train) -> None:
    answers = train(learning_rate=1e-12, per_device_train_batch_size=16)
    everything = train(
        learning_rate=1e-12,
        per_device_train_batch_size=16,
        sft_config={"logging_steps": 1, "completion_only_loss": False},
    )
    assert answers.losses != everything.losses


# -- model_init_config


def test_attn_implementation(train: Train) -> None:
    """Both compute the same; which one computed is in the log."""
    told = {name: train(model_init_config={"attn_implementation": name}) for name in ("eager", "sdpa")}
    assert told["eager"].losses == pytest.approx(told["sdpa"].losses, rel=1e-3)
    for name, ended in told.items():
        assert f"attention {name}" in ended.output


def test_flash_attention_on_a_cpu(train: Train) -> None:
    failure = train(fails=True, model_init_config={"attn_implementation": "flash_attention_2"}).refusal
    assert failure == "model_init_config.attn_implementation flash_attention_2 needs a GPU; use sdpa"


def test_use_cache(train: Train) -> None:
    """In effect while it trains; the model that is left has its cache either way."""
    for value in (True, False):
        ended = train(model_init_config={"use_cache": value})
        assert f"use_cache {value}" in ended.output
        assert ended.config["use_cache"] is True


def test_dtype(train: Train) -> None:
    ended = train(model_init_config={"dtype": "bfloat16"})
    assert "weights in bfloat16" in ended.output
    assert ended.config["dtype"] == "float32"  # as the base model's


def test_load_in_4bit_without_a_gpu(train: Train) -> None:
    assert train(fails=True, use_lora=True, load_in_4bit=True).refusal == "load_in_4bit needs a GPU"


# -- seed


def test_the_same_seed_is_the_same_model(train: Train) -> None:
    same = {**LORA, "model_id": "meta-llama/Llama-3.2-1B-Instruct"}
    one, two, other = train(**same), train(**same), train(**same, seed=7)
    differing = {name for name, content in one.files().items() if two.files()[name] != content}
    assert differing == {"metrics.json"}  # its times
    assert one.losses == two.losses != other.losses


@pytest.mark.parametrize("name", ["eos_token", "pad_token"])
def test_a_token_that_the_tokenizer_does_not_have(train: Train, name: str) -> None:
    ended = train(fails=True, sft_config={name: "<|eot_idd|>"})
    told = f"sft_config.{name}: the base model's tokenizer has no token <|eot_idd|>; did you mean <|eot_id|>?"
    assert ended.refusal == told
    assert "Traceback" not in ended.output
    assert train(fails=True, sft_config={name: "stop"}).refusal.endswith(", <|finetune_right_pad_id|>")
