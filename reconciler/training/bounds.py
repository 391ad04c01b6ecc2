"""Values of settings that the libraries take by their type, and then refuse, divide by, or wait for without end.

Asked by the program before it loads anything, and of manifests before there is a job: what one refuses, the other does. Sources: the
errors of transformers, TRL, peft and torch themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

Accepts = tuple[Callable[[float], bool], str]

_FROM_1: Accepts = (lambda value: value >= 1, "at least 1")
_FROM_0: Accepts = (lambda value: value >= 0, "at least 0")
_ABOVE_0: Accepts = (lambda value: value > 0, "more than 0")
_SHARE: Accepts = (lambda value: 0 <= value < 1, "from 0 to below 1")

SEEDS = 2**32
"""numpy takes seeds below it."""

_COUNTS = (
    "dataloader_prefetch_factor",
    "dataset_num_proc",
    "eval_accumulation_steps",
    "gradient_accumulation_steps",
    "max_length",
    "pad_to_multiple_of",
    "per_device_eval_batch_size",
    "torch_empty_cache_steps",
)
_NOT_NEGATIVE = (
    "adam_epsilon",
    "dataloader_num_workers",
    "eval_delay",
    "max_grad_norm",
    "neftune_noise_alpha",
    "weight_decay",
)

ACCEPTED: Mapping[str, Mapping[str, Accepts]] = {
    "sft_config": {
        **dict.fromkeys(_COUNTS, _FROM_1),
        **dict.fromkeys(_NOT_NEGATIVE, _FROM_0),
        **dict.fromkeys(("eval_steps", "logging_steps", "save_steps"), _ABOVE_0),
        **dict.fromkeys(("adam_beta1", "adam_beta2", "label_smoothing_factor"), _SHARE),
    },
    "lora_config": {"r": _FROM_1, "lora_alpha": _ABOVE_0, "lora_dropout": _SHARE},
}

NEEDS: Mapping[str, Mapping[str, str]] = {
    "sft_config": {
        "dataloader_prefetch_factor": "dataloader_num_workers",
        "dataloader_persistent_workers": "dataloader_num_workers",
    },
    "lora_config": {"layers_pattern": "layers_to_transform"},
}
BY_ARGUMENTS = ("cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay")
"""Courses of the learning rate that nobody has chosen by their name alone."""


def out_of_bounds(part: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name, and what was expected, of each number that is beyond what there is to it."""
    for name, (accepts, expected) in ACCEPTED.get(part, {}).items():
        value = values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and not accepts(value):
            yield name, expected


def misshapen(part: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name, and what was expected, of each setting that is no number and would match nothing, or is not what it must be of."""
    for name, (accepts, expected) in _SHAPES.get(part, {}).items():
        if values.get(name) is not None and not accepts(values[name], values):
            yield name, expected


def needing_names(part: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Each setting that picks among layers that are named: peft refuses it beside a pattern, which can say as much itself."""
    targets = values.get("target_modules")
    if part == "lora_config" and isinstance(targets, str) and names_in(targets) is None:
        yield from (name for name in ("layers_to_transform", "layers_pattern") if values.get(name) is not None)


def names_in(text: str) -> list[str] | None:
    """``q_proj, v_proj`` are names; all else is peft's: ``all-linear``, or a regular expression."""
    return re.split(r"\s*,\s*", text) if re.fullmatch(r"[\w.]+(\s*,\s*[\w.]+)*", text) else None


class Beyond(NamedTuple):
    """What a setting of LoRA names and the base model does not have: of its layers, or tokens, and how many it has."""

    name: str
    missing: Sequence[int]
    of: str
    there: int


def beyond_model(values: Mapping[str, Any], *, layers: int, tokens: int) -> Iterator[Beyond]:
    """What peft passes over, or fails on with an index."""
    for name, named, of, there in (
        ("layers_to_transform", _layers(values), "layers", layers),
        ("layer_replication", _replicated(values), "layers", layers),
        ("trainable_token_indices", _tokens(values), "tokens", tokens),
    ):
        missing = [each for each in named if each >= there]
        if missing:
            yield Beyond(name, missing, of, there)


def _layers(values: Mapping[str, Any]) -> list[int]:
    asked = values.get("layers_to_transform")
    return [each for each in (asked if isinstance(asked, list) else [asked]) if _is_index(each)]


def _replicated(values: Mapping[str, Any]) -> list[int]:
    """The last layer of each range."""
    ranges = values.get("layer_replication")
    return [each[1] - 1 for each in ranges if _is_range(each)] if isinstance(ranges, list) else []


def _tokens(values: Mapping[str, Any]) -> list[int]:
    """By embedding, or of the one that takes the input."""
    asked = values.get("trainable_token_indices")
    listed = asked.values() if isinstance(asked, Mapping) else [asked]
    return [each for tokens in listed if isinstance(tokens, list) for each in tokens if _is_index(each)]


def _is_index(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_range(value: Any) -> bool:
    """From the first layer to before the last."""
    match value:
        case [int(first), int(end)]:
            return _is_index(first) and _is_index(end) and first < end
        case _:
            return False


def _are_ranges(value: Any, _: Mapping[str, Any]) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_range, value))


def _are_tokens(value: Any, _: Mapping[str, Any]) -> bool:
    listed = list(value.values()) if isinstance(value, Mapping) else [value]
    return bool(listed) and all(isinstance(each, list) and each and all(map(_is_index, each)) for each in listed)


def _are_layers(value: Any, _: Mapping[str, Any]) -> bool:
    return all(_is_index(each) for each in value) if isinstance(value, list) else _is_index(value)


def _are_targets(value: Any, values: Mapping[str, Any]) -> bool:
    """
    ================= ================= ==========================================
    target_modules    target_parameters are targets
    ================= ================= ==========================================
    nothing in it     some              yes: those alone are trained
    nothing in it     none              no: nothing would be
    a list            any               where each is a text
    a text            any               where it can be read as a regular expression
    anything else     any               no
    ================= ================= ==========================================
    """
    match value:
        case [] | "":
            return bool(values.get("target_parameters"))
        case list():
            return all(_is_text(each) for each in value)
        case str():
            return _is_text(value) and _is_pattern(value)
        case _:
            return False


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _is_token(value: Any, _: Mapping[str, Any]) -> bool:
    return isinstance(value, str) and value != ""


_SHAPES: Mapping[str, Mapping[str, tuple[Callable[[Any, Mapping[str, Any]], bool], str]]] = {
    "sft_config": dict.fromkeys(("eos_token", "pad_token"), (_is_token, "the text of a token")),
    "lora_config": {
        "target_modules": (_are_targets, "names of layers, a regular expression for them, or all-linear"),
        "layers_to_transform": (_are_layers, "the number of a layer, counted from 0, or a list of such"),
        "layer_replication": (
            _are_ranges,
            "ranges of layers, such as [[0, 4], [2, 6]]: from the first to before the last",
        ),
        "trainable_token_indices": (
            _are_tokens,
            "numbers of tokens, counted from 0, or such a list for each embedding",
        ),
    },
}


def lacking(part: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name, and what must be given with it, of each setting that is refused alone."""
    for name, other in NEEDS.get(part, {}).items():
        if values.get(name) and not values.get(other):
            yield name, other
    if (
        part == "sft_config"
        and values.get("lr_scheduler_type") in BY_ARGUMENTS
        and not values.get("lr_scheduler_kwargs")
    ):
        yield "lr_scheduler_type", "lr_scheduler_kwargs"
