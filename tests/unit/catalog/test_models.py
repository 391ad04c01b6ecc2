from __future__ import annotations

from decimal import Decimal

import pytest

from reconciler.catalog import load
from reconciler.domain.catalog import Architecture, FoundationModel, ProviderName, Requirement

CATALOG = load()
BEDROCK, SAGEMAKER = ProviderName.BEDROCK, ProviderName.SAGEMAKER
ORIGINAL = (
    "nova-micro",
    "nova-lite",
    "nova-pro",
    "titan-text-express",
    "titan-text-lite",
    "cohere-command",
    "cohere-command-light",
    "llama-3.1-8b-instruct",
    "llama-3.1-70b-instruct",
)


def known(key: str) -> FoundationModel:
    model = CATALOG.model(key)
    assert model is not None, key
    return model


def test_nine_original_base_models_on_bedrock() -> None:
    assert tuple(model.key for model in CATALOG.models if model.original) == ORIGINAL
    assert all(known(key).bedrock for key in ORIGINAL)


def test_counts() -> None:
    assert sum(model.bedrock is not None for model in CATALOG.models) == 15
    jumpstart = [m for m in CATALOG.models if m.sagemaker and m.sagemaker.jumpstart_id]
    assert len(jumpstart) == 29
    assert {m.family for m in jumpstart} == {"meta-llama", "qwen", "deepseek", "sea-lion"}


