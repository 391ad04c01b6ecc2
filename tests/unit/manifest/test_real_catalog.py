"""The checks with the catalog that is released: the issue is not which figure it has, but that the two fit together."""

import pytest

from reconciler.catalog import load as load_catalog
from reconciler.domain.catalog import FoundationModel, ProviderName, Requirement
from reconciler.manifest.load import SourceFile, load
from tests.unit.manifest.manifests import AWS, PROJECT, a_model

CATALOG = load_catalog()
OFFERS = [(model, provider) for model in CATALOG.models for provider in model.providers]


@pytest.mark.parametrize(("base", "provider"), OFFERS, ids=lambda value: getattr(value, "key", value))
def test_every_base_model_can_be_declared_with_nothing_but_its_data(
    base: FoundationModel, provider: ProviderName
) -> None:
    validation = ", validation: {split: 10%}" if base.validation[provider] is Requirement.REQUIRED else ""
    text = a_model(f"baseModel: {base.key}\nprovider: {provider}\ndataset: {{training: data/a.csv{validation}}}\n")
    files = [SourceFile(path="reconciler.yaml", text=PROJECT), SourceFile(path="bot.yaml", text=text)]
    result = load(files, CATALOG)
    assert [problem for problem in result.diagnostics if problem.is_error] == []
    assert result.configuration is not None
    assert result.configuration.models[0].hyperparameters.epochs is not None


RETIRED = [model for model in CATALOG.models if model.retirement]


@pytest.mark.parametrize("base", RETIRED, ids=lambda model: model.key)
def test_what_aws_has_retired_is_refused_there(base: FoundationModel) -> None:
    text = a_model(f"baseModel: {base.key}\ndataset: {{training: a/b, validation: {{split: 10%}}}}\n")
    files = [SourceFile(path="reconciler.yaml", text=AWS), SourceFile(path="bot.yaml", text=text)]
    assert [problem.code for problem in load(files, CATALOG).diagnostics] == ["retired-base-model"]
    assert load(files, CATALOG, allow=["retired-base-model"]).configuration is not None


def test_the_original_products_retired_models_are_among_them() -> None:
    assert {"titan-text-express", "titan-text-lite", "cohere-command", "cohere-command-light"} <= {
        base.key for base in RETIRED
    }


def test_a_base_variant_is_refused_with_its_instruct_sibling() -> None:
    text = a_model("baseModel: llama-3.1-8b\nprovider: sagemaker\ndataset: {training: a/b}\n")
    files = [SourceFile(path="reconciler.yaml", text=PROJECT), SourceFile(path="bot.yaml", text=text)]
    [problem] = load(files, CATALOG).diagnostics
    assert problem.code == "not-instruct-model"
    assert "llama-3.1-8b-instruct" in problem.hint


def test_a_system_prompt_needs_training_data_with_room_for_one() -> None:
    def told(base: str) -> list[str]:
        spec = f"baseModel: {base}\ndataset: {{training: data/a.csv, systemPrompt: Be brief.}}\n"
        files = [SourceFile(path="reconciler.yaml", text=PROJECT), SourceFile(path="m.yaml", text=a_model(spec))]
        loaded = load(files, load_catalog())
        prompts = [model.system_prompt for model in loaded.configuration.models] if loaded.configuration else []
        return [*(problem.code for problem in loaded.diagnostics if problem.is_error), *prompts]

    assert told("nova-lite") == ["Be brief."]
    assert told("llama-3.1-8b-instruct\nprovider: bedrock") == ["system-prompt-unsupported"]
