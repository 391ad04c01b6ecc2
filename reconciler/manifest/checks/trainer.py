"""``sft_config``, ``lora_config`` and ``model_init_config``: known to the libraries in the training image, of the right type, and
free of what the training program would refuse, before a job is paid for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.domain.catalog import ProviderName, Setting
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.checks.conflicts import check_conflicts, conflict, error
from reconciler.manifest.checks.optional import reserved
from reconciler.manifest.explain import found
from reconciler.manifest.view import ModelView
from reconciler.training.arguments import FIXED, OURS, OWN
from reconciler.training.bounds import SEEDS, beyond_model, lacking, misshapen, needing_names, out_of_bounds
from reconciler.training.hyperparameters import INSTEAD, SECRETS, decoded

OPTIONAL = ("seed", "use_lora", "lora_config", "merge_adapters", "load_in_4bit", "sft_config", "model_init_config")
"""All that the training program takes beside the manifest's own hyperparameters."""

ATTENTION = ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")
"""Transformers' ``attn_implementation``; ``owner/name`` is a kernel of the hub."""

FIXED_ADAPTERS: Mapping[str, str] = {
    "task_type": "a chat model is trained",
    "peft_type": "LoRA is trained",
    "inference_mode": "a model is trained",
    "base_model_name_or_path": "it is the base model of the manifest",
    "peft_version": "it is the container's",
}
"""Settings of LoraConfig that the training program decides."""

_DTYPE = Setting(kinds=("string", "null"), choices=("auto", "bfloat16", "float16", "float32"))

MODEL_INIT: Mapping[str, Setting] = {
    "attn_implementation": Setting(kinds=("string", "null")),
    "dtype": _DTYPE,
    "torch_dtype": _DTYPE,
    "load_in_4bit": Setting(kinds=("boolean",)),
    "revision": Setting(kinds=("string",)),
    "trust_remote_code": Setting(kinds=("boolean",)),
    "use_cache": Setting(kinds=("boolean",)),
}
"""Of what ``AutoModelForCausalLM.from_pretrained`` takes, which is not closed: models bring settings of their own."""


def check_trainer(view: ModelView) -> Iterator[Diagnostic]:
    """Values are read as the program will read them: truth values and structures may be texts."""
    optional = view.data.get("hyperparameters", {}).get("optional")
    if not isinstance(optional, Mapping) or view.provider is ProviderName.BEDROCK:
        return
    given = {name: decoded(value) for name, value in optional.items()}
    yield from _names(view, given)
    yield from _simple(view, given)
    yield from _settings(view, given)
    structures = ("sft_config", "model_init_config", "lora_config")
    if all(isinstance(given.get(part, {}), Mapping) for part in structures):
        yield from _attention(view, given)
        yield from check_conflicts(view, given)


