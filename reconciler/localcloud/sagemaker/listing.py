"""ListTrainingJobs, ListModels, ListEndpointConfigs, ListEndpoints: filtered, sorted, in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.localcloud.paging import page
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.sagemaker import endpoints, inference, training
from reconciler.localcloud.sagemaker.kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL, TRAINING_JOB
from reconciler.localcloud.service import Call, Operation

PAGE = 10
SORT_KEYS: Mapping[str, Callable[[Resource], Any]] = {
    "Name": lambda resource: resource.name,
    "CreationTime": lambda resource: (resource.created, resource.name),
    "Status": lambda resource: (resource.status, resource.name),
}


def lister(
    kind: str,
    member: str,
    summary: Callable[[Resource], dict[str, Any]],
    *,
    order: str = "Descending",
    status_last: bool = False,
) -> Operation:
    """A List operation. `order` is the one that holds when the client names none: it differs from API to API.

    With `status_last`, a status is looked at after the page was cut: a page may be empty and yet have a next one.
    """

    def list_resources(call: Call) -> dict[str, Any]:
        status = call.params.get("StatusEquals")
        kept = [
            one for one in call.all(kind) if _keeps(one, call.params) and (status_last or status in (None, one.status))
        ]
        descending = call.params.get("SortOrder", order) == "Descending"
        kept.sort(key=SORT_KEYS[call.params.get("SortBy", "CreationTime")], reverse=descending)
        shown, token = page(kept, call.params.get("NextToken"), call.params.get("MaxResults"), default=PAGE)
        return {member: [summary(one) for one in shown if status in (None, one.status)], "NextToken": token}

    return list_resources


def _keeps(resource: Resource, params: Mapping[str, Any]) -> bool:
    bounds = {name: params[name].timestamp() for name in BOUNDS if params.get(name) is not None}
    named = params.get("NameContains", "") in resource.name
    return named and all(BOUNDS[name](resource, bound) for name, bound in bounds.items())


BOUNDS: Mapping[str, Callable[[Resource, float], bool]] = {
    "CreationTimeAfter": lambda resource, bound: resource.created > bound,
    "CreationTimeBefore": lambda resource, bound: resource.created < bound,
    "LastModifiedTimeAfter": lambda resource, bound: resource.updated > bound,
    "LastModifiedTimeBefore": lambda resource, bound: resource.updated < bound,
}

list_training_jobs = lister(TRAINING_JOB, "TrainingJobSummaries", training.summary, order="Ascending", status_last=True)
list_models = lister(MODEL, "Models", inference.model_summary)
list_endpoint_configs = lister(ENDPOINT_CONFIG, "EndpointConfigs", inference.config_summary)
list_endpoints = lister(ENDPOINT, "Endpoints", endpoints.summary)
