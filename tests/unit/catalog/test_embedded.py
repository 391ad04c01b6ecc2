"""Base models of the embedded cloud alone."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from reconciler.catalog import load
from reconciler.catalog.query import trainable
from reconciler.domain.catalog import LOCAL_FOLDER, Architecture, ProviderName
from reconciler.localcloud import model_hub

CATALOG = load()
TINY = [model for model in CATALOG.models if model.local_only]


def test_they_are_those_of_the_hub() -> None:
    assert {model.key for model in TINY} == set(model_hub.SHAPES)
    for model in TINY:
        assert model.sagemaker is not None
        assert model_hub.is_offered(model.sagemaker.weights_uri or "")


def test_the_program_trains_them_as_all_others() -> None:
    here, usual = ProviderName.SAGEMAKER, CATALOG.model("qwen3-1.7b")
    assert usual is not None
    for model in (*TINY, CATALOG.model(LOCAL_FOLDER)):
        assert model is not None
        assert model.providers == (here,)
        assert model.hyperparameters[here] == usual.hyperparameters[here]
        assert model.dataset[here] == usual.dataset[here]


def test_where_nothing_is_said_they_take_a_type_that_trains_and_serves() -> None:
    types = {instance.name for instance in trainable(CATALOG) if instance.hosting}
    for model in TINY:
        assert model.sagemaker is not None
        assert model.sagemaker.default_training_instance_type in types
        assert model.sagemaker.default_hosting_instance_type in types


def test_the_entry_of_folders_is_not_listed() -> None:
    assert LOCAL_FOLDER not in {model.key for model in CATALOG.models}


@pytest.mark.train
@pytest.mark.parametrize("key", sorted(model_hub.SHAPES))
def test_their_dimensions_are_those_of_what_is_made(key: str, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra [train] is not installed")
    from reconciler.training.tiny import make

    make(model_hub.SHAPES[key], model_hub.SEED, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    entry = CATALOG.model(key)
    assert entry is not None
    assert isinstance(entry.architecture, Architecture)
    assert config["architectures"] == [entry.architecture.architecture]
    for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size"):
        assert config[name] == getattr(entry.architecture, name), name
    for name in ("intermediate_size", "max_position_embeddings", "tie_word_embeddings"):
        assert config[name] == getattr(entry.architecture, name), name
    assert _parameters(tmp_path / "model.safetensors") == entry.architecture.parameters


def _parameters(weights: Path) -> int:
    from safetensors import safe_open

    with safe_open(weights, "pt") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118 - it is no mapping
    return sum(math.prod(shape) for shape in shapes)
