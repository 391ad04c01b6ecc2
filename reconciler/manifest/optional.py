"""Optional hyperparameters: free JSON for SageMaker's trainer, in one spelling and completed.

* values are read as the training program will read them: the texts ``"true"`` and ``"false"`` are booleans, JSON as text is what it says;
* ``use_lora: true`` completes ``lora_config`` with ``{r: 8, lora_alpha: 8, lora_dropout: 0.0}``;
* ``alpha`` and ``dropout`` in ``lora_config`` are other spellings of ``lora_alpha`` and ``lora_dropout``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.manifest import defaults
from reconciler.training.hyperparameters import LORA_SPELLINGS, decoded

LORA_CONFIG = ("hyperparameters", "optional", "lora_config")


def normalised(optional: Mapping[str, Any]) -> dict[str, Any]:
    """Values and spellings; nothing is completed yet, so that two normalised mappings can be merged."""
    values = {key: decoded(value) for key, value in optional.items()}
    if isinstance(values.get("lora_config"), dict):
        values["lora_config"] = {LORA_SPELLINGS.get(key, key): value for key, value in values["lora_config"].items()}
    return values


def completed(optional: Mapping[str, Any]) -> dict[str, Any]:
    if optional.get("use_lora") is not True:
        return dict(optional)
    return {**optional, "lora_config": {**defaults.LORA, **(optional.get("lora_config") or {})}}


def both_spellings(optional: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    config = optional.get("lora_config")
    given = config if isinstance(config, Mapping) else {}
    return ((other, name) for other, name in LORA_SPELLINGS.items() if other in given and name in given)
