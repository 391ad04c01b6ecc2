"""Bedrock Runtime: who answers, and that the answer says it is simulated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.localcloud_bedrock.embedded import DAY, TITAN, Embedded, refused

HELLO: list[Any] = [{"role": "user", "content": [{"text": "hello"}]}]


def test_a_deployment_converses_once_it_is_active(aws: Embedded) -> None:
    arn = aws.deploy(aws.train())
    with refused("ModelNotReadyException", "Creating", status=429):
        aws.runtime.converse(modelId=arn, messages=HELLO)
    aws.cloud.advance(DAY)
    answer = aws.runtime.converse(modelId=arn, messages=HELLO, system=[{"text": "be brief"}])
    assert "simulated" in answer["output"]["message"]["content"][0]["text"]
    assert answer["additionalModelResponseFields"] == {"simulated": True}
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] > 0


def test_a_throughput_goes_on_answering_while_it_takes_another_model(aws: Embedded) -> None:
    old, new = aws.train("job-1"), aws.train("job-2")
    arn = aws.provision(old)
    aws.cloud.advance(DAY)
    aws.bedrock.update_provisioned_model_throughput(provisionedModelId=arn, desiredModelId=new)
    assert aws.runtime.converse(modelId=arn, messages=HELLO)["stopReason"] == "end_turn"


def test_streams_the_same_answer(aws: Embedded) -> None:
    whole = aws.runtime.converse(modelId="amazon.nova-micro-v1:0", messages=HELLO)
    events = list(aws.runtime.converse_stream(modelId="amazon.nova-micro-v1:0", messages=HELLO)["stream"])
    text = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    assert text.strip() == whole["output"]["message"]["content"][0]["text"]
    assert [next(iter(event)) for event in (events[0], events[-1])] == ["messageStart", "metadata"]


@pytest.mark.parametrize(
    ("model", "body", "path"),
    [
        ("amazon.nova-lite-v1:0", {"messages": HELLO}, ["output", "message", "content", 0, "text"]),
        (TITAN, {"inputText": "hello"}, ["results", 0, "outputText"]),
        ("cohere.command-text-v14:7", {"prompt": "hello"}, ["generations", 0, "text"]),
        ("meta.llama3-1-8b-instruct-v1:0", {"prompt": "hello"}, ["generation"]),
    ],
)
def test_each_family_has_its_own_body(aws: Embedded, model: str, body: dict[str, Any], path: list[Any]) -> None:
    answer = json.loads(aws.runtime.invoke_model(modelId=model, body=json.dumps(body))["body"].read())
    assert answer["simulated"] is True
    for step in path:
        answer = answer[step]
    assert "simulated" in answer
    (chunk,) = aws.runtime.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))["body"]
    assert json.loads(chunk["chunk"]["bytes"])["simulated"] is True


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"messages": [{"role": "user", "content": 5}]}'])
def test_a_malformed_body_is_told(aws: Embedded, body: bytes) -> None:
    with refused("ValidationException", "Malformed input request"):
        aws.runtime.invoke_model(modelId="amazon.nova-micro-v1:0", body=body)


def test_refuses_what_serves_nothing(aws: Embedded) -> None:
    model = aws.train()
    with refused("ValidationException", "'modelId' failed to satisfy constraint"):
        aws.runtime.invoke_model(modelId=model, body=b"{}")
    with refused("ValidationException", "is invalid"):
        aws.runtime.converse(modelId="job-1-model", messages=HELLO)
    with refused("ResourceNotFoundException", status=404):
        aws.runtime.converse(
            modelId="arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl", messages=HELLO
        )
    with refused("ValidationException", "is invalid"):
        aws.runtime.converse(modelId="no-such-model", messages=HELLO)
    with refused("ValidationException", "must end with a user message"):
        aws.runtime.converse(
            modelId="amazon.nova-micro-v1:0", messages=[*HELLO, {"role": "assistant", "content": [{"text": "hi"}]}]
        )
