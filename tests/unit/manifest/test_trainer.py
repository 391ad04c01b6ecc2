"""What the training program would refuse is refused before the job."""

from __future__ import annotations

import dataclasses
import importlib.util
from typing import Any

import pytest

from reconciler.catalog import load as load_catalog
from reconciler.catalog.introspection import setting, written
from reconciler.domain.catalog import ImagePurpose, ProviderName, Setting
from reconciler.manifest.checks.trainer import OPTIONAL
from reconciler.manifest.load import SourceFile, load
from reconciler.training.arguments import Machine
from reconciler.training.bounds import ACCEPTED
from reconciler.training.conflicts import check
from reconciler.training.failure import BadInput
from reconciler.training.hyperparameters import NAMES, read_hyperparameters

CATALOG = load_catalog()

PROJECT = "apiVersion: reconciler/v1\nkind: Project\nmetadata: {name: acme}\nspec: {region: us-east-1}\n"
MODEL = """\
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: bot}
spec:
  baseModel: qwen3-1.7b
  dataset: {training: data/a.csv, validation: %(validation)s}
  resources: {instanceType: %(instance)s%(resources)s}
  hyperparameters:
    %(more)s
    optional: %(optional)s
"""


def told(
    optional: str,
    *,
    instance: str = "ml.g5.2xlarge",
    validation: str = "none",
    more: str = "epochs: 2",
    resources: str = "",
) -> list[str]:
    """``LINE:COLUMN code hint`` of every problem."""
    fields = {
        "optional": optional,
        "instance": instance,
        "validation": validation,
        "more": more,
        "resources": resources,
    }
    files = [SourceFile(path="reconciler.yaml", text=PROJECT), SourceFile(path="bot.yaml", text=MODEL % fields)]
    found = load(files, CATALOG).diagnostics
    return [f"{d.where.line}:{d.where.column} {d.code}" for d in found if d.where]


def problem(optional: str, **more: Any) -> Any:
    fields = {
        "optional": optional,
        "instance": "ml.g5.2xlarge",
        "validation": "none",
        "more": "epochs: 2",
        "resources": "",
    }
    files = [
        SourceFile(path="reconciler.yaml", text=PROJECT),
        SourceFile(path="bot.yaml", text=MODEL % (fields | more)),
    ]
    [found] = load(files, CATALOG).diagnostics
    return found


@pytest.mark.parametrize(
    "optional",
    [
        "{}",
        "{use_lora: true, merge_adapters: false, lora_config: {r: 16, alpha: 32, target_modules: [q_proj], bias: none}}",
        "{sft_config: {packing: true, max_length: 2048, lr_scheduler_type: cosine, report_to: none, bf16: true}}",
        "{sft_config: {logging_steps: 5, fp16: 'true'}, seed: '7'}",
        "{sft_config: {completion_only_loss: false}, seed: 7}",
        "{model_init_config: {attn_implementation: flash_attention_2, use_cache: false, dtype: bfloat16, anything: 1}}",
        "{use_lora: true, load_in_4bit: true}",
        "{use_lora: true, lora_config: {init_lora_weights: pissa_niter_4}}",
        "{use_lora: true, lora_config: {layers_to_transform: [0, 27], layers_pattern: layers}}",
        "{use_lora: true, lora_config: {layers_to_transform: 3, target_modules: 'q_proj, v_proj'}}",
        "{use_lora: true, lora_config: {layers_to_transform: [], target_modules: null}}",
        "{use_lora: true, lora_config: {layer_replication: [[0, 20], [8, 28]]}}",
        "{use_lora: true, lora_config: {trainable_token_indices: [0, 151935]}}",
        "{use_lora: true, lora_config: {trainable_token_indices: {embed_tokens: [0, 151935]}}}",
        "{use_lora: true, lora_config: {target_modules: '.*[qv]_proj'}}",
        "{use_lora: true, lora_config: {target_modules: all-linear}}",
        "{use_lora: true, lora_config: {target_modules: [], target_parameters: [mlp.experts.gate_up_proj]}}",
        "{sft_config: {eos_token: <|im_end|>, pad_token: null}}",
    ],
)
def test_what_the_program_takes_is_taken(optional: str) -> None:
    assert told(optional) == []


