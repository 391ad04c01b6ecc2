"""One training: data, base model, TRL's SFTTrainer, and what is left of it. Imports torch."""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import os
import time
import warnings
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import datasets
import torch
import transformers
from transformers import EarlyStoppingCallback, PrinterCallback, set_seed
from trl import SFTConfig, SFTTrainer

from reconciler.training import card, conflicts, metrics
from reconciler.training.adapters import check_head, check_saved, lora_config
from reconciler.training.arguments import MAX_LENGTH, Machine, check_arguments, sft_arguments
from reconciler.training.callbacks import Stopping, Telling
from reconciler.training.checkpoints import newest
from reconciler.training.container import Container
from reconciler.training.conversations import read_conversations
from reconciler.training.encoding import Corpus, encode_all
from reconciler.training.failure import BadInput, libraries_refusals
from reconciler.training.hub_token import provide_token
from reconciler.training.hyperparameters import Hyperparameters
from reconciler.training.measuring import Data, count_parameters, measure
from reconciler.training.metrics import Metrics
from reconciler.training.saving import save
from reconciler.training.sharding import FSDP_VARIABLES, QUANTISED_BYTES, Load, Parallel, choose, fsdp_arguments
from reconciler.training.stopping import Stopped, StopRequest
from reconciler.training.weights import Source, bytes_each, find_source, load_model, load_tokenizer, parameter_count

_LOG = logging.getLogger("reconciler.training")


def train(
    container: Container, asked: Hyperparameters, request: StopRequest, environment: MutableMapping[str, str]
) -> None:
    """From the channels to the model's folder. Raises BadInput, Stopped, and whatever the libraries raise."""
    _take_gpu(environment)
    machine = this_machine()
    validated, weights = ("validation" in container.channels, "model" in container.channels)
    conflicts.check(asked, machine, validated=validated, weights=weights)
    keeps = container.keeps_checkpoints  # before anything makes the folder
    arguments = sft_arguments(asked, machine, validated=validated, keeps_checkpoints=keeps)
    _quiet()
    set_seed(asked.seed)
    source = find_source(container, asked)
    if source.folder is None:  # only Hugging Face asks for it
        provide_token(environment)
    arguments |= _parallel_arguments(asked, machine, source, arguments)
    if machine.cuda and arguments.get("fsdp"):
        os.environ.update(FSDP_VARIABLES)
    config = build_config(arguments, container.checkpoints)
    tokenizer = load_tokenizer(source, asked)
    data = _data(container, asked, tokenizer)
    request.unless_told()
    model = load_model(source, asked, machine, device=_whole_on(config, machine))
    request.unless_told()
    stopping, telling = Stopping(request, keeps_checkpoints=keeps), Telling()
    trainer = build_trainer(asked, model, config, data, tokenizer, [telling, stopping])
    seconds = _run(trainer, container, stopping)
    measured = measure(trainer, data, seconds=seconds, tokens=telling.tokens, told_to_stop=stopping.happened)
    save(trainer, tokenizer, source, asked, container.model)
    if trainer.is_world_process_zero():
        _write(measured, asked, source, container, environment)
        _LOG.info("%s", metrics.last_line(measured))


def _take_gpu(environment: Mapping[str, str]) -> None:
    """One of several processes looks at its own GPU: whatever it asks of another one costs memory there."""
    if torch.cuda.is_available() and "LOCAL_RANK" in environment:
        torch.cuda.set_device(int(environment["LOCAL_RANK"]))


def this_machine() -> Machine:
    cuda = torch.cuda.is_available()
    return Machine(
        cuda=cuda,
        bf16=cuda and torch.cuda.is_bf16_supported(including_emulation=False),
        flash_attention=importlib.util.find_spec("flash_attn") is not None,
        bitsandbytes=importlib.util.find_spec("bitsandbytes") is not None,
    )


