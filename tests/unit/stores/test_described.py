"""What a folder of weights says of itself."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from math import prod
from pathlib import Path

import pytest

from reconciler.domain.catalog import WeightsDescription
from reconciler.domain.desired import WeightsFolder
from reconciler.estimators.intended import dimensions
from reconciler.stores.filedigests import FileDigests
from reconciler.stores.weights import examine
from tests.folders import LLAMA, llama_tensors, write_folder, write_weights


def described(folder: Path) -> WeightsDescription:
    facts, problems = examine(folder.parent, WeightsFolder(path=folder.name), FileDigests(folder.parent / "files.json"))
    assert problems == ()
    assert facts is not None
    return facts.description


def told(folder: Path) -> list[str]:
    facts, problems = examine(folder.parent, WeightsFolder(path=folder.name), FileDigests(folder.parent / "files.json"))
    assert facts is None
    return [problem.detail.partition(": ")[2] for problem in problems]


@pytest.mark.parametrize("tied", [True, False])
def test_configuration_and_headers_agree(tmp_path: Path, tied: bool) -> None:
    found = described(write_folder(tmp_path / "base", LLAMA | {"tie_word_embeddings": tied}))
    assert found.architecture is not None
    assert found.unknown == ""
    counted = found.architecture.parameters
    assert counted == dimensions(found.architecture.model_copy(update={"parameters": None})).parameters
    assert found.weights_bytes == 2 * (counted or 0)
    assert (found.architecture.tie_word_embeddings, found.architecture.dtype) == (tied, "bfloat16")


def test_a_head_that_is_the_embedding_is_known_by_the_files(tmp_path: Path) -> None:
    for tied in (True, False):
        folder = write_folder(tmp_path / str(tied), LLAMA | {"tie_word_embeddings": tied})
        without = {name: value for name, value in LLAMA.items() if name != "tie_word_embeddings"}
        (folder / "config.json").write_text(json.dumps(without))
        found = described(folder).architecture
        assert found is not None
        assert found.tie_word_embeddings is tied


def test_a_head_that_is_stored_twice_counts_once(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "base")
    once = described(folder).architecture
    write_weights(folder / "model.safetensors", llama_tensors() | {"lm_head.weight": (300, 64)})
    assert described(folder).architecture == once


def test_where_the_configuration_names_no_precision_the_files_do(tmp_path: Path) -> None:
    config = {name: value for name, value in LLAMA.items() if name != "torch_dtype"}
    found = described(write_folder(tmp_path / "base", config, dtype="F32")).architecture
    assert found is not None
    assert found.dtype == "float32"


def test_of_several_files_the_index_names_those_that_are_loaded(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "base")
    whole = described(folder)
    (folder / "model.safetensors").rename(folder / "consolidated.safetensors")
    assert described(folder).unknown == "neither model.safetensors nor an index tells which files are loaded"
    names = list(llama_tensors())
    shards = {name: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, name in enumerate(names)}
    for shard in set(shards.values()):
        write_weights(folder / shard, {n: s for n, s in llama_tensors().items() if shards[n] == shard})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    assert described(folder) == whole


def test_weights_that_the_configuration_does_not_describe(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "base")
    (folder / "config.json").write_text(json.dumps(LLAMA | {"num_hidden_layers": 3}))
    found = described(folder)
    assert found.architecture is None
    assert found.unknown.startswith("config.json makes ")
    assert found.weights_bytes


def test_what_the_configuration_leaves_out_is_not_invented(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "base")
    (folder / "config.json").write_text('{"model_type": "llama", "hidden_size": 64, "vocab_size": 300}')
    found = described(folder)
    assert found.architecture is None
    assert found.unknown == "config.json: it does not say num_hidden_layers, num_attention_heads, intermediate_size"


def test_of_another_architecture_the_size_alone_is_known(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "base", LLAMA | {"model_type": "gemma2"})
    found = described(folder)
    assert (found.architecture, found.weights_bytes) == (None, 2 * sum(map(prod, llama_tensors().values())))


def test_quantised_weights_are_unknown(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "base", dtype="U8")
    assert described(folder) == WeightsDescription(unknown="its weights are quantised")


def test_a_configuration_that_is_no_json_is_told_with_its_place(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "base")
    (folder / "config.json").write_text('{\n  "model_type": "llama",\n  "hidden_size": ,\n}')
    assert told(folder) == ["config.json:3:18 is not JSON: Expecting value."]
    (folder / "config.json").write_bytes(b'{"model_type": "\xff"}')
    assert told(folder) == ["config.json is not JSON in UTF-8."]


def test_wrong_values_and_files_that_are_cut_off_are_told_at_once(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "base", LLAMA)
    (folder / "config.json").write_text(json.dumps(LLAMA | {"hidden_size": "64", "num_attention_heads": -4}))
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-1])
    assert told(folder) == [
        "config.json: `hidden_size` is '64'.",
        "config.json: `num_attention_heads` is -4.",
        f"model.safetensors cannot be read: it is cut off: {len(content):,} bytes are told, {len(content) - 1:,} are there.",
    ]


@pytest.mark.train
@pytest.mark.parametrize("shape", ["llama", "qwen"])
def test_the_tiny_models_as_transformers_writes_them(shape: str, tmp_path: Path) -> None:
    if find_spec("transformers") is None:
        pytest.skip("the extra [train] is not installed")
    command = [sys.executable, "-m", "reconciler.training.tiny", "--shape", shape, "--out", str(tmp_path / "base")]
    subprocess.run(command, check=True, timeout=300)
    found = described(tmp_path / "base").architecture
    assert found is not None
    assert found.parameters == dimensions(found.model_copy(update={"parameters": None})).parameters
    assert (found.dtype, found.num_key_value_heads, found.attention_qkv_bias) == ("float32", 4, shape == "qwen")
