"""What a training leaves in the model's folder: weights that plain Transformers loads. Imports torch.

| Left | Where from |
|---|---|
| ``config.json``, ``generation_config.json``, ``*.safetensors`` | the whole model; with ``merge_adapters: false`` only the adapters |
| tokenizer files, chat template | the base model's own, byte by byte |
| ``metrics.json``, ``README.md`` | :mod:`reconciler.training.metrics`, :mod:`reconciler.training.card` |

No pickles: what loads this model must not have to trust it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from reconciler.training.hyperparameters import Hyperparameters
from reconciler.training.weights import ADAPTERS, Source, is_saved_as

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
)
GENERATION = "generation_config.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl")


def save(trainer: Any, tokenizer: Any, source: Source, asked: Hyperparameters, folder: Path) -> None:
    """Called in every process: weights that lie on several GPUs are gathered by all of them, and written by the first."""
    folder.mkdir(parents=True, exist_ok=True)
    if trainer.is_fsdp_enabled:
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    _save_weights(trainer, source, asked, folder)
    if trainer.is_world_process_zero():
        save_tokenizer(tokenizer, source, folder)
        tidy(folder)


def _save_weights(trainer: Any, source: Source, asked: Hyperparameters, folder: Path) -> None:
    """
    ============================== ==============================================================
    trained                        written
    ============================== ==============================================================
    all weights                    by the Trainer, which gathers them
    adapters, not to be merged     by the Trainer: the adapters
    adapters over whole weights    merged where they lie
    adapters, quantised or sharded the adapters, then merged into the base model, loaded anew
    ============================== ==============================================================
    """
    if not asked.use_lora:
        _for_serving(trainer.accelerator.unwrap_model(trainer.model), source)
        trainer.save_model(str(folder))
        if trainer.is_fsdp_enabled and trainer.is_world_process_zero():
            cast_files(folder, is_saved_as(source))
    elif not asked.merge_adapters:
        trainer.save_model(str(folder))
        if trainer.is_world_process_zero():
            _name_base(folder, source, asked)
    elif asked.load_in_4bit or trainer.is_fsdp_enabled:
        _merge_anew(trainer, source, folder)
    elif trainer.is_world_process_zero():
        _write(trainer.accelerator.unwrap_model(trainer.model).merge_and_unload(), source, folder)


def _merge_anew(trainer: Any, source: Source, folder: Path) -> None:
    """Merging into quantised weights would lose what was learned to rounding; sharded ones are in no single place."""
    adapters = folder.with_name(f"{folder.name}-adapters")
    trainer.save_model(str(adapters))
    if trainer.is_world_process_zero():
        _write(with_adapters(source, adapters), source, folder)
        shutil.rmtree(adapters)


def with_adapters(source: Source, adapters: Path) -> Any:
    """The base model in its own precision, on the CPU, with what was learned added."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(source.name, dtype="auto", **source.options)
    if source.adapters is not None:
        base = PeftModel.from_pretrained(base, str(source.adapters)).merge_and_unload()
    return PeftModel.from_pretrained(base, str(adapters)).merge_and_unload()


def _write(model: Any, source: Source, folder: Path) -> None:
    _for_serving(model, source)
    model.save_pretrained(folder)


def _for_serving(model: Any, source: Source) -> None:
    """In the base model's precision, and with its cache: without one, each token costs the whole prompt again."""
    import torch

    dtype = is_saved_as(source)
    if dtype is not None and not _is_sharded(model):
        model.to(getattr(torch, dtype))
    model.config.use_cache = True
    if base_file(source, GENERATION) is not None:  # the base model's own is put over what is written
        model.generation_config = type(model.generation_config)()


def cast_files(folder: Path, dtype: str | None) -> None:
    """Weights in the base model's precision: FSDP trains and gathers them in fp32."""
    import torch
    from safetensors.torch import load_file, save_file

    if dtype is None:
        return
    for path in sorted(folder.glob("*.safetensors")):
        tensors = {name: tensor.to(getattr(torch, dtype)) for name, tensor in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    config = folder / "config.json"
    told = json.loads(config.read_text(encoding="utf-8")) | {"dtype": dtype}
    config.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _is_sharded(model: Any) -> bool:
    return any(hasattr(parameter, "device_mesh") for parameter in model.parameters())


def _name_base(folder: Path, source: Source, asked: Hyperparameters) -> None:
    """Adapters name the model that they belong to as anyone finds it, not as this container did."""
    path = folder / ADAPTERS
    told = json.loads(path.read_text(encoding="utf-8"))
    told["base_model_name_or_path"] = asked.model_id or told.get("base_model_name_or_path") or source.name
    path.write_text(json.dumps(_ordered(told), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _ordered(told: dict[str, Any]) -> dict[str, Any]:
    """peft writes sets, in any order."""
    return {
        name: sorted(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else value
        for name, value in told.items()
    }


def save_tokenizer(tokenizer: Any, source: Source, folder: Path) -> None:
    """The base model's files where it has them: what Transformers 5 writes anew, servers with Transformers 4 cannot load."""
    own = {name: path for name in (*TOKENIZER_FILES, GENERATION) if (path := base_file(source, name)) is not None}
    if "tokenizer_config.json" not in own:
        tokenizer.save_pretrained(folder)
    is_whole = (folder / "config.json").is_file()
    for name, path in own.items():
        if name != GENERATION or is_whole:
            shutil.copyfile(path, folder / name)


def base_file(source: Source, name: str) -> Path | None:
    """A file of the base model: in its folder, or in the cache of the hub."""
    if source.folder is not None:
        path = source.folder / name
        return path if path.is_file() else None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source.name, name, revision=source.revision)
    return Path(found) if isinstance(found, str) else None


def tidy(folder: Path) -> None:
    """No pickles; and files that everyone may read, whatever the library that wrote them thinks."""
    for pattern in PICKLES:
        for path in folder.glob(pattern):
            path.unlink()
    for path in folder.iterdir():
        path.chmod(0o644)