def _parallel_arguments(
    asked: Hyperparameters, machine: Machine, source: Source, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """What several processes need, unless ``sft_config`` has chosen."""
    if arguments.get("fsdp") or arguments.get("deepspeed"):
        return {}
    chosen = _parallel(asked, machine, source)
    if chosen == "ddp":
        return {"ddp_find_unused_parameters": False}
    by_name = not hasattr(SFTConfig, "_apply_legacy_fsdp_to_config")
    checkpointing = arguments["gradient_checkpointing"]
    return fsdp_arguments(checkpointing=checkpointing, by_name=by_name) if chosen == "fsdp" else {}


def _parallel(asked: Hyperparameters, machine: Machine, source: Source) -> Parallel:
    memory = torch.cuda.get_device_properties(0).total_memory if machine.cuda else None
    load = Load(
        parameters=parameter_count(source),
        bytes_each=QUANTISED_BYTES if asked.load_in_4bit else bytes_each(source, asked, machine),
        trains_all=not asked.use_lora,
    )
    return choose(load, processes=int(os.environ.get("WORLD_SIZE", "1")), gpu_memory=memory)


def _whole_on(config: Any, machine: Machine) -> int | None:
    """The GPU that holds a whole copy of the model; ``None`` where there is none, or the weights are spread."""
    return max(config.local_rank, 0) if machine.cuda and not config.fsdp and not config.deepspeed else None


def _quiet() -> None:
    """Progress bars make a log unreadable; and of libraries that warn each other a user can make nothing."""
    warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*", FutureWarning)
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()


def _data(container: Container, asked: Hyperparameters, tokenizer: Any) -> Data:
    channel = container.channels.get("training")
    if channel is None:
        raise BadInput("the job has no channel `training`")
    validation = container.channels.get("validation")
    encoded = {
        name: encode_all(
            read_conversations(folder),
            tokenizer,
            max_length=asked.sft.get("max_length", MAX_LENGTH),
            completion_only=asked.sft.get("completion_only_loss") is not False,
        )
        for name, folder in (("training", channel), ("validation", validation))
        if folder is not None
    }
    for name, corpus in encoded.items():
        _tell_corpus(name, corpus)
    return Data(encoded["training"], encoded.get("validation"))


def _tell_corpus(name: str, corpus: Corpus) -> None:
    cut = f", {corpus.cut} cut at max_length" if corpus.cut else ""
    dropped = f", {corpus.dropped} dropped: no answer within max_length" if corpus.dropped else ""
    _LOG.info("%s: %s records, %s tokens%s%s", name, len(corpus.records), corpus.tokens, cut, dropped)


def build_config(arguments: Mapping[str, Any], checkpoints: Path) -> Any:
    """Raises BadInput for what this version of SFTConfig refuses."""
    known = known_arguments()
    check_arguments(arguments.keys(), known, of="sft_config", library="TRL")
    told = {(newer if newer in known else name): value for name, value in arguments.items() for newer in [_newer(name)]}
    try:
        return SFTConfig(output_dir=str(checkpoints), completion_only_loss=True, **told)
    except (
        TypeError,
        ValueError,
        ImportError,
        OSError,
    ) as wrong:  # a package or a file that a setting names is not here
        raise BadInput(f"sft_config: {wrong}") from wrong


def known_arguments() -> set[str]:
    """Of this version of SFTConfig."""
    return {field.name for field in dataclasses.fields(SFTConfig) if field.init}


def _newer(name: str) -> str:
    """Newer versions of Transformers call it so."""
    return name.replace("gradient_checkpointing", "activation_checkpointing")


def build_trainer(
    asked: Hyperparameters, model: Any, config: Any, data: Data, tokenizer: Any, callbacks: list[Any]
) -> Any:
    if asked.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(asked.early_stopping_patience, asked.early_stopping_threshold or 0.0))
    with libraries_refusals():
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=datasets.Dataset.from_dict(data.training.columns()),
            eval_dataset=datasets.Dataset.from_dict(data.validation.columns()) if data.validation else None,
            processing_class=tokenizer,
            peft_config=lora_config(asked, model) if asked.use_lora else None,
            callbacks=callbacks,
        )
    trainer.remove_callback(PrinterCallback)
    if asked.use_lora:
        check_head(trainer.model)
        check_saved(trainer.model, asked, sharded=trainer.is_fsdp_enabled)
    _tell_model(trainer.model)
    return trainer


def _tell_model(model: Any) -> None:
    trained, all_of_them = count_parameters(model)
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    attention = model.config._attn_implementation
    _LOG.info("training %s of %s parameters", f"{trained:,}", f"{all_of_them:,}")
    _LOG.info("weights in %s, attention %s, use_cache %s", dtype, attention, model.config.use_cache)


def _run(trainer: Any, container: Container, stopping: Stopping) -> float:
    """Seconds of the loop. Goes on from the newest checkpoint."""
    checkpoint = newest(container.checkpoints)
    if checkpoint is not None:
        _LOG.info("going on from %s", checkpoint.name)
    began = time.monotonic()
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except Stopped:  # in the midst of an evaluation, which the Trainer cannot leave by itself
        if stopping.saves:
            trainer._save_checkpoint(trainer.model, trial=None)
    return time.monotonic() - began


def _write(
    measured: Metrics, asked: Hyperparameters, source: Source, container: Container, environment: Mapping[str, str]
) -> None:
    metrics.write(measured, container.model, container.output_data)
    base = asked.model_id or (None if os.path.isabs(source.name) else source.name)
    text = card.card(asked, measured, base=base, made_by=environment)
    (container.model / card.FILE).write_text(text, encoding="utf-8")
