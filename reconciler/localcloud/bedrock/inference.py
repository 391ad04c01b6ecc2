"""Bedrock Runtime: conversations with whatever is ready to serve. What says the words is the cloud's runtime.

| Model id | Answer |
|---|---|
| provisioned throughput (ARN or name), deployment (ARN) that serves | the runtime's reply |
| the same while it is being created, or failed | ModelNotReadyException, 429 |
| foundation model | the runtime's reply |
| anything else, custom models that nothing serves too | ResourceNotFoundException, ValidationException |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.localcloud.bedrock.foundation import FoundationModel, find_foundation_model
from reconciler.localcloud.bedrock.identifiers import DEPLOYMENT, THROUGHPUT, foundation_arn, foundation_of
from reconciler.localcloud.bedrock.payloads import PAYLOADS, Payload, bad_input
from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.runtime import Reply
from reconciler.localcloud.service import Call

SERVING: Mapping[str, frozenset[str]] = {
    THROUGHPUT: frozenset({"InService", "Updating"}),
    DEPLOYMENT: frozenset({"Active"}),
    "bedrock:foundation-model": frozenset({"ACTIVE"}),
}
LATENCY = {"latencyMs": 1}


def converse(call: Call) -> Mapping[str, Any]:
    said = _reply(call, _host(call), _spoken(call))
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": said.text}]}},
        "stopReason": "end_turn",
        "usage": _usage(said),
        "metrics": LATENCY,
        "additionalModelResponseFields": {"simulated": said.simulated},
    }


def converse_stream(call: Call) -> Mapping[str, Any]:
    return {"stream": list(_events(_reply(call, _host(call), _spoken(call))))}


def invoke_model(call: Call) -> Mapping[str, Any]:
    return {"body": json.dumps(_invoke(call)).encode(), "contentType": "application/json"}


def invoke_model_stream(call: Call) -> Mapping[str, Any]:
    """The whole answer as one chunk."""
    chunk = {"chunk": {"bytes": json.dumps(_invoke(call)).encode()}}
    return {"body": [chunk], "contentType": "application/json"}


def _host(call: Call) -> Resource:
    """What serves this model id. Raises as the table at the top of this page says."""
    id = call.params["modelId"]
    foundation = find_foundation_model(id)
    if foundation is not None:
        return _foundation_host(foundation, call)
    host = call.find_arn(id) if id.startswith("arn:") else call.find(THROUGHPUT, id)
    if host is None or host.kind not in SERVING:
        code = "ResourceNotFoundException" if id.startswith("arn:") else "ValidationException"
        raise AwsError(code, f"The provided model identifier {id} is invalid.")
    if host.status not in SERVING[host.kind]:
        raise AwsError("ModelNotReadyException", f"Model {id} is not ready for inference: it is {host.status}.")
    call.cloud.metrics.count(call.region, "AWS/Bedrock", "Invocations", {"ModelId": host.arn}, call.now)
    return host


def _foundation_host(foundation: FoundationModel, call: Call) -> Resource:
    id = foundation.id
    facts = {"foundation": foundation.full_id}
    arn = foundation_arn(id, call.region)
    return Resource("bedrock:foundation-model", id, arn, call.region, call.now, "ACTIVE", facts=facts)


def _reply(call: Call, host: Resource, messages: Sequence[Mapping[str, Any]]) -> Reply:
    return call.cloud.runtime.reply(call.cloud, host, messages)


def _spoken(call: Call) -> list[Mapping[str, Any]]:
    """The conversation as (role, content): system texts first; blocks that are no text are left out."""
    messages = call.params.get("messages") or []
    if not messages or messages[-1]["role"] != "user":
        raise invalid("A conversation must end with a user message. Try again with a conversation that does.")
    system = [{"role": "system", "content": _text([block])} for block in call.params.get("system") or []]
    return [*system, *({"role": turn["role"], "content": _text(turn["content"])} for turn in messages)]


def _text(blocks: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(block["text"] for block in blocks if block.get("text"))


def _usage(said: Reply) -> Mapping[str, int]:
    return {
        "inputTokens": said.input_tokens,
        "outputTokens": said.output_tokens,
        "totalTokens": said.input_tokens + said.output_tokens,
    }


def _events(said: Reply) -> Iterator[Mapping[str, Any]]:
    yield {"messageStart": {"role": "assistant"}}
    for word in said.text.split(" "):
        yield {"contentBlockDelta": {"delta": {"text": f"{word} "}, "contentBlockIndex": 0}}
    yield {"contentBlockStop": {"contentBlockIndex": 0}}
    fields = {"simulated": said.simulated}
    yield {"messageStop": {"stopReason": "end_turn", "additionalModelResponseFields": fields}}
    yield {"metadata": {"usage": _usage(said), "metrics": LATENCY}}


def _invoke(call: Call) -> Mapping[str, Any]:
    host = _host(call)
    payload = _payload(host)
    try:
        messages = payload.read(json.loads(call.params.get("body") or b""))
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise bad_input(payload) from wrong
    said = _reply(call, host, messages)
    return {**payload.write(said), "simulated": said.simulated}


def _payload(host: Resource) -> Payload:
    return PAYLOADS[foundation_of(host).id.partition("-")[0]]