@pytest.mark.parametrize(
    ("optional", "expected"),
    [
        ("{use_lara: true}", "10:26 unknown-optional-hyperparameter"),
        ("{sagemaker_program: evil.py}", "10:35 unknown-optional-hyperparameter"),
        ("{seed: soon}", "10:22 invalid-trainer-setting"),
        ("{sft_config: 3}", "10:28 invalid-trainer-setting"),
        ("{sft_config: {max_seq_length: 3}}", "10:45 unknown-trainer-setting"),
        ("{sft_config: {packing: sometimes}}", "10:38 invalid-trainer-setting"),
        ("{sft_config: {eval_strategy: epochs}}", "10:44 invalid-trainer-setting"),
        ("{sft_config: {gradient_accumulation_steps: 1.5}}", "10:58 invalid-trainer-setting"),
        ("{sft_config: {weight_decay: '0.1'}}", "10:43 invalid-trainer-setting"),
        ("{sft_config: {output_dir: /tmp}}", "10:41 fixed-trainer-setting"),
        ("{sft_config: {hub_token: hf_x}}", "10:40 fixed-trainer-setting"),
        ("{sft_config: {hub_model_id: me/mine}}", "10:43 fixed-trainer-setting"),
        ("{model_init_config: {token: hf_x}}", "10:43 fixed-trainer-setting"),
        ("{use_lora: true, lora_config: {task_type: CAUSAL_LM}}", "10:57 fixed-trainer-setting"),
        ("{use_lora: true, lora_config: {rank: 8}}", "10:52 unknown-trainer-setting"),
        ("{use_lora: true, lora_config: {bias: lora}}", "10:52 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {fan_in_fan_out: 1}}", "10:62 invalid-trainer-setting"),
        ("{model_init_config: {use_cache: 1}}", "10:47 invalid-trainer-setting"),
        ("{model_init_config: {attn_implementation: flash}}", "10:57 invalid-trainer-setting"),
        ("{sft_config: {bf16: true, fp16: true}}", "10:47 conflicting-trainer-settings"),
        ("{load_in_4bit: true}", "10:30 conflicting-trainer-settings"),
        ("{sft_config: {eval_strategy: steps}}", "10:44 conflicting-trainer-settings"),
        ("{sft_config: {seed: 7}}", "10:35 fixed-trainer-setting"),
        ("{sft_config: {logging_steps: 0}}", "10:44 invalid-trainer-setting"),
        ("{sft_config: {loss_type: chunked_nll}}", "10:40 invalid-trainer-setting"),
        ("{sft_config: {gradient_checkpointing_kwargs: a.json}}", "10:60 invalid-trainer-setting"),
        ("{model_init_config: {dtype: fp32}}", "10:43 invalid-trainer-setting"),
        ("{seed: -1}", "10:22 invalid-trainer-setting"),
        ("{sft_config: {dataloader_prefetch_factor: 2}}", "10:57 conflicting-trainer-settings"),
        ("{sft_config: {load_best_model_at_end: true}}", "10:53 conflicting-trainer-settings"),
        ("{sft_config: {eos_token: ''}}", "10:40 invalid-trainer-setting"),
        ("{sft_config: {eos_token: 7}}", "10:40 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {target_modules: []}}", "10:62 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {target_modules: ''}}", "10:62 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {target_modules: [q_proj, 7]}}", "10:62 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {target_modules: 'q_(proj'}}", "10:62 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {target_modules: 7}}", "10:62 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layers_to_transform: -1}}", "10:67 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layers_to_transform: [0, -1]}}", "10:67 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layers_to_transform: [0.5]}}", "10:67 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layers_to_transform: [true]}}", "10:67 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layers_to_transform: 1.5}}", "10:67 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layers_to_transform: first}}", "10:67 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layers_to_transform: 28}}", "10:67 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layers_to_transform: [0, 99]}}", "10:67 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layer_replication: []}}", "10:65 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layer_replication: [0, 4]}}", "10:65 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layer_replication: [[4, 4]]}}", "10:65 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layer_replication: [[-1, 4]]}}", "10:65 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {layer_replication: [[0, 29]]}}", "10:65 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {trainable_token_indices: []}}", "10:71 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {trainable_token_indices: {}}}", "10:71 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {trainable_token_indices: [-1]}}", "10:71 invalid-trainer-setting"),
        ("{use_lora: true, lora_config: {trainable_token_indices: [151936]}}", "10:71 invalid-trainer-setting"),
        (
            "{use_lora: true, lora_config: {trainable_token_indices: {embed_tokens: 7}}}",
            "10:71 invalid-trainer-setting",
        ),
        (
            "{use_lora: true, lora_config: {trainable_token_indices: {embed_tokens: [0, 151936]}}}",
            "10:71 invalid-trainer-setting",
        ),
        (
            "{use_lora: true, lora_config: {layers_to_transform: [0], target_modules: all-linear}}",
            "10:67 conflicting-trainer-settings",
        ),
    ],
)
def test_what_it_would_refuse_is_told_where_it_stands(optional: str, expected: str) -> None:
    assert told(optional) == [expected]


