"""What a manifest may say in ``sft_config``, TRL takes: each setting of the catalog, with values of each of its types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.catalog import load as load_catalog
from reconciler.manifest.load import SourceFile, load
from reconciler.training.arguments import Machine, sft_arguments
from reconciler.training.conflicts import check
from reconciler.training.failure import BadInput
from reconciler.training.hyperparameters import read_hyperparameters

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("libraries")]

CATALOG = load_catalog()
MANIFESTS = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: acme}
---
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: bot}
spec:
  baseModel: qwen3-1.7b
  dataset: {training: a.csv, validation: {split: 10%}}
  hyperparameters: {optional: {sft_config: """
SAMPLES: dict[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "integer": (-1, 0, 1, 3),
    "number": (-0.5, 0.0, 0.5, 2),
    "mapping": ({},),
    "list": ([],),
    "null": (None,),
}
ELSEWHERE = {
    "accelerator_config",
    "deepspeed",
    "fsdp",
    "fsdp_config",
    "parallelism_config",
    "ddp_backend",
    "local_rank",
}
"""Of the machines: they need several processes, or packages that are not here."""
GPU = {"bf16", "fp16", "tf32", "bf16_full_eval", "fp16_full_eval"}


def samples() -> Iterator[tuple[str, Any]]:
    for name, setting in CATALOG.trainer_settings.sft_config.items():
        if name not in ELSEWHERE | GPU:
            yield from ((name, value) for kind in setting.kinds for value in SAMPLES.get(kind, ()))
            yield from ((name, value) for value in setting.choices)


def is_valid(sft: dict[str, Any]) -> bool:
    return not load([SourceFile(path="all.yaml", text=f"{MANIFESTS}{json.dumps(sft)}}}}}\n")], CATALOG).diagnostics


def test_what_validates_is_taken(tmp_path: Path) -> None:
    from reconciler.training.training import build_config, known_arguments

    refused = {}
    valid = [(name, value) for name, value in samples() if name in known_arguments() and is_valid({name: value})]
    for name, value in valid:
        asked = read_hyperparameters({"sft_config": json.dumps({name: value})})
        machine = Machine(cuda=False, bf16=False)
        try:
            check(asked, machine, validated=True, weights=True)
            build_config(sft_arguments(asked, machine, validated=True, keeps_checkpoints=False), tmp_path)
        except BadInput as wrong:
            refused[f"{name}: {value}"] = str(wrong)
    newer = {"optim: adamw_apex_fused"}  # the installed Transformers no longer has it, the image's has
    assert not {told: why for told, why in refused.items() if told not in newer}
    assert len(valid) > 200
