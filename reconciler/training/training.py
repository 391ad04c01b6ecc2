"""One training: data, base model, TRL's SFTTrainer, and what is left of it. Imports torch."""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import torch
import transformers
import trl
from transformers import EarlyStoppingCallback, PrinterCallback, set_seed
from trl import SFTConfig, SFTTrainer

from reconciler.training import card, conflicts, metrics
from reconciler.training.adapters import lora_config
from reconciler.training.arguments import MAX_LENGTH, Machine, check_arguments, sft_arguments
from reconciler.training.callbacks import Stopping, Telling, peak_memory
from reconciler.training.checkpoints import newest
from reconciler.training.container import Container
from reconciler.training.conversations import read_conversations
from reconciler.training.encoding import Corpus, encode_all
from reconciler.training.failure import BadInput
from reconciler.training.hyperparameters import Hyperparameters
from reconciler.training.metrics import Metrics
from reconciler.training.saving import save
from reconciler.training.sharding import QUANTISED_BYTES, Load, choose, fsdp_arguments
from reconciler.training.stopping import Stopped, StopRequest
from reconciler.training.weights import Source, bytes_each, find_source, load_model, load_tokenizer, parameter_count

_LOG = logging.getLogger("reconciler.training")


@dataclass(frozen=True)
class Data:
    training: Corpus
    validation: Corpus | None


def train(container: Container, asked: Hyperparameters, request: StopRequest, environment: Mapping[str, str]) -> None:
    """From the channels to the model's folder. Raises BadInput, Stopped, and whatever the libraries raise."""
    machine = this_machine()
    validated, weights = ("validation" in container.channels, "model" in container.channels)
    conflicts.check(asked, machine, validated=validated, weights=weights)
    arguments = sft_arguments(asked, machine, validated=validated, keeps_checkpoints=container.keeps_checkpoints)
    _quiet()
    set_seed(asked.seed)
    source = find_source(container, asked)
    config = build_config(arguments | _parallel_arguments(asked, machine, source, arguments), container.checkpoints)
    tokenizer = load_tokenizer(source, asked)
    data = _data(container, asked, tokenizer)
    request.unless_told()
    model = load_model(source, asked, machine, device=config.local_rank if config.local_rank > 0 else 0)
    request.unless_told()
    stopping, telling = Stopping(request), Telling()
    trainer = build_trainer(asked, model, config, data, tokenizer, [telling, stopping])
    seconds, average = _run(trainer, container, stopping)
    measured = _measured(trainer, data, telling, stopping, seconds, average)
    save(trainer, tokenizer, source, asked, container.model)
    if trainer.is_world_process_zero():
        _write(measured, asked, source, container, environment)
        _LOG.info("%s", metrics.last_line(measured))


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
    memory = torch.cuda.get_device_properties(0).total_memory if machine.cuda else None
    load = Load(
        parameters=parameter_count(source, asked),
        bytes_each=QUANTISED_BYTES if asked.load_in_4bit else bytes_each(source, asked, machine),
        trains_all=not asked.use_lora,
    )
    match choose(load, processes=int(os.environ.get("WORLD_SIZE", "1")), gpu_memory=memory):
        case "none":
            return {}
        case "ddp":
            return {"ddp_find_unused_parameters": False}
        case "fsdp":
            by_name = not hasattr(SFTConfig, "_apply_legacy_fsdp_to_config")
            return fsdp_arguments(checkpointing=arguments["gradient_checkpointing"], by_name=by_name)


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
    known = {field.name for field in dataclasses.fields(SFTConfig) if field.init}
    check_arguments(arguments.keys(), known, of="sft_config", library="TRL")
    told = {(newer if newer in known else name): value for name, value in arguments.items() for newer in [_newer(name)]}
    try:
        return SFTConfig(output_dir=str(checkpoints), completion_only_loss=True, **told)
    except (TypeError, ValueError) as wrong:
        raise BadInput(f"sft_config: {wrong}") from wrong


def _newer(name: str) -> str:
    """Newer versions of Transformers call it so."""
    return name.replace("gradient_checkpointing", "activation_checkpointing")


