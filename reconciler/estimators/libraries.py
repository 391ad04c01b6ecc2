"""The libraries that a training image carries, and what their versions decide of memory and time."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.estimators.setup import Loss, Optimizer

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """Versions as tuples: ``(2, 9)``."""

    torch: Version = (2, 9)
    transformers: Version = (5, 3)
    trl: Version = (1, 16)

    @property
    def loss(self) -> Loss:
        """TRL computes head and cross-entropy in chunks from 1.3 on (pull request 5575, 2026-04); before, Transformers' own loss, which
        copies no shifted logits from 4.49 on (huggingface/transformers, pull request 35646)."""
        if self.trl >= (1, 3):
            return Loss.CHUNKED
        return Loss.FULL if self.transformers >= (4, 49) else Loss.FULL_SHIFTED

    @property
    def optimizer(self) -> Optimizer:
        """Trainer takes the fused AdamW from PyTorch 2.8 on (``TrainingArguments.optim``); before, ``torch.optim.AdamW`` as it comes."""
        return Optimizer.ADAMW_FUSED if self.torch >= (2, 8) else Optimizer.ADAMW_FOREACH


PINNED = Libraries()
"""Those of the training program."""
