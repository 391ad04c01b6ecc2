"""The libraries that a training image carries, and what their versions decide of memory and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from reconciler.estimators.setup import Loss, Optimizer

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """Versions as tuples: ``(2, 9, 0)``. As they come: those of the catalog's training image."""

    torch: Version = (2, 9, 0)
    transformers: Version = (5, 3, 0)
    trl: Version = (0, 28, 0)

    @classmethod
    def of(cls, versions: Mapping[str, str]) -> Self:
        """Of an image, by name. What is not named is taken to be as in the catalog's."""
        known = {name: _version(versions[name]) for name in ("torch", "transformers", "trl") if name in versions}
        return cls(**known)

    def loss(self, sft_config: Mapping[str, Any]) -> Loss:
        """What TRL's SFTTrainer computes, by version and what is asked for.

        ============== =================== =================================================================
        TRL            asked               head and cross-entropy
        ============== =================== =================================================================
        from 1.16      anything            in tiles, by kernels of TRL's own
        before         use_liger_kernel    Liger's, in one
        from 1.3       chunked_nll         for some tokens at a time (huggingface/trl, pull request 5575)
        from 1.7       nothing             the same: it became the default (pull request 5846)
        else                               Transformers' own
        ============== =================== =================================================================

        Transformers' own copies no shifted logits from 4.49 on (huggingface/transformers, pull request 35646).
        """
        asked = sft_config.get("loss_type")
        if self.trl >= (1, 16):
            return Loss.CHUNKED
        if sft_config.get("use_liger_kernel") is True:
            return Loss.FUSED_LINEAR
        if (asked == "chunked_nll" and self.trl >= (1, 3)) or (asked is None and self.trl >= (1, 7)):
            return Loss.CHUNKED
        return Loss.FULL if self.transformers >= (4, 49) else Loss.FULL_SHIFTED

    @property
    def optimizer(self) -> Optimizer:
        """Trainer takes the fused AdamW from PyTorch 2.8 on (``TrainingArguments.optim``); before, ``torch.optim.AdamW`` as it comes."""
        return Optimizer.ADAMW_FUSED if self.torch >= (2, 8) else Optimizer.ADAMW_FOREACH


PINNED = Libraries()
"""Those of the catalog's training image (``images.yaml``)."""


def _version(text: str) -> Version:
    """The numbers that it begins with: ``2.9.0+cu130`` is (2, 9, 0)."""
    release = text.partition("+")[0].split(".")
    return tuple(int(part) for part in release if part.isdigit())
