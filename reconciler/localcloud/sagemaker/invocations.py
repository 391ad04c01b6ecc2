"""SageMaker Runtime: prompts to endpoints in service, in the shape that OpenAI's chat completions have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.runtime import Invocation, Invoked, Invoker, Reply
from reconciler.localcloud.sagemaker.kinds import ENDPOINT, arn
from reconciler.localcloud.service import Call, Later

SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})
"""An endpoint that is updated goes on serving."""
JSON = "application/json"


def invoke_endpoint(call: Call) -> dict[str, Any] | Later:
    endpoint = _serving(call)
    really = call.cloud.runtime.invoker(call.cloud, endpoint, _variant(call, endpoint))
    if really is not None:
        return Later(lambda: _whole(call, endpoint, really))
    body = json.dumps(_completion(call, endpoint, _ask(call, endpoint)))
    return {"Body": body, "ContentType": JSON, "InvokedProductionVariant": _variant(call, endpoint)}


def invoke_with_response_stream(call: Call) -> dict[str, Any] | Later:
    """Server-sent events, one for each word, as text generation containers send them."""
    endpoint = _serving(call)
    really = call.cloud.runtime.invoker(call.cloud, endpoint, _variant(call, endpoint))
    if really is not None:
        return Later(lambda: _in_parts(call, endpoint, really))
    reply = _ask(call, endpoint)
    return {
        "Body": [{"PayloadPart": {"Bytes": part}} for part in _events(call, endpoint, reply)],
        "ContentType": "text/event-stream",
        "InvokedProductionVariant": _variant(call, endpoint),
    }


def _whole(call: Call, endpoint: Resource, really: Invoker) -> dict[str, Any]:
    with closing(really(_invocation(call))) as invoked:
        try:
            body = b"".join(invoked)
        except OSError as broken:
            raise container_error(0, f"the answer broke off: {broken}") from broken
    return _told(call, endpoint, invoked) | {"Body": body}


def _in_parts(call: Call, endpoint: Resource, really: Invoker) -> dict[str, Any]:
    invoked = really(_invocation(call))
    return _told(call, endpoint, invoked) | {"Body": Parts(invoked)}


class Parts:
    """The container's answer as the events of a stream."""

    def __init__(self, invoked: Invoked) -> None:
        self._invoked = invoked

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return ({"PayloadPart": {"Bytes": part}} for part in self._invoked)

    def close(self) -> None:
        self._invoked.close()


def _invocation(call: Call) -> Invocation:
    return Invocation(
        body=call.params.get("Body") or b"",
        content_type=call.params.get("ContentType"),
        accept=call.params.get("Accept"),
        custom_attributes=call.params.get("CustomAttributes"),
    )


def _told(call: Call, endpoint: Resource, invoked: Invoked) -> dict[str, Any]:
    return {
        "ContentType": invoked.content_type,
        "CustomAttributes": invoked.custom_attributes,
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
    dimensions = {"EndpointName": name, "VariantName": _variant(call, endpoint)}
    call.cloud.metrics.count(call.region, "AWS/SageMaker", "Invocations", dimensions, call.now)
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
    return container_error(400, problem)


def container_error(status: int, message: str) -> AwsError:
    """What a client gets of a container that answers with an error, or (status 0) not at all."""
    whose = "client" if 400 <= status < 500 else "server"
    text = f'Received {whose} error ({status}) from primary with message "{message}".'
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
        "usage": _usage(reply),
        "simulated": reply.simulated,
    }


def _usage(reply: Reply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }


def _events(call: Call, endpoint: Resource, reply: Reply) -> Iterator[bytes]:
    words = reply.text.split(" ")
    for number, word in enumerate(words):
        delta = {"content": word if number == 0 else f" {word}"}
        yield _event(endpoint, reply, {"choices": [_choice(delta, finish=None)]})
    yield _event(endpoint, reply, {"choices": [_choice({}, finish="stop")]})
    if _wants_usage(call.params.get("Body") or b""):
        yield _event(endpoint, reply, {"choices": [], "usage": _usage(reply)})
    yield b"data: [DONE]\n\n"


def _wants_usage(body: bytes) -> bool:
    """OpenAI's `stream_options.include_usage`: one more chunk, without choices."""
    options = json.loads(body).get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True


def _choice(delta: Mapping[str, str], *, finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _event(endpoint: Resource, reply: Reply, told: Mapping[str, Any]) -> bytes:
    head = {"object": "chat.completion.chunk", "model": endpoint.name}
    chunk = {**head, **told, "simulated": reply.simulated}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