def test_what_is_wrong_and_what_is_expected_is_told() -> None:
    one = problem("{use_lora: true, lora_config: {layers_to_transform: [0, -1]}}")
    expected = "expected the number of a layer, counted from 0, or a list of such"
    assert one.detail == f"`lora_config.layers_to_transform` is `[0, -1]`; {expected}."
    one = problem("{use_lora: true, lora_config: {layers_to_transform: [27, 28, 99]}}")
    layers = "`qwen3-1.7b` has 28 layers, from 0 to 27"
    assert one.detail == f"`lora_config.layers_to_transform` names 28, 99; {layers}."
    one = problem("{use_lora: true, lora_config: {layers_to_transform: [0], target_modules: all-linear}}")
    assert "a list of names" in one.hint


def test_everything_at_once_and_the_nearest_spelling() -> None:
    found = told("{sft_config: {max_lenght: 3, packing: 2}, use_lora: true, lora_config: {alfa: 1}}")
    assert [line.split()[1] for line in found] == [
        "unknown-trainer-setting",
        "invalid-trainer-setting",
        "unknown-trainer-setting",
    ]
    one = problem("{sft_config: {max_lenght: 3}}")
    assert (one.hint, "trl 0.28.0" in one.detail, one.where.line) == ("did you mean `max_length`?", True, 10)


def test_in_an_image_of_the_users_own_unknown_settings_are_a_warning() -> None:
    one = problem("{sft_config: {brand_new: 3}}", resources=", image: ours:1")
    assert (one.code, one.is_error) == ("unknown-trainer-setting", False)
    one = problem("{sft_config: {loss_type: chunked_nll}}", resources=", image: ours:1")
    assert (one.code, one.is_error) == ("invalid-trainer-setting", False)


@pytest.mark.parametrize("instance", ["ml.p3.2xlarge", "ml.g4dn.xlarge"])
def test_old_gpus_compute_no_bf16_and_no_flash_attention(instance: str) -> None:
    bf16 = problem("{sft_config: {bf16: true}}", instance=instance)
    assert instance in bf16.detail
    assert "fp16" in bf16.hint
    flash = problem("{model_init_config: {attn_implementation: flash_attention_2}}", instance=instance)
    assert "sdpa" in flash.hint
    quantised = problem("{use_lora: true, load_in_4bit: true}", instance=instance)
    assert "BF16" in quantised.detail
    assert told("{sft_config: {fp16: true}}", instance=instance) == []


def test_fallback_instances_count_too() -> None:
    one = problem("{sft_config: {bf16: true}}", resources=", fallbackInstanceTypes: [ml.g4dn.xlarge]")
    assert "ml.g4dn.xlarge" in one.detail


@pytest.mark.parametrize("precision", ["fp16: true", "bf16: false"])
def test_flash_attention_forces_bf16(precision: str) -> None:
    one = problem(f"{{sft_config: {{{precision}}}, model_init_config: {{attn_implementation: flash_attention_2}}}}")
    assert (one.code, "BF16" in one.detail) == ("conflicting-trainer-settings", True)


@pytest.mark.parametrize(
    ("sft", "codes"),
    [
        ("{}", []),
        ("{eval_strategy: 'no'}", ["conflicting-trainer-settings"]),
        ("{eval_strategy: steps, save_strategy: epoch}", ["conflicting-trainer-settings"]),
        ("{eval_strategy: steps, save_strategy: steps}", []),
    ],
)
def test_the_best_needs_evaluations_and_their_checkpoints(sft: str, codes: list[str]) -> None:
    found = told(f"{{sft_config: {sft}}}", validation="{split: 10%}", more="earlyStopping: {patience: 2}")
    assert [line.split()[1] for line in found] == codes
    kept = sft.replace("{", "{load_best_model_at_end: true, ", 1)
    found = told(f"{{sft_config: {kept}}}", validation="{split: 10%}")
    assert [line.split()[1] for line in found] == codes


