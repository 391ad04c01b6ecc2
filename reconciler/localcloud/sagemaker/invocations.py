"""SageMaker Runtime: prompts to endpoints in service, in the shape that OpenAI's chat completions have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.runtime import Reply
from reconciler.localcloud.sagemaker.kinds import ENDPOINT, arn
from reconciler.localcloud.service import Call

SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})
"""An endpoint that is updated goes on serving."""
JSON = "application/json"


def invoke_endpoint(call: Call) -> dict[str, Any]:
    endpoint = _serving(call)
    body = json.dumps(_completion(call, endpoint, _ask(call, endpoint)))
    return {"Body": body, "ContentType": JSON, "InvokedProductionVariant": _variant(call, endpoint)}


def invoke_with_response_stream(call: Call) -> dict[str, Any]:
    """Server-sent events, one for each word, as text generation containers send them."""
    endpoint = _serving(call)
    reply = _ask(call, endpoint)
    return {
        "Body": [{"PayloadPart": {"Bytes": part}} for part in _events(call, endpoint, reply)],
        "ContentType": "text/event-stream",
        "InvokedProductionVariant": _variant(call, endpoint),
    }


def _serving(call: Call) -> Resource:
    """Raises ValidationError, which this API says instead of ValidationException."""
    name = call.params["EndpointName"]
    endpoint = call.find(ENDPOINT, name)
    if endpoint is None:
        text = f"Endpoint {name} of account {call.world.account} not found."
        raise AwsError("ValidationError", text)
    if endpoint.status not in SERVING:
        text = f'Endpoint "{arn(call, ENDPOINT, name)}" is in status {endpoint.status}; it takes no requests.'
        raise AwsError("ValidationError", text)
    _variant(call, endpoint)
    return endpoint


def _variant(call: Call, endpoint: Resource) -> str:
    names = [variant["VariantName"] for variant in endpoint.facts["variants"]]
    wanted = call.params.get("TargetVariant") or names[0]
    if wanted not in names:
        raise AwsError("ValidationError", f"Variant {wanted} not found for endpoint {endpoint.name}.")
    return str(wanted)


def _ask(call: Call, endpoint: Resource) -> Reply:
    return call.cloud.runtime.reply(call.cloud, endpoint, messages(call.params.get("Body") or b""))


def messages(body: bytes) -> Sequence[Mapping[str, Any]]:
    """The conversation in a request: `messages`, else `inputs` or `prompt` as one user message. Raises ModelError."""
    try:
        request = json.loads(body)
    except ValueError as wrong:
        raise _model_error(f"the request is not JSON: {wrong}") from wrong
    if not isinstance(request, Mapping):
        raise _model_error("the request is not a JSON object")
    given = request.get("messages")
    if isinstance(given, list) and all(isinstance(message, Mapping) for message in given):
        return given
    prompt = request.get("inputs", request.get("prompt"))
    if not isinstance(prompt, str):
        raise _model_error("the request has neither messages, inputs nor prompt")
    return [{"role": "user", "content": prompt}]


def _model_error(problem: str) -> AwsError:
    text = f'Received client error (400) from primary with message "{problem}".'
    return AwsError("ModelError", text, status=424)


def _completion(call: Call, endpoint: Resource, reply: Reply) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{call.world.new_id(24)}",
        "object": "chat.completion",
        "created": int(call.now),
        "model": endpoint.name,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": reply.text}, "finish_reason": "stop"},
        ],
        "usage": {
            "prompt_tokens": reply.input_tokens,
            "completion_tokens": reply.output_tokens,
            "total_tokens": reply.input_tokens + reply.output_tokens,
        },
        "simulated": reply.simulated,
    }


def _events(call: Call, endpoint: Resource, reply: Reply) -> Iterator[bytes]:
    words = reply.text.split(" ")
    for number, word in enumerate(words):
        delta = {"content": word if number == 0 else f" {word}"}
        yield _event(endpoint, delta, finish=None, simulated=reply.simulated)
    yield _event(endpoint, {}, finish="stop", simulated=reply.simulated)
    yield b"data: [DONE]\n\n"


def _event(endpoint: Resource, delta: Mapping[str, str], *, finish: str | None, simulated: bool) -> bytes:
    chunk = {
        "object": "chat.completion.chunk",
        "model": endpoint.name,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        "simulated": simulated,
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
