"""``trainer_settings.yaml``: what TRL's SFTConfig and peft's LoraConfig take in the training image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.domain.base import Value
from reconciler.domain.catalog import Setting, TrainerSettings


class SettingsFile(Value):
    libraries: dict[str, str]
    sft_config: dict[str, Setting]
    lora_config: dict[str, Setting]


def trainer_settings(content: Mapping[str, Any]) -> TrainerSettings:
    file = SettingsFile.model_validate(content)
    return TrainerSettings(libraries=file.libraries, sft_config=file.sft_config, lora_config=file.lora_config)