BEYOND = [{"sft_config": {name: 0 if not accepts(0) else -1}} for name, (accepts, _) in ACCEPTED["sft_config"].items()]
CONFLICTS = [
    *BEYOND,
    {"use_lora": True, "lora_config": {"lora_dropout": 1.5}},
    {"use_lora": True, "lora_config": {"layers_pattern": "layers"}},
    {"use_lora": True, "lora_config": {"target_modules": []}},
    {"use_lora": True, "lora_config": {"target_modules": ["q_proj", ""]}},
    {"use_lora": True, "lora_config": {"target_modules": "q_(proj"}},
    {"use_lora": True, "lora_config": {"target_modules": 7}},
    {"use_lora": True, "lora_config": {"layers_to_transform": [-1]}},
    {"use_lora": True, "lora_config": {"layers_to_transform": [0.5]}},
    {"use_lora": True, "lora_config": {"layers_to_transform": "first"}},
    {"use_lora": True, "lora_config": {"layers_to_transform": 0, "target_modules": "all-linear"}},
    {"use_lora": True, "lora_config": {"layers_to_transform": 0, "layers_pattern": "h", "target_modules": ".*proj"}},
    {"use_lora": True, "lora_config": {"layer_replication": [0, 4]}},
    {"use_lora": True, "lora_config": {"layer_replication": [[4, 4]]}},
    {"use_lora": True, "lora_config": {"trainable_token_indices": []}},
    {"use_lora": True, "lora_config": {"trainable_token_indices": {"embed_tokens": [-1]}}},
    {"sft_config": {"eos_token": ""}},
    {"sft_config": {"pad_token": 7}},
    {"sft_config": {"dataloader_prefetch_factor": 2}},
    {"sft_config": {"lr_scheduler_type": "warmup_stable_decay"}},
    {"sft_config": {"metric_for_best_model": "accuracy"}},
    {"sft_config": {"dataloader_persistent_workers": True, "dataloader_num_workers": 0}},
    {"sft_config": {"load_best_model_at_end": True}},
    {"sft_config": {"eval_on_start": True}},
    {"sft_config": {"seed": 7}},
    {"seed": -1},
    {"seed": 2**32},
    {"sft_config": {"hub_token": "hf_x"}},
    {"model_init_config": {"token": "hf_x"}},
    {"sft_config": {"bf16": True, "fp16": True}},
    {"sft_config": {"fp16": True}, "model_init_config": {"attn_implementation": "flash_attention_2"}},
    {"sft_config": {"eval_strategy": "steps"}},
    {"load_in_4bit": True},
    {"sft_config": {"output_dir": "/tmp"}},
]


@pytest.mark.parametrize("optional", CONFLICTS, ids=str)
def test_the_program_refuses_it_as_well(optional: dict[str, Any]) -> None:
    machine = Machine(cuda=True, bf16=True, flash_attention=True, bitsandbytes=True)
    with pytest.raises(BadInput):
        check(read_hyperparameters({"model_id": "x/y", **optional}), machine, validated=False, weights=False)
    assert told(str(optional).replace("True", "true").replace("'", '"')) != []


def test_the_optional_hyperparameters_are_the_programs() -> None:
    base = CATALOG.model("qwen3-1.7b")
    assert base is not None
    own = {rule.wire_name for rule in base.hyperparameters[ProviderName.SAGEMAKER]}
    assert set(OPTIONAL) == NAMES - own - {"model_id"}


def test_the_settings_are_of_the_libraries_in_the_image() -> None:
    image = CATALOG.image(ImagePurpose.TRAINING, "us-east-1")
    assert image is not None
    known = CATALOG.trainer_settings.libraries
    assert known == {name: image.libraries[name] for name in known}


def test_types_are_told_as_json_has_them() -> None:
    assert setting(bool | None) == {"kinds": ["boolean", "null"]}
    assert setting(list[str] | str) == {"kinds": ["list", "string"]}
    assert setting(Setting) == {"kinds": []}


