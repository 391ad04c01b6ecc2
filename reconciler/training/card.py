"""The model card beside the weights: README.md with Hugging Face's metadata on top.

https://huggingface.co/docs/hub/model-cards
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.training.hyperparameters import Hyperparameters
from reconciler.training.metrics import Metrics

FILE = "README.md"


def card(asked: Hyperparameters, metrics: Metrics, *, base: str | None, made_by: Mapping[str, str]) -> str:
    """``made_by``: what the job's environment says of project, model and fingerprint. Nothing that differs from run to run."""
    title = made_by.get("RECONCILER_MODEL") or "Fine-tuned model"
    return "\n".join(
        [
            *_metadata(asked, base),
            f"# {title}",
            "",
            f"Fine-tuned from {base or 'a model of the training job'} on {metrics.records:,} conversations, "
            f"loss on the assistant's words only, {_method(asked)}.",
            "",
            *_table({"": "", **_settings(asked)}),
            "",
            *_table({"metric": "", **_results(metrics)}),
            "",
            *_origin(made_by, metrics),
            "",
        ]
    )


def _metadata(asked: Hyperparameters, base: str | None) -> list[str]:
    named = [f"base_model: {base}"] if base and "/" in base and not base.startswith("/") else []
    library = "peft" if asked.use_lora and not asked.merge_adapters else "transformers"
    return ["---", *named, f"library_name: {library}", "pipeline_tag: text-generation", "tags: [sft, trl]", "---", ""]


def _method(asked: Hyperparameters) -> str:
    if not asked.use_lora:
        return "all weights trained"
    kept = "merged into the weights" if asked.merge_adapters else "kept apart from the base model"
    return f"{'QLoRA' if asked.load_in_4bit else 'LoRA'} adapters, {kept}"


def _settings(asked: Hyperparameters) -> dict[str, Any]:
    stopping = {
        "early stopping: patience": asked.early_stopping_patience,
        "early stopping: threshold": asked.early_stopping_threshold,
    }
    lora = {f"lora_config.{name}": value for name, value in sorted(asked.lora.items())} if asked.use_lora else {}
    return {
        "epochs": asked.epochs,
        "learning rate": asked.learning_rate,
        "batch size per device": asked.batch_size,
        "warm-up steps": asked.warmup_steps,
        "seed": asked.seed,
        **{name: value for name, value in stopping.items() if value is not None},
        **lora,
        **{f"sft_config.{name}": value for name, value in sorted(asked.sft.items())},
        **{f"model_init_config.{name}": value for name, value in sorted(asked.model_init.items())},
    }


def _results(metrics: Metrics) -> dict[str, Any]:
    told = {
        "training loss": metrics.train_loss,
        "validation loss": metrics.eval_loss,
        "steps": metrics.steps,
        "epochs": metrics.epochs,
        "trained parameters": f"{metrics.trained_parameters:,} of {metrics.parameters:,}",
    }
    return {name: value for name, value in told.items() if value is not None}


def _table(rows: Mapping[str, Any]) -> list[str]:
    (heading, _), *rest = rows.items()
    return [
        f"| {heading or 'setting'} | value |",
        "|---|---|",
        *(f"| {name} | {_cell(value)} |" for name, value in rest),
    ]


def _cell(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _origin(made_by: Mapping[str, str], metrics: Metrics) -> list[str]:
    names = {"RECONCILER_PROJECT": "project", "RECONCILER_MODEL": "model", "RECONCILER_FINGERPRINT": "fingerprint"}
    told = [f"{label} `{made_by[name]}`" for name, label in names.items() if made_by.get(name)]
    versions = ", ".join(f"{name} {version}" for name, version in metrics.versions.items())
    return [*([f"Trained for {', '.join(told)}."] if told else []), f"Made with {versions}."]
