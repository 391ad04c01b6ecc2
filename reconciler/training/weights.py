"""The base model: found, unpacked where it is an archive, loaded. Imports torch."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from reconciler.training.arguments import Machine
from reconciler.training.container import Container
from reconciler.training.failure import BadInput, NotGiven, nearest, refuse
from reconciler.training.hyperparameters import Hyperparameters
from reconciler.training.metrics import FILE as MEASURED

ADAPTERS = "adapter_config.json"
BASE_FOLDER = "base"
"""Beside adapters: the model that they were trained on."""


@dataclass(frozen=True)
class Source:
    """``name``: a folder, or a repository of Hugging Face. ``adapters``: to be added to the weights before anything is trained.

    ``revision`` and ``trust_remote_code``: as ``model_init_config`` has them.
    """

    name: str
    adapters: Path | None = None
    revision: str = "main"
    trust_remote_code: bool = False

    @property
    def folder(self) -> Path | None:
        return Path(self.name) if Path(self.name).is_dir() else None

    @property
    def options(self) -> dict[str, Any]:
        """Of every ``from_pretrained``."""
        return {"revision": self.revision, "trust_remote_code": self.trust_remote_code}


def find_source(container: Container, asked: Hyperparameters) -> Source:
    """The channel ``model`` before the hub: a folder with weights, adapters, or an archive of either. Raises BadInput."""
    wanted = {name: asked.model_init[name] for name in ("revision", "trust_remote_code") if name in asked.model_init}
    channel = container.channels.get("model")
    if channel is None:
        return Source(asked.model_id or "", **wanted)
    folder = _unpacked(channel)
    _check_parent(folder, asked)
    if (folder / ADAPTERS).is_file():
        return Source(_base_of(folder, asked), adapters=folder, **wanted)
    if (folder / "config.json").is_file():
        return Source(str(folder), **wanted)
    found = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
    raise BadInput(f"the channel `model` has neither config.json nor {ADAPTERS}; there is {found}")


def _check_parent(folder: Path, asked: Hyperparameters) -> None:
    """Adapters that are left apart are served over the base model; over another training's weights they mean something else."""
    is_parents = (folder / ADAPTERS).is_file() or (folder / MEASURED).is_file()
    if is_parents and asked.use_lora and not asked.merge_adapters:
        raise BadInput(
            "merge_adapters false: the adapters would belong to the weights of the parent model, which no endpoint has beside them; "
            "a model that is trained from another fine-tuned model needs merge_adapters"
        )


def load_config(source: Source) -> Any:
    """What is asked of the hub first. Raises BadInput where it refuses the model, NotGiven where it does not answer."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(source.name, **source.options)
    except OSError as trouble:
        if source.folder is not None:
            raise
        raise (BadInput if is_refused(trouble) else NotGiven)(
            f"the base model {source.name} cannot be had from Hugging Face. Is the name right, is it gated, and has the project a token "
            f"(huggingFaceTokenSecret) whose account accepted its licence? {' '.join(str(trouble).split())}"
        ) from trouble


def is_refused(trouble: OSError) -> bool:
    """Of Transformers: whether Hugging Face has said no. It says so again until somebody gives access, or names another model."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    return isinstance(trouble.__cause__, RepositoryNotFoundError | RevisionNotFoundError)


def load_tokenizer(source: Source, asked: Hyperparameters) -> Any:
    """Raises BadInput for tokens that it does not have, but is asked for."""
    from transformers import AutoTokenizer

    own = source.adapters is not None and (source.adapters / "tokenizer_config.json").is_file()
    tokenizer = AutoTokenizer.from_pretrained(source.adapters if own else source.name, **source.options)
    refuse(_unknown_tokens(asked.sft, tokenizer))
    return tokenizer


def _unknown_tokens(sft: Mapping[str, Any], tokenizer: Any) -> Iterator[str]:
    for name in ("eos_token", "pad_token"):
        token = sft.get(name)
        if token is not None and token not in tokenizer.get_vocab():
            special = tokenizer.all_special_tokens
            hint = nearest(token, special) or f"; its special tokens are {', '.join(special)}"
            yield f"sft_config.{name}: the base model's tokenizer has no token {token}{hint}"


