"""The arguments of TRL's SFTConfig: what this program sets, under what ``sft_config`` says.

| Argument | Default here | Why |
|---|---|---|
| ``bf16`` / ``fp16`` | bf16 on a GPU that has it, else fp16; neither on a CPU | TRL's own default asks for bf16 everywhere |
| ``eval_strategy`` | ``epoch`` with validation data, else ``no`` | |
| ``eval_steps`` | ``logging_steps``, where evaluation goes by steps | one rhythm for both curves |
| ``save_strategy`` | as evaluation, where the best is kept; else ``epoch``, or ``no`` where checkpoints are not kept | time and disk |
| ``save_total_limit`` | 2 | the newest, and the best |
| ``logging_steps`` | 10 | |
| ``max_length`` | 1024 tokens | TRL's |
| ``gradient_checkpointing`` | on a GPU | memory is what a GPU lacks; a CPU would only compute twice |
| ``packing`` | off | a batch of n records stays n records, and the number of steps what it was planned to be |
| ``padding_free`` | with flash attention, unless packed | the same batches without padding |
| ``report_to`` | ``none`` | no network |
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.training.failure import nearest, refuse
from reconciler.training.hyperparameters import Hyperparameters

OWN: Mapping[str, str] = {
    "num_train_epochs": "epochs",
    "max_steps": "epochs",
    "learning_rate": "learning_rate",
    "per_device_train_batch_size": "per_device_train_batch_size",
    "warmup_steps": "warmup_steps",
    "warmup_ratio": "warmup_steps",
    "seed": "seed",
}
"""Arguments that have a hyperparameter of their own."""
FIXED: Mapping[str, str] = {
    "output_dir": "the container says where things are",
    "chat_template_path": "the model's own chat template is used",
    "model_init_kwargs": "use model_init_config",
    "dataset_text_field": "records are conversations",
    "dataset_kwargs": "this program prepares the data",
    "resume_from_checkpoint": "the newest checkpoint is found",
    "metric_for_best_model": "the validation loss decides",
    "greater_is_better": "the validation loss decides",
    **dict.fromkeys(
        (
            "push_to_hub",
            "hub_model_id",
            "hub_revision",
            "hub_strategy",
            "hub_private_repo",
            "hub_always_push",
        ),
        "the model goes where the job says",
    ),
}
"""Arguments that this program decides."""
OURS = ("completion_only_loss", "assistant_only_loss")
"""Of the data's preparation: they decide which tokens are learned, before TRL sees them."""
MAX_LENGTH = 1024


@dataclass(frozen=True, kw_only=True)
class Machine:
    """``bf16``: whether the GPU computes in it, not merely emulates it."""

    cuda: bool
    bf16: bool
    flash_attention: bool = False
    """Whether the package is there."""
    bitsandbytes: bool = False


def sft_arguments(
    asked: Hyperparameters, machine: Machine, *, validated: bool, keeps_checkpoints: bool
) -> dict[str, Any]:
    """All but where to write. ``validated``: there is validation data. Pure; conflicts are told by :func:`check`."""
    defaults = {
        "logging_strategy": "steps",
        "logging_steps": 10,
        "eval_strategy": "epoch" if validated else "no",
        "per_device_eval_batch_size": asked.batch_size,
        "max_length": MAX_LENGTH,
        "packing": False,
        "gradient_checkpointing": machine.cuda,
        "save_total_limit": 2,
        "report_to": "none",
        "use_cache": asked.model_init.get("use_cache", False),
        "use_cpu": not machine.cuda,
        "dataloader_pin_memory": machine.cuda,
        **_precision(asked, machine),
    }
    given = {name: value for name, value in asked.sft.items() if name not in OURS}
    chosen = {**defaults, **given, **_own(asked)}
    chosen |= _padding(asked, chosen)
    chosen |= _evaluation(chosen)
    chosen["report_to"] = chosen["report_to"] or "none"
    return {**chosen, **_saving(asked, chosen, keeps_checkpoints), "disable_tqdm": True}


def check_arguments(names: Collection[str], known: Collection[str], *, of: str, library: str) -> None:
    """Raises BadInput for settings that this version of the library does not have."""
    refuse(_unknown(names, known, of, library))


def _unknown(names: Collection[str], known: Collection[str], of: str, library: str) -> Iterator[str]:
    for name in sorted(set(names) - set(known)):
        yield f"{of}.{name}: the version of {library} in this container has no such setting{nearest(name, known)}"


def _own(asked: Hyperparameters) -> dict[str, Any]:
    return {
        "num_train_epochs": asked.epochs,
        "learning_rate": asked.learning_rate,
        "per_device_train_batch_size": asked.batch_size,
        "warmup_steps": asked.warmup_steps,
        "seed": asked.seed,
    }


def _precision(asked: Hyperparameters, machine: Machine) -> dict[str, bool]:
    """
    ====================  =========================
    asked, machine        computes in
    ====================  =========================
    bf16 or fp16          what was asked
    flash attention       bf16
    a CPU                 full precision
    a GPU with bf16       bf16
    another GPU           fp16
    ====================  =========================
    """
    given = {name: asked.sft.get(name) for name in ("bf16", "fp16")}
    match given:
        case {"bf16": True} | {"fp16": True}:
            return {name: value is True for name, value in given.items()}
        case _ if asked.wants_flash_attention:
            return {"bf16": True, "fp16": False}
        case {"bf16": False} | {"fp16": False} if None not in given.values():
            return {"bf16": False, "fp16": False}
        case _ if not machine.cuda:
            return {"bf16": False, "fp16": False}
        case {"bf16": False}:
            return {"bf16": False, "fp16": not machine.bf16}
        case _:
            return {"bf16": machine.bf16, "fp16": not machine.bf16 and given["fp16"] is None}


def _padding(asked: Hyperparameters, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Flash attention keeps records apart that lie one behind the other, without padding. Records are cut before TRL sees them."""
    padding_free = chosen.get("padding_free", asked.wants_flash_attention)
    if chosen["packing"] or not padding_free:
        return {}
    return {"padding_free": True, "max_length": None}


def _evaluation(chosen: Mapping[str, Any]) -> dict[str, Any]:
    by_steps = chosen["eval_strategy"] == "steps"
    return {"eval_steps": chosen.get("eval_steps") or chosen["logging_steps"]} if by_steps else {}


def keeps_best(asked: Hyperparameters) -> bool:
    """The weights of the best evaluation are what is left: each evaluation then has a checkpoint."""
    return asked.early_stopping_patience is not None or asked.sft.get("load_best_model_at_end") is True


def _saving(asked: Hyperparameters, chosen: Mapping[str, Any], keeps_checkpoints: bool) -> dict[str, Any]:
    if not keeps_best(asked):
        given = chosen.get("save_strategy")
        return {"save_strategy": given or ("epoch" if keeps_checkpoints else "no")}
    rhythm = {"save_steps": chosen["eval_steps"]} if chosen["eval_strategy"] == "steps" else {}
    best = {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "greater_is_better": False}
    return {"save_strategy": chosen["eval_strategy"], **rhythm, **best}