def build_trainer(
    asked: Hyperparameters, model: Any, config: Any, data: Data, tokenizer: Any, callbacks: list[Any]
) -> Any:
    if asked.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(asked.early_stopping_patience, asked.early_stopping_threshold or 0.0))
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
    _tell_model(trainer.model)
    return trainer


def _tell_model(model: Any) -> None:
    trained, all_of_them = _parameters(model)
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    attention = model.config._attn_implementation
    _LOG.info("training %s of %s parameters", f"{trained:,}", f"{all_of_them:,}")
    _LOG.info("weights in %s, attention %s, use_cache %s", dtype, attention, model.config.use_cache)


def _parameters(model: Any) -> tuple[int, int]:
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(count for count, trained in counts if trained), sum(count for count, _ in counts)


def _run(trainer: Any, container: Container, stopping: Stopping) -> tuple[float, float | None]:
    """Seconds of the loop, and the mean loss. Goes on from the newest checkpoint."""
    checkpoint = newest(container.checkpoints)
    if checkpoint is not None:
        _LOG.info("going on from %s", checkpoint.name)
    began = time.monotonic()
    try:
        result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except Stopped:  # in the midst of an evaluation, which the Trainer cannot leave by itself
        trainer._save_checkpoint(trainer.model, trial=None)
        return time.monotonic() - began, None
    return time.monotonic() - began, float(result.training_loss)


def _measured(
    trainer: Any, data: Data, telling: Telling, stopping: Stopping, seconds: float, average: float | None
) -> Metrics:
    state = trainer.state
    trained, all_of_them = _parameters(trainer.model)
    epochs = float(state.epoch or 0.0)
    return Metrics(
        train_loss=average,
        eval_loss=None if stopping.happened else _eval_loss(trainer, data),
        steps=state.global_step,
        epochs=round(epochs, 4),
        tokens=telling.tokens,
        billable_tokens=round(data.training.tokens * epochs),
        seconds=round(seconds, 3),
        tokens_per_second=round(telling.tokens / max(seconds, 1e-9), 2),
        peak_memory_bytes=_fullest(trainer),
        stopped=_why_stopped(trainer, stopping),
        trained_parameters=trained,
        parameters=all_of_them,
        records=len(data.training.records),
        records_cut=data.training.cut,
        records_dropped=data.training.dropped,
        processes=trainer.args.world_size,
        parallel=_parallel(trainer),
        versions={"torch": torch.__version__, "transformers": transformers.__version__, "trl": trl.__version__},
        history=metrics.history(state.log_history),
    )


def _eval_loss(trainer: Any, data: Data) -> float | None:
    """Of the weights as they are now: evaluated already, where the last entry was of this step, or the best were loaded."""
    if data.validation is None:
        return None
    state = trainer.state
    if trainer.args.load_best_model_at_end and state.best_metric is not None:
        return float(state.best_metric)
    told = [
        entry["eval_loss"]
        for entry in state.log_history
        if entry.get("step") == state.global_step and "eval_loss" in entry
    ]
    return float(told[-1] if told else trainer.evaluate()["eval_loss"])


def _why_stopped(trainer: Any, stopping: Stopping) -> str | None:
    if stopping.happened:
        return "stop"
    return "early-stopping" if trainer.state.global_step < trainer.state.max_steps else None


def _parallel(trainer: Any) -> str:
    if trainer.args.world_size == 1:
        return "none"
    return "fsdp" if trainer.is_fsdp_enabled else "ddp"


def _fullest(trainer: Any) -> int:
    peaks = torch.tensor([peak_memory()], dtype=torch.int64, device=trainer.args.device)
    return int(trainer.accelerator.gather(peaks).max().item())


def _write(
    measured: Metrics, asked: Hyperparameters, source: Source, container: Container, environment: Mapping[str, str]
) -> None:
    metrics.write(measured, container.model, container.output_data)
    base = asked.model_id or (None if os.path.isabs(source.name) else source.name)
    text = card.card(asked, measured, base=base, made_by=environment)
    (container.model / card.FILE).write_text(text, encoding="utf-8")
