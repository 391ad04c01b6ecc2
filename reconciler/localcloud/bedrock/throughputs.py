"""Provisioned throughputs: model units that serve one model, paid by the hour, with or without a commitment.

| Status | Next |
|---|---|
| Creating | InService, Failed |
| InService | Updating (another model), gone (deleted) |
| Updating | InService, Failed |
| Failed | gone (deleted) |

The number of units never changes. Before its term is over, a throughput with a commitment cannot be deleted; a month is
30 days here. Not enforced: the account's quotas of model units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.bedrock import durations
from reconciler.localcloud.bedrock.identifiers import (
    THROUGHPUT,
    Base,
    base_of,
    foundation_arn,
    named,
    once,
    own_arn,
)
from reconciler.localcloud.bedrock.lists import CREATION_TIME, listing, status_equals
from reconciler.localcloud.bedrock.tags import tags_of
from reconciler.localcloud.clock import moment
from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call, Cloud

MONTHS: Mapping[str, int] = {"OneMonth": 1, "SixMonths": 6}


def create_throughput(call: Call) -> Mapping[str, Any]:
    return {"provisionedModelArn": once(call, _create)}


def get_throughput(call: Call) -> Mapping[str, Any]:
    throughput = named(call, THROUGHPUT, call.params["provisionedModelId"])
    return {**throughput_row(throughput), "failureMessage": throughput.failure} | {
        "foundationModelArn": foundation_arn(throughput.facts["foundation"], throughput.region)
    }


def update_throughput(call: Call) -> None:
    throughput = named(call, THROUGHPUT, call.params["provisionedModelId"])
    if throughput.status != "InService":
        raise invalid(f"The Provisioned Throughput {throughput.name} is {throughput.status} and cannot be updated.")
    model_id, name = call.params.get("desiredModelId"), call.params.get("desiredProvisionedModelName")
    base = _servable(call, model_id) if model_id else None
    if base is not None and base.foundation.full_id != throughput.facts["foundation"]:
        raise invalid(f"{model_id} is not made from {throughput.facts['foundation']}, as the current model is.")
    if name and name != throughput.name:
        _rename(call, throughput, name)
    if base is not None:
        _switch(call, throughput, base.arn(call.region))


def delete_throughput(call: Call) -> None:
    throughput = named(call, THROUGHPUT, call.params["provisionedModelId"])
    if throughput.status in ("Creating", "Updating"):
        raise AwsError("ConflictException", f"The Provisioned Throughput {throughput.name} is {throughput.status}.")
    end = _commitment_end(throughput)
    if end is not None and end > call.now:
        raise AwsError(
            "ConflictException",
            f"The Provisioned Throughput {throughput.name} cannot be deleted before its commitment ends at "
            f"{moment(end):%Y-%m-%dT%H:%M:%SZ}.",
        )
    call.world.drop(throughput)


def _create(call: Call) -> Resource:
    name = call.params["provisionedModelName"]
    base = _servable(call, call.params["modelId"])
    _check_name(call, name)
    throughput = call.world.add(
        Resource(
            kind=THROUGHPUT,
            name=name,
            arn=own_arn(call.world, call.region, "provisioned-model"),
            region=call.region,
            created=call.now,
            status="Creating",
            spec=dict(call.params),
            tags=tags_of(call.params.get("tags")),
            facts={
                "foundation": base.foundation.full_id,
                "model_arn": base.arn(call.region),
                "desired_model_arn": base.arn(call.region),
            },
        )
    )
    _plan(call, throughput, durations.THROUGHPUT_CREATION)
    return throughput


def _servable(call: Call, model_id: str) -> Base:
    """The model to serve. Raises ResourceNotFoundException, or ValidationException while it is not Active."""
    try:
        base = base_of(call, model_id)
    except AwsError as missing:
        raise AwsError("ResourceNotFoundException", f"The model {model_id} is not found.") from missing
    if base.custom is not None and base.custom.status != "Active":
        raise invalid(f"The model {model_id} is {base.custom.status}, not Active.")
    return base


def _check_name(call: Call, name: str) -> None:
    if call.world.find(call.region, THROUGHPUT, name):
        raise invalid(f"A Provisioned Throughput with the name {name} already exists.")


def _rename(call: Call, throughput: Resource, name: str) -> None:
    """The table is keyed by name; nothing else knows it."""
    _check_name(call, name)
    table = call.world.table(call.region, THROUGHPUT)
    del table[throughput.name]
    throughput.name, throughput.updated = name, call.now
    table[name] = throughput


def _switch(call: Call, throughput: Resource, model_arn: str) -> None:
    throughput.facts["desired_model_arn"] = model_arn
    throughput.enter("Updating", call.now)
    _plan(call, throughput, durations.THROUGHPUT_UPDATE)


def _plan(call: Call, throughput: Resource, duration: float) -> None:
    fault = call.fate("fail", "capacity", "rollback")
    if fault is None:
        call.world.at(call.now + duration, throughput, "bedrock.throughput.ready")
    elif fault.kind == "rollback":
        call.world.at(call.now + fault.at * duration, throughput, "bedrock.throughput.rolled_back")
    else:
        call.world.at(call.now + fault.at * duration, throughput, "bedrock.throughput.failed", reason=fault.message)


def ready(_: Cloud, throughput: Resource, at: float, __: Mapping[str, Any]) -> None:
    throughput.facts["model_arn"] = throughput.facts["desired_model_arn"]
    throughput.enter("InService", at)


def failed(_: Cloud, throughput: Resource, at: float, data: Mapping[str, Any]) -> None:
    throughput.enter("Failed", at, failure=data["reason"])


def rolled_back(_: Cloud, throughput: Resource, at: float, __: Mapping[str, Any]) -> None:
    """In service again, silently with the model from before."""
    throughput.facts["desired_model_arn"] = throughput.facts["model_arn"]
    throughput.enter("InService", at)


def throughput_row(throughput: Resource) -> Mapping[str, Any]:
    units = throughput.spec["modelUnits"]
    return {
        "provisionedModelName": throughput.name,
        "provisionedModelArn": throughput.arn,
        "modelArn": throughput.facts["model_arn"],
        "desiredModelArn": throughput.facts["desired_model_arn"],
        "foundationModelArn": foundation_arn(throughput.facts["foundation"], throughput.region),
        "modelUnits": units,
        "desiredModelUnits": units,
        "status": throughput.status,
        "commitmentDuration": throughput.spec.get("commitmentDuration"),
        "commitmentExpirationTime": moment(_commitment_end(throughput)),
        "creationTime": moment(throughput.created),
        "lastModifiedTime": moment(throughput.updated),
    }


def _commitment_end(throughput: Resource) -> float | None:
    commitment = throughput.spec.get("commitmentDuration")
    return None if commitment is None else throughput.created + MONTHS[commitment] * durations.MONTH


list_throughputs = listing(
    THROUGHPUT,
    "provisionedModelSummaries",
    throughput_row,
    {
        **CREATION_TIME,
        "statusEquals": status_equals,
        "modelArnEquals": lambda throughput, arn: throughput.facts["model_arn"] == arn,
    },
)
