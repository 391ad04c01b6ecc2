"""What TRL's SFTConfig and peft's LoraConfig take, asked of the libraries themselves.

``python -m reconciler.catalog.introspection`` writes ``data/trainer_settings.yaml`` from the trl, transformers and peft that are
installed (``make trainer-settings``).
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from importlib import metadata, resources
from pathlib import Path
from typing import Any

LIBRARIES = ("trl", "transformers", "peft")
HEADER = """\
# What TRL's SFTConfig and peft's LoraConfig take, in the versions of the training image (images.yaml).
# Written by `make trainer-settings` from the libraries themselves: {made_by}.
# kinds: as JSON has them. choices: of texts, where they are an enumeration.
"""
DOCUMENTED: Mapping[str, tuple[str, ...]] = {
    "debug": ("underflow_overflow", "tpu_metrics_debug"),
    "loss_type": ("nll", "dft"),
    "packing_strategy": ("bfd", "wrapped"),
}
"""Texts that neither a type nor the field itself names: what TRL 0.28 and Transformers 5.3 document, and refuse all others of."""
_KINDS: Mapping[Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "mapping",
    list: "list",
    set: "list",
    tuple: "list",
    type(None): "null",
}


def introspected() -> dict[str, Any]:
    """Of the installed libraries. Raises ImportError where they are not. Imports torch."""
    from peft import LoraConfig
    from trl import SFTConfig

    return {
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "sft_config": dict(_settings(SFTConfig)),
        "lora_config": dict(_settings(LoraConfig)),
    }


def _settings(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    hints = typing.get_type_hints(config)
    for field in sorted(dataclasses.fields(config), key=lambda field: field.name):
        if field.init:
            told = [*(field.metadata.get("choices") or DOCUMENTED.get(field.name, ()))]
            yield field.name, setting(hints[field.name]) | ({"choices": told} if told else {})


def setting(hint: Any) -> dict[str, Any]:
    """``bool | None`` → ``{kinds: [boolean, 'null']}``. A type that JSON does not have adds nothing."""
    kinds: dict[str, None] = {}
    choices: dict[str, None] = {}
    for each in _alternatives(hint):
        if typing.get_origin(each) is typing.Literal:
            choices |= dict.fromkeys(value for value in typing.get_args(each) if isinstance(value, str))
            kinds |= dict.fromkeys(_KINDS[type(value)] for value in typing.get_args(each))
        elif isinstance(each, type) and issubclass(each, Enum):
            choices |= dict.fromkeys(str(member.value) for member in each)
            kinds["string"] = None
        elif (kind := _KINDS.get(typing.get_origin(each) or each)) is not None:
            kinds[kind] = None
    if "mapping" in kinds:
        kinds.pop("string", None)  # a file with the structure in it, which no container has
    told = {"kinds": [*kinds]}
    return told | ({"choices": [*choices]} if choices else {})


def _alternatives(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for each in typing.get_args(hint):
            yield from _alternatives(each)
    else:
        yield hint


def written(content: Mapping[str, Any]) -> str:
    import yaml

    made_by = ", ".join(f"{name} {version}" for name, version in content["libraries"].items())
    rows = [HEADER.format(made_by=made_by), yaml.safe_dump({"libraries": content["libraries"]}, sort_keys=False)]
    for part in ("sft_config", "lora_config"):
        rows.append(f"\n{part}:\n")
        rows += [f"  {name}: {_flow(told)}\n" for name, told in content[part].items()]
    return "".join(rows)


def _flow(told: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(told), default_flow_style=True, sort_keys=False, width=10_000).strip()


def main() -> int:
    path = Path(str(resources.files("reconciler.catalog").joinpath("data", "trainer_settings.yaml")))
    content = introspected()
    path.write_text(written(content), encoding="utf-8")
    counts = {part: len(content[part]) for part in ("sft_config", "lora_config")}
    sys.stdout.write(f"{path}: {counts}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
