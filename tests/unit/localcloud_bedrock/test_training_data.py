"""What passes as training data, and how its faults are told."""

import json
from typing import Any

import pytest

from reconciler.localcloud.bedrock.foundation import find_foundation_model
from reconciler.localcloud.bedrock.training_data import InvalidData, check_records

TITAN = "amazon.titan-text-express-v1:0"
NOVA = "amazon.nova-micro-v1:0"


def lines(*records: Any) -> list[bytes]:
    return [json.dumps(record).encode() + b"\n" for record in records]


def check(data: list[bytes], base: str, customization: str = "FINE_TUNING") -> int:
    model = find_foundation_model(base)
    assert model is not None
    return check_records(data, model=model, customization=customization)


def conversation(*roles: str) -> dict[str, Any]:
    messages = [{"role": role, "content": [{"text": "hi"}]} for role in roles]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": messages}


def test_counts_records_and_ignores_blank_lines() -> None:
    pair = {"prompt": "a", "completion": "b"}
    assert check([*lines(pair, pair), b"\n"], TITAN) == 2


def test_takes_conversations() -> None:
    assert check(lines(*[conversation("user", "assistant")] * 8), NOVA) == 8


def test_takes_plain_text_for_continued_pre_training() -> None:
    assert check(lines({"input": "text"}), TITAN, "CONTINUED_PRE_TRAINING") == 1


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({"prompt": "a"}, "line 1: `completion` must be a non-empty string"),
        ({"prompt": "", "completion": "b"}, "line 1: `prompt`"),
        (["a"], "line 1: not a JSON object"),
        (conversation("user", "assistant"), "`prompt` must be"),
    ],
)
def test_refuses_bad_pairs(record: Any, complaint: str) -> None:
    with pytest.raises(InvalidData, match=complaint):
        check(lines(record), TITAN)


@pytest.mark.parametrize(
    "record",
    [
        conversation("user"),
        conversation("assistant", "user"),
        conversation("user", "user"),
        {**conversation("user", "assistant"), "schemaVersion": "1"},
        {"schemaVersion": "bedrock-conversation-2024", "messages": ["hi"]},
        {"schemaVersion": "bedrock-conversation-2024", "messages": [{"role": "user"}, {"role": "assistant"}]},
        {"prompt": "a", "completion": "b"},
    ],
)
def test_refuses_bad_conversations(record: Any) -> None:
    good = [conversation("user", "assistant")] * 8
    with pytest.raises(InvalidData, match="line 9: "):
        check(lines(*good, record), NOVA)


def test_refuses_what_nova_reserves() -> None:
    record = conversation("user", "assistant")
    record["messages"][0]["content"] = [{"text": "User: hi <image>"}]
    with pytest.raises(InvalidData, match="line 1: Nova Micro does not allow User:, <image> in a text"):
        check(lines(record), NOVA)
    check(lines(record), "meta.llama3-3-70b-instruct-v1:0")


def test_names_bad_json_by_its_line() -> None:
    with pytest.raises(InvalidData, match="line 2: not valid JSON"):
        check([*lines({"prompt": "a", "completion": "b"}), b"{oops\n", b"\xff\xfe\n"], TITAN)


def test_counts_too_few_and_too_many() -> None:
    with pytest.raises(InvalidData, match="1 records found, Nova Micro needs at least 8"):
        check(lines(conversation("user", "assistant")), NOVA)
    with pytest.raises(InvalidData, match="takes at most 10000"):
        check(lines({"prompt": "a", "completion": "b"}) * 10_001, "cohere.command-text-v14:7")
    with pytest.raises(InvalidData, match="0 records found"):
        check([], TITAN)


def test_shows_the_first_problems_and_counts_the_rest() -> None:
    with pytest.raises(InvalidData, match=r"\(and 15 more\)$"):
        check(lines(*[{}] * 10), TITAN)
