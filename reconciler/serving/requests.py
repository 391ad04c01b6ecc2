"""What a request asks for: a body in OpenAI's chat format, or Hugging Face's ``inputs`` and ``parameters``.

All that is wrong with a body is told at once. What this server cannot do is refused rather than ignored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_STOPS = 16


class BadRequest(Exception):
    """The request cannot be answered, and the client can do something about it."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """``None`` leaves it to the model's own generation configuration. ``temperature`` 0: the likeliest token, always."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Either ``messages`` (role, content), which go through the model's chat template, or a ``prompt`` as it stands."""

    messages: tuple[Mapping[str, str], ...] = ()
    prompt: str | None = None
    sampling: Sampling = Sampling()
    stream: bool = False
    usage_apart: bool = False
    """``stream_options.include_usage``: usage in a last chunk of its own."""


def parse(body: bytes) -> Ask:
    """Raises BadRequest."""
    try:
        request = json.loads(body)
    except ValueError as wrong:  # UnicodeDecodeError is one
        raise BadRequest(f"the request is not JSON: {wrong}") from wrong
    if not isinstance(request, dict):
        raise BadRequest("the request is not a JSON object")
    if "messages" in request:
        return _chat(request)
    if "inputs" in request:
        return _plain(request)
    raise BadRequest("the request has neither `messages` nor `inputs`")


def _chat(request: Mapping[str, Any]) -> Ask:
    """https://platform.openai.com/docs/api-reference/chat/create"""
    given = {name: value for name, value in request.items() if value is not None}
    options = given.get("stream_options")
    _refuse([*_unsupported(given), *_wrong_messages(given.get("messages")), *_wrong(given)])
    return Ask(
        messages=tuple(_message(message) for message in given["messages"]),
        sampling=_sampling(
            given, given.get("max_completion_tokens", given.get("max_tokens")), given.get("temperature")
        ),
        stream=given.get("stream", False),
        usage_apart=isinstance(options, Mapping) and options.get("include_usage") is True,
    )


def _plain(request: Mapping[str, Any]) -> Ask:
    """https://huggingface.co/docs/inference-providers/tasks/text-generation; greedy unless sampling is asked for."""
    prompt, parameters = request["inputs"], request.get("parameters") or {}
    if not isinstance(prompt, str) or not prompt:
        raise BadRequest("`inputs` must be a text that is not empty")
    if not isinstance(parameters, Mapping):
        raise BadRequest("`parameters` must be an object")
    given = {name: value for name, value in parameters.items() if value is not None}
    streamed = [] if not request.get("stream") else ["`stream` needs `messages` in place of `inputs`"]
    _refuse([*streamed, *_wrong(given)])
    sampled = given.get("do_sample", "temperature" in given)
    temperature = given.get("temperature", 1.0) if sampled else 0.0
    return Ask(prompt=prompt, sampling=_sampling(given, given.get("max_new_tokens"), temperature))


def _sampling(given: Mapping[str, Any], max_tokens: int | None, temperature: float | None) -> Sampling:
    stop = given.get("stop", ())
    return Sampling(
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=given.get("top_p"),
        top_k=given.get("top_k"),
        seed=given.get("seed"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
    )


_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "response_format": ({"type": "text"},),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
}
"""What this server does not do, and the values that do not ask for it."""


def _unsupported(given: Mapping[str, Any]) -> Iterator[str]:
    for name, harmless in _NEUTRAL.items():
        if name in given and given[name] not in harmless:
            yield f"`{name}` is not supported"


def _whole(at_least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= at_least


def _number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_stop(value: Any) -> bool:
    stops = [value] if isinstance(value, str) else value
    return isinstance(stops, list) and len(stops) <= MAX_STOPS and all(isinstance(s, str) and s for s in stops)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "max_tokens": (_whole(1), "a whole number from 1"),
    "max_completion_tokens": (_whole(1), "a whole number from 1"),
    "max_new_tokens": (_whole(1), "a whole number from 1"),
    "temperature": (_number(0, 2), "a number from 0 to 2"),
    "top_p": (lambda value: _number(0, 1)(value) and value > 0, "a number above 0 and up to 1"),
    "top_k": (_whole(1), "a whole number from 1"),
    "seed": (_whole(0), "a whole number from 0"),
    "stop": (_is_stop, f"a text or up to {MAX_STOPS} texts, none of them empty"),
    "stream": (_is_flag, "true or false"),
    "do_sample": (_is_flag, "true or false"),
}


def _wrong(given: Mapping[str, Any]) -> Iterator[str]:
    for name, (is_right, meant) in _CHECKS.items():
        if name in given and not is_right(given[name]):
            yield f"`{name}` must be {meant}"


def _wrong_messages(messages: Any) -> Iterator[str]:
    if not isinstance(messages, list) or not messages:
        yield "`messages` must be a list that is not empty"
        return
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            yield f"`messages[{number}]` must be an object with `role` and `content`"
        elif _text(message.get("content")) is None:
            yield f"`messages[{number}].content` must be a text, or parts of type text"


def _message(message: Mapping[str, Any]) -> Mapping[str, str]:
    return {"role": message["role"], "content": _text(message["content"]) or ""}


def _text(content: Any) -> str | None:
    """A text, or the text of a list of parts; ``None`` for everything else, such as images."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [part["text"] for part in content if _is_text_part(part)]
    return "".join(parts) if len(parts) == len(content) else None


def _is_text_part(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)


def _refuse(problems: Iterable[str]) -> None:
    told = "; ".join(problems)
    if told:
        raise BadRequest(told)
