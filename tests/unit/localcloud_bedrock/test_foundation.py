"""The table of foundation models."""

import pytest

from reconciler.localcloud.bedrock.foundation import FOUNDATION_MODELS, find_foundation_model


def test_ids_are_unique() -> None:
    ids = [id for model in FOUNDATION_MODELS for id in model.ids]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "identifier",
    [
        "amazon.nova-micro-v1:0",
        "amazon.nova-micro-v1:0:128k",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k",
    ],
)
def test_is_found_by_either_id_and_by_arn(identifier: str) -> None:
    found = find_foundation_model(identifier)
    assert found is not None
    assert found.full_id == "amazon.nova-micro-v1:0:128k"


def test_older_models_have_a_plain_id_without_a_version() -> None:
    found = find_foundation_model("amazon.titan-text-lite-v1")
    assert found is not None
    assert found.full_id == "amazon.titan-text-lite-v1:0:4k"
    assert find_foundation_model("amazon.titan-text-lite-v1:0") is found


def test_unknown_is_none() -> None:
    assert find_foundation_model("amazon.nova-micro-v1:0:300k") is None


def test_only_some_bases_are_served_on_demand() -> None:
    assert {model.name for model in FOUNDATION_MODELS if model.on_demand} == {
        "Nova Micro",
        "Nova Lite",
        "Nova Pro",
        "Nova 2 Lite",
        "Llama 3.3 70B",
    }


def test_names_fit_the_service_model() -> None:
    assert all(len(model.name) <= 20 and len(model.provider) <= 20 for model in FOUNDATION_MODELS)
