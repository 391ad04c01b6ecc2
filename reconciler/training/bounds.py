"""Values of settings that the libraries take by their type, and then refuse, divide by, or wait for without end.

Asked by the program before it loads anything, and of manifests before there is a job: what one refuses, the other does. Sources: the
errors of transformers, TRL, peft and torch themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

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
