"""Optional hyperparameters may not name the fundamental and advanced ones, and must pass SageMaker's limits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.domain.diagnostic import Diagnostic
from reconciler.manifest.document import Path, spelled
from reconciler.manifest.explain import found
from reconciler.manifest.optional import both_spellings, completed
from reconciler.manifest.view import ModelView

LONGEST_VALUE = 2500
"""Characters of a value in CreateTrainingJob's HyperParameters (SageMaker API). What may stand there is few and short enough."""

RESERVED: dict[str, str] = {
    "epoch": "epochs",
    "epochs": "epochs",
    "nepochs": "epochs",
    "numepochs": "epochs",
    "epochcount": "epochs",
    "maxepochs": "epochs",
    "numtrainepochs": "epochs",
    "maxsteps": "epochs",
    "learningrate": "learningRate",
    "lr": "learningRate",
    "learningratemultiplier": "learningRate",
    "batchsize": "batchSize",
    "trainbatchsize": "batchSize",
    "microbatchsize": "batchSize",
    "trainmicrobatchsizepergpu": "batchSize",
    "globalbatchsize": "batchSize",
    "perdevicetrainbatchsize": "batchSize",
    "perdevicebatchsize": "batchSize",
    "pergputrainbatchsize": "batchSize",
    "autofindbatchsize": "batchSize",
    "warmupsteps": "warmupSteps",
    "numwarmupsteps": "warmupSteps",
    "learningratewarmupsteps": "warmupSteps",
    "warmupratio": "warmupSteps",
    "lrwarmupstepsratio": "warmupSteps",
    "earlystopping": "earlyStopping",
    "earlystoppingpatience": "earlyStopping.patience",
    "earlystoppingthreshold": "earlyStopping.threshold",
}
"""Spellings of the manifest's own hyperparameters in our manifests, in transformers' TrainingArguments, in JumpStart's,
DeepSpeed's and Bedrock's; compared without case, hyphens and underscores, at any depth, in dotted keys and in JSON as text."""


def check_optional(view: ModelView) -> Iterator[Diagnostic]:
    """``view.data`` is in one spelling already; whether both were given is seen in what each side wrote."""
    optional = view.data.get("hyperparameters", {}).get("optional")
    if not isinstance(optional, Mapping):
        return
    yield from _reserved(view, optional, ("hyperparameters", "optional"))
    for written in _written(view):
        yield from (_twice(view, other, name) for other, name in both_spellings(written))
    yield from _lora(view, optional)
    yield from _limits(view, completed(optional) if _is_mapping_or_none(optional.get("lora_config")) else optional)


def _written(view: ModelView) -> Iterator[Mapping[str, Any]]:
    inherited = view.around.project.data.get("defaults", {}) if view.around.project else {}
    for spec in (view.shaped.data, inherited):
        optional = spec.get("hyperparameters", {}).get("optional")
        if isinstance(optional, Mapping):
            yield optional


def _reserved(view: ModelView, value: Any, path: Path) -> Iterator[Diagnostic]:
    items: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, Mapping):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    for key, item in items:
        here = (*path, key)
        if field := reserved(key):
            yield _named(view, here, field)
        else:
            yield from _reserved(view, _unpacked(item), here)


def reserved(key: object) -> str | None:
    """The manifest's own field that the key would override. Trainers read ``sft_config.learning_rate`` as a path."""
    last = re.split(r"[./:]", str(key))[-1]
    return RESERVED.get(re.sub(r"[-_\s]", "", last).lower())


def _unpacked(item: Any) -> Any:
    """SageMaker hands hyperparameters over as text, which trainers read as JSON."""
    if not isinstance(item, str) or not item.lstrip().startswith(("{", "[")):
        return item
    try:
        return json.loads(item)
    except (ValueError, RecursionError):
        return item


def _named(view: ModelView, path: Path, field: str) -> Diagnostic:
    return view.error(
        "reserved-optional-hyperparameter",
        "An optional hyperparameter would override one of the manifest's own",
        *path,
        detail=f"`{spelled(('spec', *path))}` sets what `spec.hyperparameters.{field}` sets.",
        hint=f"remove it and set `hyperparameters.{field}`",
    )


def _twice(view: ModelView, other: str, name: str) -> Diagnostic:
    return view.error(
        "conflicting-spellings",
        "One setting is given in two spellings",
        *("hyperparameters", "optional", "lora_config", other),
        detail=f"`{other}` is another spelling of `{name}`; both are given.",
        hint=f"keep `{name}`",
    )


def _lora(view: ModelView, optional: Mapping[str, Any]) -> Iterator[Diagnostic]:
    use, config = optional.get("use_lora"), optional.get("lora_config")
    if use is not None and not isinstance(use, bool):
        yield _wrong(view, "use_lora", use, "expected true or false")
    if not _is_mapping_or_none(config):
        yield _wrong(view, "lora_config", config, "expected a mapping")
    elif config is not None:
        yield from _lora_values(view, config)
        if use is not True:
            yield view.warning(
                "unused-lora-config",
                "lora_config has no effect",
                *("hyperparameters", "optional", "lora_config"),
                detail="It only counts with `use_lora: true`.",
                hint="add `use_lora: true`, or remove lora_config",
            )


def _lora_values(view: ModelView, config: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """peft's LoraConfig: r a positive integer, lora_alpha positive, lora_dropout a probability."""
    for name, (accepts, words) in _ACCEPTED.items():
        if name in config and not accepts(config[name]):
            yield _wrong(view, f"lora_config.{name}", config[name], f"expected {words}")


_ACCEPTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "r": (lambda value: type(value) is int and value >= 1, "an integer of at least 1"),
    "lora_alpha": (lambda value: type(value) in (int, float) and value > 0, "a number above 0"),
    "lora_dropout": (lambda value: type(value) in (int, float) and 0 <= value < 1, "a number from 0 to below 1"),
}


def _wrong(view: ModelView, name: str, value: Any, expected: str) -> Diagnostic:
    return view.error(
        "invalid-lora",
        "A LoRA setting is not valid",
        *("hyperparameters", "optional", *name.split(".")),
        detail=f"`{name}` is {found(value)}; {expected}.",
    )


def _is_mapping_or_none(value: Any) -> bool:
    return value is None or isinstance(value, Mapping)


def _limits(view: ModelView, optional: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for key, value in optional.items():
        size = len(value if isinstance(value, str) else json.dumps(value))
        if size > LONGEST_VALUE:
            yield view.error(
                "hyperparameters-too-large",
                "An optional hyperparameter is beyond SageMaker's limit",
                *("hyperparameters", "optional", key),
                detail=f"`{key[:60]}` takes {size:,} characters as JSON; SageMaker takes {LONGEST_VALUE:,}.",
                hint="shorten it",
            )
