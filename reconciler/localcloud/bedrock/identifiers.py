"""Finding what a caller names: by name or ARN; and which foundation model stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.localcloud.bedrock.foundation import FoundationModel, find_foundation_model
from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call
from reconciler.localcloud.world import World

JOB = "bedrock:model-customization-job"
MODEL = "bedrock:custom-model"
THROUGHPUT = "bedrock:provisioned-model"
DEPLOYMENT = "bedrock:custom-model-deployment"


@dataclass(frozen=True)
class Base:
    """What a training or a throughput builds on: a foundation model, or a custom model made from one."""

    foundation: FoundationModel
    custom: Resource | None = None

    def arn(self, region: str) -> str:
        return self.custom.arn if self.custom else foundation_arn(self.foundation.full_id, region)


def named(call: Call, kind: str, identifier: str) -> Resource:
    """By name or ARN. Raises ResourceNotFoundException."""
    found = call.find_arn(identifier) if identifier.startswith("arn:") else call.find(kind, identifier)
    if found is None or found.kind != kind:
        what = kind.partition(":")[2].replace("-", " ")
        raise AwsError("ResourceNotFoundException", f"The provided {what} identifier {identifier} is not found.")
    return found


def base_of(call: Call, identifier: str) -> Base:
    """A foundation model by id or ARN, or a custom model by name or ARN. Raises ValidationException."""
    foundation = find_foundation_model(identifier)
    if foundation is not None:
        return Base(foundation)
    try:
        custom = named(call, MODEL, identifier)
    except AwsError as missing:
        raise invalid(f"The provided model identifier {identifier} is invalid.") from missing
    return Base(foundation_of(custom), custom)


def foundation_of(resource: Resource) -> FoundationModel:
    """The foundation model at the root of a job, custom model, throughput or deployment."""
    foundation = find_foundation_model(resource.facts["foundation"])
    assert foundation is not None, resource.facts["foundation"]
    return foundation


def foundation_arn(full_id: str, region: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{full_id}"


def own_arn(world: World, region: str, path: str) -> str:
    """An ARN of the account, ending in twelve lower-case letters and digits."""
    return f"arn:aws:bedrock:{region}:{world.account}:{path}/{world.new_id()}"


def once(call: Call, create: Callable[[Call], Resource]) -> str:
    """The ARN that this `clientRequestToken` made, or that of a new resource.

    A token is remembered for as long as what it made exists (AWS does not say for how long).
    """
    token = call.params.get("clientRequestToken")
    key = (call.region, call.service, call.operation, token or "")
    known = call.world.tokens.get(key) if token else None
    if known is not None and call.world.by_arn(known) is not None:
        return known
    arn = create(call).arn
    if token:
        call.world.tokens[key] = arn
    return arn
