"""What a body asks for, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.serving.requests import Ask, BadRequest, Sampling, parse

HELLO = [{"role": "user", "content": "Hello"}]


def parsed(**body: Any) -> Ask:
    return parse(json.dumps(body).encode())


def test_a_chat_with_everything() -> None:
    ask = parsed(
        messages=[{"role": "system", "content": "Be brief."}, *HELLO],
        max_tokens=12,
        temperature=0,
        top_p=0.9,
        stop=["\n", "END"],
        seed=7,
        stream=True,
        stream_options={"include_usage": True},
        model="whatever",
        n=1,
        frequency_penalty=0,
    )
    assert ask == Ask(
        messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}),
        sampling=Sampling(max_tokens=12, temperature=0, top_p=0.9, stop=("\n", "END"), seed=7),
        stream=True,
        usage_apart=True,
    )


def test_the_newer_name_of_max_tokens_wins() -> None:
    assert parsed(messages=HELLO, max_tokens=5, max_completion_tokens=9).sampling.max_tokens == 9


def test_what_is_null_was_not_said() -> None:
    assert parsed(messages=HELLO, max_tokens=None, stop=None, tools=None) == Ask(messages=(HELLO[0],))


def test_parts_of_type_text_are_one_text() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    assert parsed(messages=[{"role": "user", "content": parts}]).messages == (HELLO[0],)


@pytest.mark.parametrize(
    ("parameters", "temperature"),
    [
        ({}, 0.0),
        ({"do_sample": False, "temperature": 0.7}, 0.0),
        ({"do_sample": True}, 1.0),
        ({"do_sample": True, "temperature": 0.7}, 0.7),
        ({"temperature": 0.7}, 0.7),
    ],
)
def test_inputs_are_answered_greedily_unless_sampling_is_asked_for(
    parameters: dict[str, Any], temperature: float
) -> None:
    ask = parsed(inputs="Once", parameters={"max_new_tokens": 3, **parameters})
    assert ask == Ask(prompt="Once", sampling=Sampling(max_tokens=3, temperature=temperature))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "neither `messages` nor `inputs`"),
        (b'{"messages": []}', "must be a list that is not empty"),
        (b'{"messages": "Hello"}', "must be a list that is not empty"),
        (b'{"messages": null}', "must be a list that is not empty"),
        (b'{"messages": [{"content": "Hello"}]}', "`messages[0]` must be an object with `role` and `content`"),
        (b'{"messages": [{"role": "user"}]}', "`messages[0].content` must be a text"),
        (b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}', "`messages[0].content`"),
        (b'{"inputs": ""}', "`inputs` must be a text"),
        (b'{"inputs": "x", "parameters": 3}', "`parameters` must be an object"),
        (b'{"inputs": "x", "stream": true}', "`stream` needs `messages`"),
    ],
)
def test_bodies_that_ask_for_nothing(body: bytes, told: str) -> None:
    with pytest.raises(BadRequest, match=r".") as refused:
        parse(body)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 0),
        ("max_tokens", "many"),
        ("max_tokens", True),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("top_p", 0),
        ("top_p", 1.5),
        ("top_k", 0),
        ("seed", -1),
        ("seed", 1.5),
        ("stop", ""),
        ("stop", [""]),
        ("stop", ["x"] * 17),
        ("stream", "yes"),
        ("n", 2),
        ("logprobs", True),
        ("tools", [{"type": "function"}]),
        ("response_format", {"type": "json_object"}),
        ("presence_penalty", 0.5),
    ],
)
def test_values_that_cannot_be_taken(name: str, value: object) -> None:
    with pytest.raises(BadRequest, match=f"`{name}`"):
        parsed(messages=HELLO, **{name: value})


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(BadRequest) as refused:
        parsed(messages=[{"role": "user"}], max_tokens=0, n=3)
    assert [name in str(refused.value) for name in ("`messages[0]", "`max_tokens`", "`n`")] == [True, True, True]