def test_names_are_unique() -> None:
    names = [name.casefold() for model in CATALOG.models for name in (model.key, *model.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("amazon.nova-micro-v1:0:128k", "nova-micro"),
        ("amazon.nova-micro-v1:0", "nova-micro"),
        ("cohere.command-text-v14", "cohere-command"),
        ("meta-textgeneration-llama-3-1-8b-instruct", "llama-3.1-8b-instruct"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b-instruct"),
        ("Qwen3-8B", "qwen3-8b"),
        ("aisingapore/sea-lion-7b-instruct", "sea-lion-v1-7b-instruct"),
        ("deepseek-llm-r1-distill-llama-8b", "deepseek-r1-distill-llama-8b"),
    ],
)
def test_aliases(name: str, key: str) -> None:
    assert known(name).key == key


def test_no_such_model() -> None:
    assert CATALOG.model("gpt-2") is None


def test_a_model_may_have_both_offers() -> None:
    model = known("llama-3.1-8b-instruct")
    assert model.providers == (SAGEMAKER, BEDROCK)
    assert set(model.hyperparameters) == set(model.validation) == set(model.dataset) == {SAGEMAKER, BEDROCK}
    assert model.architecture is not None


@pytest.mark.parametrize("model", CATALOG.models, ids=lambda model: model.key)
def test_every_offer_is_complete(model: FoundationModel) -> None:
    for provider in model.providers:
        names = [rule.name for rule in model.hyperparameters[provider]]
        assert {"epochs", "learningRate"} <= set(names)
        assert len(names) == len(set(names))
        assert model.validation[provider]
        assert model.dataset[provider].source
        for rule in model.hyperparameters[provider]:
            bounds = [bound for bound in (rule.minimum, rule.default, rule.maximum) if bound is not None]
            assert bounds == sorted(bounds), rule.name
            assert rule.source


@pytest.mark.parametrize(
    ("key", "provider", "hyperparameter", "wire_name", "minimum", "maximum", "default"),
    [
        ("nova-micro", BEDROCK, "epochs", "epochCount", "1", "5", "2"),
        ("nova-pro", BEDROCK, "warmupSteps", "learningRateWarmupSteps", "0", "100", "10"),
        ("nova-lite", BEDROCK, "learningRate", "learningRate", "0.000001", "0.0001", "0.00001"),
        ("llama-3.1-8b-instruct", BEDROCK, "batchSize", "batchSize", "1", "1", "1"),
        ("llama-3.1-70b-instruct", BEDROCK, "learningRate", "learningRate", "0.000005", "0.1", "0.0001"),
        ("titan-text-express", BEDROCK, "warmupSteps", "learningRateWarmupSteps", "0", "250", "5"),
        ("cohere-command", BEDROCK, "epochs", "epochCount", "1", "100", "1"),
        ("cohere-command-light", BEDROCK, "batchSize", "batchSize", "8", "32", "8"),
        ("cohere-command", BEDROCK, "earlyStopping.patience", "earlyStoppingPatience", "1", "10", "6"),
        ("llama-3.1-8b-instruct", SAGEMAKER, "epochs", "epochs", "1", "100", "5"),
    ],
)
def test_hyperparameters(
    key: str, provider: ProviderName, hyperparameter: str, wire_name: str, minimum: str, maximum: str, default: str
) -> None:
    rule = known(key).rule(provider, hyperparameter)
    assert rule is not None
    assert rule.wire_name == wire_name
    assert (rule.minimum, rule.maximum, rule.default) == (Decimal(minimum), Decimal(maximum), Decimal(default))


def test_nova_has_no_batch_size() -> None:
    assert known("nova-micro").rule(BEDROCK, "batchSize") is None


def test_only_cohere_requires_validation_data() -> None:
    required = {m.key for m in CATALOG.models if Requirement.REQUIRED in m.validation.values()}
    assert required == {"cohere-command", "cohere-command-light"}


def test_retired_models_say_why_and_what_else() -> None:
    retired = {model.key: model.retirement for model in CATALOG.models if model.retirement}
    assert set(retired) == {"titan-text-express", "titan-text-lite", "cohere-command", "cohere-command-light"}
    for retirement in retired.values():
        assert retirement.reason
        assert retirement.on is None
        successor = known(retirement.replaced_by or "")
        assert successor.retirement is None


@pytest.mark.parametrize(
    ("name", "instruct"),
    [
        ("llama-3.1-8b", "llama-3.1-8b-instruct"),
        ("meta-llama/Llama-3.2-1B", "llama-3.2-1b-instruct"),
        ("qwen3-8b-base", "qwen3-8b"),
        ("Qwen/Qwen2.5-7B", "qwen2.5-7b-instruct"),
    ],
)
def test_models_not_tuned_for_chat_point_to_their_sibling(name: str, instruct: str) -> None:
    model = known(name)
    assert not model.instruct
    assert model.instruct_variant == instruct
    assert known(instruct).instruct
    assert model not in CATALOG.models


def test_dataset_rules() -> None:
    llama = known("llama-3.1-8b-instruct").dataset[BEDROCK]
    assert (llama.min_records, llama.max_records, llama.records_count_validation) == (100, 10_000, True)
    express = known("titan-text-express").dataset[BEDROCK]
    assert [limit.tokens for limit in express.max_tokens_by_batch_size] == [4096, 2048]
    assert known("nova-micro").dataset[BEDROCK].format == "bedrock-conversation-2024"


@pytest.mark.parametrize(
    "model",
    [m for m in CATALOG.models if m.architecture and m.architecture.parameters],
    ids=lambda model: model.key,
)
def test_parameters_follow_from_the_dimensions(model: FoundationModel) -> None:
    assert model.architecture is not None
    assert _count(model.architecture) == model.architecture.parameters


def _count(a: Architecture) -> int:
    """Of a gated decoder with grouped-query attention, as the head of sagemaker_models.yaml writes it."""
    h, heads, kv, width = a.hidden_size, a.num_attention_heads, a.num_key_value_heads, a.head_dim
    bias = (heads + 2 * kv) * width if a.attention_qkv_bias else 0
    norm = 2 * width if a.qk_norm else 0
    layer = 2 * h * heads * width + 2 * h * kv * width + bias + norm + 3 * h * a.intermediate_size + 2 * h
    return a.num_hidden_layers * layer + a.vocab_size * h * (1 if a.tie_word_embeddings else 2) + h


def test_doubt_is_told() -> None:
    distilled = known("deepseek-r1-distill-qwen-1.5b").architecture
    assert distilled is not None
    assert distilled.source is not None
    assert not distilled.source.verified
    assert "tie_word_embeddings" in distilled.source.note
    assert known("qwen3.5-4b").architecture is None
