"""How fast the training program trains: tokens per second, model FLOPs utilisation, peak memory. ``make bench-train``.

Models of known shapes with random weights, on records that fill their whole length: what is measured is computing. Each case is a
process of its own. On a GPU: Qwen2.5-0.5B and Llama-3.1-8B, all weights and LoRA, in bf16, with TRL's plain SFTTrainer beside it at the
same settings, and one switch after the other. Without a GPU: a tiny shape, which shows that the command works and nothing else.

Model FLOPs utilisation counts what the mathematics needs, not what is computed again for checkpointed activations (Chowdhery et al.
2022, PaLM, appendix B): per token 6 × parameters, or 4 where only adapters are trained, since no gradients of the frozen weights are
computed; and for attention over sequences of length s, of which half is masked, half of 12 × layers × width × s, or of 8.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SHAPES: Mapping[str, dict[str, Any]] = {
    # config.json of the models on Hugging Face
    "qwen2.5-0.5b": {
        "model_type": "qwen2",
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "max_position_embeddings": 32768,
        "tie_word_embeddings": True,
    },
    "llama-3.1-8b": {
        "model_type": "llama",
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": False,
    },
    "tiny": {
        "model_type": "llama",
        "hidden_size": 128,
        "intermediate_size": 344,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 700,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
    },
}
PEAK_FLOPS: Mapping[str, float] = {
    # dense bf16 on tensor cores, from NVIDIA's data sheets
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H200": 989e12,
    "B200": 2250e12,
    "A100": 312e12,
    "L40S": 362e12,
    "A10G": 70e12,
    "L4": 121e12,
}
ADAPTERS: Mapping[str, Any] = {"r": 16, "lora_alpha": 32, "target_modules": "all-linear"}
WARM_UP, MEASURED = 3, 8
"""Steps."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """``plain``: TRL's SFTTrainer at the same settings, without this program. ``mixed``: records of an eighth of the length to all of it.

    ``switch``: what is different from the case of the same shape.
    """

    shape: str
    lora: bool
    batch: int
    sequence: int
    plain: bool = False
    mixed: bool = False
    switch: str = ""
    sft: dict[str, Any] = field(default_factory=dict)
    model_init: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        told = [self.shape, "LoRA" if self.lora else "full", f"{self.batch}×{self.sequence}"]
        return " ".join([*told, *(["plain TRL"] if self.plain else []), *([self.switch] if self.switch else [])])


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-train", description=__doc__)
    parser.add_argument("--case", help="one case as JSON: what this script starts itself with")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    given = parser.parse_args()
    if given.case:
        print(json.dumps(measure(Case(**json.loads(given.case)))))
        return 0
    return _all(given.only)


def _all(only: str) -> int:
    import torch

    cuda = torch.cuda.is_available()
    where = torch.cuda.get_device_name() if cuda else f"{platform.machine()} CPU, one thread"
    print(f"{where}; {_versions()}")
    if not cuda:
        print("There is no GPU here: a tiny shape on the CPU shows that this works. Its figures say nothing of GPUs.")
    print(f"{'case':58} {'tokens/s':>10} {'MFU':>7} {'peak memory':>12}")
    failed = False
    for case in (case for case in (_on_a_gpu() if cuda else _on_a_cpu()) if only in case.name):
        told = _apart(case)
        failed |= "failed" in told
        print(_row(case, told), flush=True)
    return int(failed)


def _on_a_cpu() -> Iterator[Case]:
    for lora in (False, True):
        for plain in (False, True):
            yield Case(shape="tiny", lora=lora, batch=4, sequence=128, plain=plain)
    for switch, sft in (("mixed, padded", {}), ("mixed, packed", {"packing": True})):
        yield Case(shape="tiny", lora=True, batch=4, sequence=128, mixed=True, switch=switch, sft=sft)


def _on_a_gpu() -> Iterator[Case]:
    """The settings of the program first; then the same of plain TRL; then one switch each."""
    for shape, lora, batch in (
        ("qwen2.5-0.5b", False, 4),
        ("qwen2.5-0.5b", True, 4),
        ("llama-3.1-8b", False, 1),
        ("llama-3.1-8b", True, 2),
    ):
        case: dict[str, Any] = {"shape": shape, "lora": lora, "batch": batch, "sequence": 4096}
        yield Case(**case)
        yield Case(**case, plain=True)
    lora_8b: dict[str, Any] = {"shape": "llama-3.1-8b", "lora": True, "batch": 2, "sequence": 4096}
    yield Case(**lora_8b, switch="without activation checkpointing", sft={"gradient_checkpointing": False})
    yield Case(**lora_8b, switch="flash attention", model_init={"attn_implementation": "flash_attention_2"})
    yield Case(**lora_8b, switch="torch.compile", sft={"torch_compile": True})
    yield Case(**lora_8b, switch="Liger kernels", sft={"use_liger_kernel": True})
    yield Case(**lora_8b, switch="unfused AdamW", sft={"optim": "adamw_torch"})
    yield Case(**lora_8b | {"batch": 4}, switch="twice the batch")
    yield Case(**lora_8b, mixed=True, switch="mixed, padded")
    yield Case(**lora_8b, mixed=True, switch="mixed, packed", sft={"packing": True})


def _apart(case: Case) -> dict[str, Any]:
    """In a process of its own: peak memory is its own, and running out of it harms nobody else."""
    command = [sys.executable, "-m", "benchmarks.train", "--case", json.dumps(case.__dict__)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"failed": (done.stderr.strip().splitlines() or ["without a word"])[-1][:120]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _row(case: Case, told: Mapping[str, Any]) -> str:
    if "failed" in told:
        return f"{case.name:58} failed: {told['failed']}"
    mfu = "unknown" if told["mfu"] is None else f"{100 * told['mfu']:.1f} %"
    return f"{case.name:58} {told['tokens_per_second']:>10,.0f} {mfu:>7} {told['peak_memory_bytes'] / 2**30:>8.1f} GiB"


# -- one case


def measure(case: Case) -> dict[str, Any]:
    import torch

    from reconciler.training.callbacks import peak_memory

    cuda = torch.cuda.is_available()
    torch.set_num_threads(torch.get_num_threads() if cuda else 1)
    model = _model(case, "cuda" if cuda else "cpu")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    watch = _stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        trainer = _plain(case, model, watch, folder) if case.plain else _ours(case, model, watch, folder)
        trainer.train()
    seconds = watch.ends[-1] - watch.ends[WARM_UP - 1]
    share = (len(watch.ends) - WARM_UP) / len(watch.ends)
    speed = share * sum(map(len, _rows(case))) / seconds
    peak = next((flops for name, flops in PEAK_FLOPS.items() if cuda and name in torch.cuda.get_device_name()), None)
    return {
        "tokens_per_second": speed,
        "mfu": speed * flops_per_token(case, parameters) / peak if peak else None,
        "peak_memory_bytes": peak_memory(),
    }


def flops_per_token(case: Case, parameters: int) -> float:
    """``parameters`` without the embeddings that are only looked up; a tied one is the head as well, and counts."""
    shape = SHAPES[case.shape]
    looked_up = 0 if shape["tie_word_embeddings"] else shape["vocab_size"] * shape["hidden_size"]
    each, attention = (4, 8) if case.lora else (6, 12)
    masked = attention * shape["num_hidden_layers"] * shape["hidden_size"] * case.sequence / 2
    return float(each * (parameters - looked_up) + masked)


def _model(case: Case, device: str) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = dict(SHAPES[case.shape])
    config = AutoConfig.for_model(shape.pop("model_type"), **shape)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    torch.manual_seed(0)
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config, dtype=dtype, **case.model_init)


def _rows(case: Case) -> list[list[int]]:
    import random

    draw, vocabulary = random.Random(0), SHAPES[case.shape]["vocab_size"]
    shortest, times = (case.sequence // 8, 3) if case.mixed else (case.sequence, 1)
    lengths = [draw.randint(shortest, case.sequence) for _ in range(case.batch * (WARM_UP + MEASURED) * times)]
    return [[draw.randrange(10, vocabulary) for _ in range(length)] for length in lengths]


def _asked(case: Case) -> Any:
    from reconciler.training.hyperparameters import Hyperparameters

    sft = {"logging_strategy": "no", "max_length": case.sequence, **case.sft}
    return Hyperparameters(
        epochs=1, batch_size=case.batch, use_lora=case.lora, lora=ADAPTERS, sft=sft, model_init=case.model_init
    )


def _ours(case: Case, model: Any, watch: Any, folder: str) -> Any:
    """As :mod:`reconciler.training.training` builds it."""
    from pathlib import Path

    from reconciler.training.arguments import sft_arguments
    from reconciler.training.encoding import Corpus, Encoded
    from reconciler.training.measuring import Data
    from reconciler.training.training import build_config, build_trainer, this_machine

    asked, machine = _asked(case), this_machine()
    arguments = sft_arguments(asked, machine, validated=False, keeps_checkpoints=False)
    records = tuple(Encoded(row, [1] * len(row), len(row)) for row in _rows(case))
    config = build_config(arguments, Path(folder))
    return build_trainer(asked, model, config, Data(Corpus(records, 0, 0), None), _tokenizer(), [watch])


def _plain(case: Case, model: Any, watch: Any, folder: str) -> Any:
    """As TRL's documentation shows it, at the same settings."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    cuda = torch.cuda.is_available()
    config = SFTConfig(
        output_dir=folder,
        num_train_epochs=1,
        per_device_train_batch_size=case.batch,
        max_length=case.sequence,
        bf16=cuda,
        gradient_checkpointing=cuda,
        use_cpu=not cuda,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    return SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_dict({"input_ids": _rows(case)}),
        processing_class=_tokenizer(),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **ADAPTERS) if case.lora else None,
        callbacks=[watch],
    )


def _tokenizer() -> Any:
    """Only its padding is looked at."""
    from pathlib import Path

    from transformers import AutoTokenizer

    from reconciler.training.tiny import make

    with tempfile.TemporaryDirectory() as folder:
        make("llama", 7, Path(folder), num_hidden_layers=1)
        return AutoTokenizer.from_pretrained(folder)


def _stopwatch() -> Any:
    import torch
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):  # type: ignore[misc]
        """When each step had ended on the GPU, too."""

        def __init__(self) -> None:
            self.ends: list[float] = []

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.ends.append(time.perf_counter())

    return Stopwatch()


def _versions() -> str:
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl", "peft"))


if __name__ == "__main__":
    sys.exit(main())