def _names(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for name in (name for name in given if name not in OPTIONAL and not reserved(name)):
        yield error(
            view,
            "unknown-optional-hyperparameter",
            "The training program does not have the optional hyperparameter",
            name,
            detail=f"`{name}` is none of {', '.join(OPTIONAL)}.",
            hint=did_you_mean(str(name), OPTIONAL) or "settings of TRL's SFTConfig go into `sft_config`",
        )


_INSTEAD = {part: dict.fromkeys(names, INSTEAD) for part, names in SECRETS.items()}
_DECIDED: Mapping[str, Mapping[str, str]] = {
    "sft_config": {
        **{name: f"use the hyperparameter `{own}`" for name, own in OWN.items()},
        **FIXED,
        **_INSTEAD["sft_config"],
    },
    "lora_config": FIXED_ADAPTERS,
    "model_init_config": _INSTEAD["model_init_config"],
}
"""Why a setting cannot be set. Those that the manifest itself has are told beside."""


def _simple(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """The structures, and what is a value of its own. ``use_lora`` and ``lora_config`` are checked beside."""
    kinds = {"seed": "integer", "merge_adapters": "boolean", "load_in_4bit": "boolean"}
    kinds |= dict.fromkeys(("sft_config", "model_init_config"), "mapping")
    for name, kind in kinds.items():
        if name in given and not _is(given[name], kind):
            yield _wrong(view, (name,), given[name], Setting(kinds=(kind,)))
    if _is(given.get("seed"), "integer") and not 0 <= given["seed"] < SEEDS:
        yield _beyond(view, ("seed",), given["seed"], f"from 0 to below {SEEDS}")


def _settings(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    known = view.around.catalog.trainer_settings
    for part, settings, library in (
        ("sft_config", known.sft_config, "trl"),
        ("lora_config", known.lora_config, "peft"),
        ("model_init_config", MODEL_INIT, None),
    ):
        values = given.get(part)
        shapes = dict(misshapen(part, values)) if isinstance(values, Mapping) else {}
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if reserved(name):  # told beside
                continue
            if name in _DECIDED[part]:
                yield _fixed(view, part, name, _DECIDED[part][name])
            elif name in settings:
                yield from _value(view, (part, name), value, settings[name], shapes.get(name))
            elif library is not None and name not in OURS:
                yield _unknown(view, part, name, settings, f"{library} {known.libraries[library]}")
        yield from _numbers(view, part, values) if isinstance(values, Mapping) else ()
    if isinstance(given.get("lora_config"), Mapping):
        yield from _beyond_model(view, given["lora_config"])


def _numbers(view: ModelView, part: str, values: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Those of ``lora_config`` are bounded beside, with ``use_lora``."""
    for name, expected in out_of_bounds(part, values) if part != "lora_config" else ():
        yield _beyond(view, (part, name), values[name], expected)
    for name, other in lacking(part, values):
        yield conflict(view, (part, name), f"`{name}` is refused without `{other}`.", f"add `{other}`, or remove it")
    for name in needing_names(part, values):
        detail = f"`{name}` is refused beside {found(values['target_modules'])}: it picks among layers that are named."
        yield conflict(view, (part, name), detail, "write `target_modules` as a list of names, or remove it")


def _beyond_model(view: ModelView, lora: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Where the catalog knows how many layers and tokens the base model has."""
    known = view.base.architecture if view.base else None
    if known is None:
        return
    for name, missing, of, there in beyond_model(lora, layers=known.num_hidden_layers, tokens=known.vocab_size):
        has = f"`{view.base_name}` has {there} {of}, from 0 to {there - 1}"
        detail = f"`lora_config.{name}` names {', '.join(map(str, missing))}; {has}."
        path = ("lora_config", name)
        yield error(
            view, "invalid-trainer-setting", "A setting of the training library is not valid", *path, detail=detail
        )


def _unknown(view: ModelView, part: str, name: str, known: Mapping[str, Setting], library: str) -> Diagnostic:
    """In an image of the user's own the libraries may be others."""
    own = view.given("resources", "image")
    tell = view.warning if own else view.error
    image = "your image may have another version" if own else "the training image has that version"
    return tell(
        "unknown-trainer-setting",
        "A setting is not known to the training library",
        *("hyperparameters", "optional", part, name),
        detail=f"`{part}.{name}` is no setting of {library}; {image}.",
        hint=did_you_mean(name, known),
    )


def _fixed(view: ModelView, part: str, name: str, why: str) -> Diagnostic:
    return error(
        view,
        "fixed-trainer-setting",
        "The training program decides the setting",
        part,
        name,
        detail=f"`{part}.{name}` cannot be set: {why}.",
        hint="remove it",
    )


def _value(
    view: ModelView, path: tuple[str, ...], value: Any, setting: Setting, shape: str | None
) -> Iterator[Diagnostic]:
    """What no type is known of is not judged. ``shape``: what the program expects, where it is not that."""
    right_kind = not setting.kinds or any(_is(value, kind) for kind in setting.kinds)
    is_choice = not isinstance(value, str) or any(_fits(value, choice) for choice in setting.choices)
    if not right_kind or (setting.choices and not is_choice):
        yield _wrong(view, path, value, setting, certain=not right_kind or not view.given("resources", "image"))
    elif shape is not None:
        yield _beyond(view, path, value, shape)


def _fits(value: str, choice: str) -> bool:
    """``pissa_niter_[number of iters]`` stands for many."""
    stem, pattern, _ = choice.partition("[")
    return value.startswith(stem) if pattern else value == choice


def _wrong(view: ModelView, path: tuple[str, ...], value: Any, setting: Setting, *, certain: bool = True) -> Diagnostic:
    """Not ``certain``: other versions of the library, in an image of the user's own, may know the text."""
    kinds = [_WORDS[kind] for kind in setting.kinds if kind != "null" and not (kind == "string" and setting.choices)]
    expected = " or ".join([*kinds, *setting.choices])
    return (view.error if certain else view.warning)(
        "invalid-trainer-setting",
        "A setting of the training library is not valid",
        *("hyperparameters", "optional", *path),
        detail=f"`{'.'.join(path)}` is {found(value)}; expected {expected}.",
        hint=did_you_mean(value, setting.choices) if isinstance(value, str) else "",
    )


def _beyond(view: ModelView, path: tuple[str, ...], value: Any, expected: str) -> Diagnostic:
    told = f"`{json.dumps(value)}`" if isinstance(value, list) else found(value)
    detail = f"`{'.'.join(path)}` is {told}; expected {expected}."
    return error(
        view, "invalid-trainer-setting", "A setting of the training library is not valid", *path, detail=detail
    )


_WORDS = {
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "mapping": "a mapping",
    "list": "a list",
}


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "mapping":
            return isinstance(value, Mapping)
        case "list":
            return isinstance(value, list)
        case _:
            return value is None


def _attention(view: ModelView, given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    name = given.get("model_init_config", {}).get("attn_implementation")
    if isinstance(name, str) and name not in ATTENTION and "/" not in name:
        path = ("model_init_config", "attn_implementation")
        yield _wrong(view, path, name, Setting(kinds=("string",), choices=ATTENTION))