def load_model(source: Source, asked: Hyperparameters, machine: Machine, *, device: int | None) -> Any:
    """With ``model_init_config`` as it is. Without a dtype there, in that of the checkpoint: see :func:`weights_dtype`.

    ``device``: the GPU that it is read into at once, since a machine may have less memory than its GPU; ``None`` leaves that to others.
    """
    from transformers import AutoModelForCausalLM

    given = {name: value for name, value in asked.model_init.items() if name != "use_cache"}  # the Trainer sets it
    options = {"dtype": weights_dtype(asked, machine), **_renamed(given)}
    if asked.load_in_4bit:
        options |= {"quantization_config": _four_bits()}
    if device is not None:
        options |= {"device_map": {"": device}}
    model = AutoModelForCausalLM.from_pretrained(source.name, **options)
    if source.adapters is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(source.adapters)).merge_and_unload()
        model.requires_grad_(True)  # peft has frozen all that is no adapter
    return model


def weights_dtype(asked: Hyperparameters, machine: Machine) -> str:
    """
    ===================================== =====================
    asked                                 weights are held in
    ===================================== =====================
    flash attention, QLoRA                bf16
    all weights trained in fp16           fp32: gradients of fp16 weights cannot be scaled
    everything else                       the checkpoint's own
    ===================================== =====================
    """
    if asked.wants_flash_attention or asked.load_in_4bit:
        return "bfloat16"
    computes_fp16 = asked.sft.get("fp16") is True or (machine.cuda and not machine.bf16)
    return "float32" if computes_fp16 and not asked.use_lora else "auto"


def is_saved_as(source: Source) -> str | None:
    """The dtype that the base model's configuration names."""
    folder = source.folder
    if folder is not None:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        dtype: str | None = told.get("dtype") or told.get("torch_dtype")
        return dtype
    named = load_config(source).dtype
    return str(named).removeprefix("torch.") if named is not None else None


def parameter_count(source: Source) -> int:
    """Of the architecture; no weights are read."""
    import torch
    from transformers import AutoModelForCausalLM

    config = load_config(source)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=source.trust_remote_code)
    return sum(parameter.numel() for parameter in model.parameters())


def bytes_each(source: Source, asked: Hyperparameters, machine: Machine) -> int:
    """Of one weight, as it will be held."""
    import torch

    named = asked.model_init.get("dtype") or asked.model_init.get("torch_dtype") or weights_dtype(asked, machine)
    dtype = (is_saved_as(source) or "float32") if named == "auto" else named
    return int(getattr(torch, dtype).itemsize)


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    """``torch_dtype`` is the older name of ``dtype``."""
    return {("dtype" if name == "torch_dtype" else name): value for name, value in given.items()}


def _four_bits() -> Any:
    """QLoRA (Dettmers et al. 2023): NF4 with the scales quantised as well, computing in bf16."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_quant_storage=torch.bfloat16,
    )


def _unpacked(channel: Path) -> Path:
    """The folder with the model: the channel, or what its one archive holds, beside it."""
    archives = sorted([*channel.glob("*.tar.gz"), *channel.glob("*.tar")])
    if not archives or (channel / "config.json").is_file() or (channel / ADAPTERS).is_file():
        return channel
    folder = channel.parent / f"{channel.name}-unpacked"
    with FileLock(folder.with_suffix(".lock")):  # the first of several processes on this machine
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            with tarfile.open(archives[0]) as archive:
                archive.extractall(partial, filter="data")
            partial.rename(folder)
    return folder


def _base_of(adapters: Path, asked: Hyperparameters) -> str:
    """The folder ``base`` beside them; the base model that was asked for; what they name themselves."""
    beside = adapters / BASE_FOLDER
    if (beside / "config.json").is_file():
        return str(beside)
    named = json.loads((adapters / ADAPTERS).read_text(encoding="utf-8")).get("base_model_name_or_path")
    if named and Path(named).is_absolute() and not Path(named).is_dir():
        named = None
    base = asked.model_id or named
    if not base:
        raise BadInput(
            f"the channel `model` has adapters, but neither a folder {BASE_FOLDER}, nor a name of the model they belong to"
        )
    return base
