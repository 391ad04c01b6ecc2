"""From a model's folder to an engine: a whole model, or adapters and the base that they belong to. Imports torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from reconciler.serving.engine import CannotLoad
from reconciler.serving.generation import TransformersEngine

ADAPTERS = "adapter_config.json"
BASE_FOLDER = "base"
"""Beside adapters: the model that they were trained on."""
ADDITIONAL = "additional-model-data-sources"
"""Beside the model's folder: what SageMaker fetches for a container beside its artifact, by name."""


def load_engine(folder: Path, *, threads: int) -> TransformersEngine:
    """Raises CannotLoad, and whatever the libraries raise for files that they cannot read."""
    torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()
    if (folder / ADAPTERS).is_file():
        return _with_adapters(folder)
    if not (folder / "config.json").is_file():
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) if folder.is_dir() else "no such folder"
        raise CannotLoad(f"{folder} has neither config.json nor {ADAPTERS} ({found or 'it is empty'})")
    return TransformersEngine(_model(str(folder)), AutoTokenizer.from_pretrained(folder))


def _with_adapters(folder: Path) -> TransformersEngine:
    """Adapters are added to the weights once, which makes every answer as fast as the whole model's."""
    from peft import PeftModel

    base = base_of(folder)
    tuned = PeftModel.from_pretrained(_model(base), str(folder)).merge_and_unload()
    own_tokenizer = (folder / "tokenizer_config.json").is_file()
    return TransformersEngine(tuned.eval(), AutoTokenizer.from_pretrained(folder if own_tokenizer else base))


def base_of(folder: Path) -> str:
    """The folder ``base``: a data source of the container, or beside the adapters; else what their configuration names, a folder or
    an id of the hub."""
    places = (folder.parent / ADDITIONAL / BASE_FOLDER, folder / BASE_FOLDER)
    found = next((place for place in places if (place / "config.json").is_file()), None)
    if found is not None:
        return str(found)
    named = json.loads((folder / ADAPTERS).read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not named:
        raise CannotLoad(f"{folder / ADAPTERS} names no base model, and there is no folder {BASE_FOLDER}")
    if Path(named).is_absolute() and not Path(named).is_dir():
        raise CannotLoad(f"the adapters' base model is not here: {named}, nor a folder {BASE_FOLDER}")
    return str(named)


def _model(source: str) -> Any:
    """In the precision it was saved in. Transformers only warns of missing weights and makes them up: here they are an error."""
    model, told = AutoModelForCausalLM.from_pretrained(source, dtype="auto", output_loading_info=True)
    missing = sorted(told.get("missing_keys") or ())
    if missing:
        raise CannotLoad(f"the weights in {source} lack {len(missing)} tensors: {', '.join(missing[:5])}")
    model.config.use_cache = True  # saved as false by some trainings, and then every token costs the whole prompt
    model.generation_config.use_cache = True
    return model.eval()
