"""GetFoundationModel, ListFoundationModels. A customizable variant is listed beside the plain one, as AWS lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.localcloud.bedrock.foundation import FOUNDATION_MODELS, FoundationModel
from reconciler.localcloud.bedrock.identifiers import foundation_arn
from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.service import Call


def get_foundation_model(call: Call) -> Mapping[str, Any]:
    wanted = call.params["modelIdentifier"].rpartition("foundation-model/")[2]
    details = next((view for view in _offered(call.region) if view["modelId"] == wanted), None)
    if details is None:
        raise AwsError("ResourceNotFoundException", f"The foundation model {wanted} is not found.")
    return {"modelDetails": details}


def list_foundation_models(call: Call) -> Mapping[str, Any]:
    """The four filters are AND-ed; the list has no pages."""
    fits: Mapping[str, Callable[[Mapping[str, Any], str], bool]] = {
        "byProvider": lambda view, value: view["providerName"].lower() == value.lower(),
        "byCustomizationType": lambda view, value: value in view["customizationsSupported"],
        "byOutputModality": lambda view, value: value in view["outputModalities"],
        "byInferenceType": lambda view, value: value in view["inferenceTypesSupported"],
    }
    asked = {key: call.params[key] for key in fits if call.params.get(key)}
    views = (view for view in _offered(call.region) if all(fits[key](view, value) for key, value in asked.items()))
    return {"modelSummaries": list(views)}


def _offered(region: str) -> Iterator[dict[str, Any]]:
    for model in FOUNDATION_MODELS:
        yield _view(model, model.id, region, customizations=(), inference="ON_DEMAND")
        yield _view(model, model.full_id, region, customizations=model.customizations, inference="PROVISIONED")


def _view(
    model: FoundationModel, id: str, region: str, *, customizations: tuple[str, ...], inference: str
) -> dict[str, Any]:
    return {
        "modelArn": foundation_arn(id, region),
        "modelId": id,
        "modelName": model.name,
        "providerName": model.provider,
        "inputModalities": list(model.input_modalities),
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": True,
        "customizationsSupported": list(customizations),
        "inferenceTypesSupported": [inference],
        "modelLifecycle": {"status": "LEGACY" if model.legacy else "ACTIVE"},
    }
