"""Logits and loss: bytes on one GPU at the end of the forward pass, and when the loss's gradient is computed.

Transformers' own loss for each token and entry of the vocabulary: logits in BF16 (2), in FP32 (4), and log_softmax (4); backward
swaps in the gradients. Libraries that shift the logits copy them once more.
"""

from __future__ import annotations

from typing import NamedTuple

from reconciler.estimators.setup import Loss, TrainingSetup
from reconciler.estimators.states import compute_bytes

CHUNK = 256
"""Tokens that TRL's chunked loss takes at a time (``trl.trainer.utils``)."""


class LossBuffers(NamedTuple):
    forward: float
    backward: float


def loss_buffers(setup: TrainingSetup) -> LossBuffers:
    """Besides the hidden states, all that stands for the loss."""
    tokens, vocab, hidden = setup.tokens, float(setup.dims.vocab), float(setup.dims.hidden)
    head = vocab * hidden
    match setup.loss:
        case Loss.FULL if compute_bytes(setup) == 4:
            return LossBuffers(tokens * (8 * vocab + 3 * hidden), tokens * (12 * vocab + 5 * hidden))
        case Loss.FULL:
            return LossBuffers(tokens * (10 * vocab + 3 * hidden), tokens * (12 * vocab + 5 * hidden))
        case Loss.FULL_SHIFTED:
            return LossBuffers(tokens * (12 * vocab + 3 * hidden), tokens * (14 * vocab + 5 * hidden))
        case Loss.FUSED:
            each = 10 if vocab <= 65536 else 8
            return _both(tokens * (each * vocab + 5 * hidden))
        case Loss.CHUNKED:
            gradient = head * 4 if not setup.trains_adapters else 0.0
            return _both(min(tokens, CHUNK) * 12 * vocab + gradient + tokens * 4 * hidden)
        case Loss.FUSED_LINEAR:
            chunk = min(tokens, max(1.0, tokens * hidden / vocab))
            gradient = head * compute_bytes(setup) if not setup.trains_adapters else 0.0
            return _both(tokens * 4 * hidden + chunk * vocab * (compute_bytes(setup) + 4) + gradient)
        case Loss.COMPILED:
            return _both(tokens * (8 * vocab + 3 * hidden))
        case Loss.COMPILED_CHUNKED:
            return _both(tokens * (2 * vocab + vocab))
        case Loss.CHUNKED_128:
            return _both(tokens * 8 * vocab)


def _both(size: float) -> LossBuffers:
    return LossBuffers(size, size)