@pytest.mark.train
@pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="the extra [train] is not installed")
def test_introspection_sees_the_fields_of_what_is_installed() -> None:
    from trl import SFTConfig

    from reconciler.catalog.introspection import introspected

    content = introspected()
    assert set(content["sft_config"]) == {field.name for field in dataclasses.fields(SFTConfig) if field.init}
    assert content["sft_config"]["packing"] == {"kinds": ["boolean"]}
    assert content["sft_config"]["eval_strategy"]["choices"] == ["no", "steps", "epoch"]
    assert "libraries:" in written(content)


AWS = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: acme}
spec:
  cloud: aws
  region: us-west-2
  bucket: acme-artifacts
  huggingFaceTokenSecret: arn:aws:secretsmanager:eu-west-1:111122223333:secret:hf
  roles: {training: 'arn:aws:iam::111122223333:role/t'}
"""


def on_aws(spec: str) -> list[Any]:
    text = f"apiVersion: reconciler/v1\nkind: FineTunedModel\nmetadata: {{name: bot}}\nspec:\n  provider: sagemaker\n{spec}"
    files = [SourceFile(path="reconciler.yaml", text=AWS), SourceFile(path="bot.yaml", text=text)]
    return list(load(files, CATALOG).diagnostics)


LLAMA = "  baseModel: llama-3.1-8b-instruct\n  dataset: {training: a.csv}\n"


@pytest.mark.parametrize("written", ["", "  acceptEula: false\n"])
def test_a_licence_is_accepted_in_the_manifest_or_not_at_all(written: str) -> None:
    [one] = on_aws(LLAMA + written)
    assert (one.code, one.overridable) == ("eula-not-accepted", False)
    address = "https://jumpstart-cache-prod-us-west-2.s3.us-west-2.amazonaws.com/fmhMetadata/eula/llama3_1Eula.txt"
    assert address in one.detail
    assert on_aws(LLAMA + "  acceptEula: true\n") == []


def test_a_model_without_a_eula_needs_no_acceptance() -> None:
    assert on_aws("  baseModel: qwen3-1.7b\n  dataset: {training: a.csv}\n") == []


def test_own_weights_need_no_token() -> None:
    weights = LLAMA.replace("llama-3.1-8b-instruct", "{key: llama-3.1-8b-instruct, weights: 's3://acme-models/llama'}")
    files = [
        SourceFile(path="reconciler.yaml", text="\n".join(line for line in AWS.splitlines() if "Token" not in line)),
        SourceFile(
            path="bot.yaml",
            text="apiVersion: reconciler/v1\nkind: FineTunedModel\nmetadata: {name: bot}\nspec:\n"
            f"  provider: sagemaker\n  acceptEula: true\n{weights}",
        ),
    ]
    assert load(files, CATALOG).diagnostics == ()


ALONE = "  hyperparameters: {optional: {use_lora: true, merge_adapters: false%s}}\n"
DEPLOYED = "  deployment: {state: deployed}\n"


def test_adapters_over_a_gated_model_cannot_be_served() -> None:
    asked = LLAMA + "  acceptEula: true\n" + ALONE % ""
    assert on_aws(asked) == [], "trained and downloaded they can be"
    [one] = on_aws(asked + DEPLOYED)
    assert (one.code, "token" in one.detail) == ("conflicting-trainer-settings", True)


@pytest.mark.parametrize(
    "setting", ["bias: all", "use_dora: true", "modules_to_save: [lm_head]", "r: 1024", "rank_pattern: {q_proj: 600}"]
)
def test_adapters_that_the_inference_container_does_not_load(setting: str) -> None:
    asked = "  baseModel: qwen3-1.7b\n  dataset: {training: a.csv}\n" + ALONE % f", lora_config: {{{setting}}}"
    assert on_aws(asked) == []
    [one] = on_aws(asked + DEPLOYED)
    assert one.where.path.endswith(setting.partition(":")[0])


def test_adapters_alone_of_a_model_on_another_would_lose_what_that_learned() -> None:
    head = "apiVersion: reconciler/v1\nkind: FineTunedModel\nmetadata: {name: %s}\nspec:\n"
    data = "  dataset: {training: a.csv}\n"
    parent = head % "house" + "  baseModel: qwen3-1.7b\n" + data
    child = head % "bot" + "  baseModel: {fineTunedModel: house}\n" + data
    texts = {"reconciler.yaml": PROJECT, "house.yaml": parent, "bot.yaml": child + ALONE % ""}
    found = load([SourceFile(path=path, text=text) for path, text in texts.items()], CATALOG).diagnostics
    assert [problem.code for problem in found] == ["conflicting-trainer-settings"]
