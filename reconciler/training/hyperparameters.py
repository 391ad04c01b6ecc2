"""What a training was asked for: the job's hyperparameters, which arrive as texts, as typed values.

| Hyperparameter | Field | Where it is not sent |
|---|---|---|
| ``model_id`` | ``model_id`` | the channel ``model`` has the weights |
| ``epochs`` | ``epochs`` | 5 |
| ``learning_rate`` | ``learning_rate`` | 1e-4 |
| ``per_device_train_batch_size`` | ``batch_size`` | 4 |
| ``warmup_steps`` | ``warmup_steps`` | 0 |
| ``early_stopping_patience`` | ``early_stopping_patience`` | no early stopping |
| ``early_stopping_threshold`` | ``early_stopping_threshold`` | 0 |
| ``seed`` | ``seed`` | 42 |
| ``use_lora`` | ``use_lora`` | false: all weights are trained |
| ``lora_config`` | ``lora`` | ``r`` 8, ``lora_alpha`` 8, ``lora_dropout`` 0, ``target_modules`` as peft has them for the architecture |
| ``merge_adapters`` | ``merge_adapters`` | true |
| ``load_in_4bit`` | ``load_in_4bit`` | false |
| ``sft_config`` | ``sft`` | see :mod:`reconciler.training.arguments` |
| ``model_init_config`` | ``model_init`` | the model's own configuration |

Texts may be bare or quoted as JSON; ``true``, ``True`` and ``"true"`` are all true, inside structures as well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.training.bounds import SEEDS, names_in
from reconciler.training.failure import nearest, refuse

RESERVED_PREFIX = "sagemaker_"
"""Of the launcher's own hyperparameters."""
TUNING = "_tuning_objective_metric"
LORA_DEFAULTS: Mapping[str, Any] = {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0}
LORA_SPELLINGS: Mapping[str, str] = {"alpha": "lora_alpha", "dropout": "lora_dropout"}
SECRETS: Mapping[str, tuple[str, ...]] = {
    "sft_config": ("hub_token",),
    "model_init_config": ("token", "use_auth_token"),
}
"""Settings whose value is a credential: hyperparameters stand in requests, logs and model cards for everybody to read."""
INSTEAD = (
    "hyperparameters are no place for a token; the project's huggingFaceTokenSecret names the secret that holds it"
)


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    model_id: str | None = None
    epochs: int | float = 5
    learning_rate: float = 1e-4
    batch_size: int = 4
    warmup_steps: int | float = 0
    early_stopping_patience: int | None = None
    early_stopping_threshold: float | None = None
    seed: int = 42
    use_lora: bool = False
    lora: Mapping[str, Any] = field(default_factory=lambda: dict(LORA_DEFAULTS))
    merge_adapters: bool = True
    load_in_4bit: bool = False
    sft: Mapping[str, Any] = field(default_factory=dict)
    model_init: Mapping[str, Any] = field(default_factory=dict)

    @property
    def attention(self) -> str | None:
        """As ``attn_implementation`` names it; ``None`` leaves it to Transformers."""
        return self.model_init.get("attn_implementation")

    @property
    def wants_flash_attention(self) -> bool:
        return "flash" in (self.attention or "")


def read_hyperparameters(raw: Mapping[str, Any]) -> Hyperparameters:
    """Raises BadInput with everything that is wrong."""
    own = {name: decoded(value) for name, value in raw.items() if not _is_launchers(name)}
    given = {name: value for name, value in own.items() if value is not None}
    refuse([*_unknown(given), *_wrong(given), *_twice(given), *_secrets(given)])
    model_init = dict(given.get("model_init_config", {}))
    quantised = model_init.pop("load_in_4bit", None)
    values = {_FIELDS.get(name, name): value for name, value in given.items()}
    return Hyperparameters(
        **values
        | {
            "lora": _lora(given.get("lora_config", {})),
            "model_init": model_init,
            "load_in_4bit": bool(given.get("load_in_4bit") or quantised),
        }
    )


def decoded(value: Any) -> Any:
    """The value of a hyperparameter that may be a text: as JSON, once or twice over, else as it stands."""
    if not isinstance(value, str):
        return _booleans(value)
    try:
        parsed = json.loads(value, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return _booleans(None if value == "None" else value)
    return decoded(parsed) if isinstance(parsed, str) and parsed != value else _booleans(parsed)


def _finite(text: str) -> float:
    """Raises ValueError for ``1e999`` and ``NaN``, which are no numbers of JSON."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _booleans(value: Any) -> Any:
    match value:
        case dict():
            return {key: _booleans(item) for key, item in value.items()}
        case list():
            return [_booleans(item) for item in value]
        case str() if value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        case _:
            return value


def _is_launchers(name: str) -> bool:
    return name.startswith(RESERVED_PREFIX) or name == TUNING


_FIELDS: Mapping[str, str] = {
    "per_device_train_batch_size": "batch_size",
    "lora_config": "lora",
    "sft_config": "sft",
    "model_init_config": "model_init",
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "model_id": (lambda value: isinstance(value, str) and value != "", "the name of a model on Hugging Face"),
    "epochs": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "learning_rate": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "per_device_train_batch_size": (lambda value: _is_whole(value) and value > 0, "a whole number from 1"),
    "warmup_steps": (lambda value: _is_number(value) and value >= 0, "a number of steps, or a share below 1"),
    "early_stopping_patience": (lambda value: _is_whole(value) and value > 0, "a whole number from 1"),
    "early_stopping_threshold": (lambda value: _is_number(value) and value >= 0, "a number from 0"),
    "seed": (lambda value: _is_whole(value) and 0 <= value < SEEDS, f"a whole number from 0 to below {SEEDS}"),
    "use_lora": (_is_flag, "true or false"),
    "merge_adapters": (_is_flag, "true or false"),
    "load_in_4bit": (_is_flag, "true or false"),
    "lora_config": (_is_mapping, "a structure"),
    "sft_config": (_is_mapping, "a structure"),
    "model_init_config": (_is_mapping, "a structure"),
}

NAMES = frozenset(_CHECKS)
"""Every hyperparameter that there is: any other is refused."""


def _unknown(given: Mapping[str, Any]) -> Iterator[str]:
    for name in given.keys() - _CHECKS.keys():
        yield f"{name} is no hyperparameter of this program{nearest(name, NAMES)}"


def _wrong(given: Mapping[str, Any]) -> Iterator[str]:
    for name, (is_right, meant) in _CHECKS.items():
        if name in given and not is_right(given[name]):
            yield f"{name} is {given[name]!r}; expected {meant}"


def _twice(given: Mapping[str, Any]) -> Iterator[str]:
    config = given.get("lora_config")
    if not isinstance(config, Mapping):
        return
    for other, name in LORA_SPELLINGS.items():
        if other in config and name in config:
            yield f"lora_config has both {other} and {name}, which are one setting"


def _secrets(given: Mapping[str, Any]) -> Iterator[str]:
    """Never with the value: what is refused is logged."""
    for part, names in SECRETS.items():
        config = given.get(part)
        if isinstance(config, Mapping):
            yield from (f"{part}.{name} cannot be set: {INSTEAD}" for name in names if config.get(name) is not None)


def _lora(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """``target_modules`` may be a text with names; any other text is peft's: ``all-linear``, or a regular expression.
    Null was not given.
    """
    given = {LORA_SPELLINGS.get(name, name): value for name, value in config.items() if value is not None}
    targets = given.get("target_modules")
    if isinstance(targets, str):
        given["target_modules"] = names_in(targets) or targets
    return {**LORA_DEFAULTS, **given}
