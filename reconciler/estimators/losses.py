"""Logits and loss: bytes on one GPU at the end of the forward pass, and when the loss's gradient is computed.

Transformers' own loss for each token and entry of the vocabulary: logits in BF16 (2), in FP32 (4), and log_softmax (4); backward
swaps in the gradients. Libraries that shift the logits copy them once more.
"""

from __future__ import annotations

from typing import NamedTuple

from reconciler.estimators.setup import Loss, TrainingSetup
from reconciler.estimators.states import compute_bytes, trained_parts

TILE_TOKENS, TILE_ENTRIES = 4096, 32768
"""Tokens and entries of the vocabulary that TRL's loss takes at a time (``trl.kernels.chunked_logprob``, ``trl.trainer.utils``)."""


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
        case Loss.HALF:
            each = 18 if setup.autocast else 8
            return _both(tokens * (each * vocab + 5 * hidden))
        case Loss.FUSED:
            return _both(tokens * (8 * vocab + 4 * hidden))
        case Loss.CHUNKED:
            return _chunked(setup)
        case Loss.FUSED_LINEAR:
            chunk = min(tokens, max(1.0, tokens * hidden / vocab))
            gradient = head * compute_bytes(setup) if setup.trains_head else 0.0
            return _both(tokens * 4 * hidden + chunk * vocab * (compute_bytes(setup) + 4) + gradient)
        case Loss.COMPILED:
            return _both(tokens * (8 * vocab + 3 * hidden))
        case Loss.COMPILED_CHUNKED:
            return _both(tokens * (3 if setup.compiled else 7) * vocab)
        case Loss.CHUNKED_128:
            return _both(tokens * 4 * vocab)


def _chunked(setup: TrainingSetup) -> LossBuffers:
    """One tile of logits, and in backward the gradients of hidden states and of a trained head in FP32, then in their own dtype."""
    tokens, hidden, head = setup.tokens, setup.dims.hidden, float(setup.dims.embedding_parameters)
    width = compute_bytes(setup)
    tile = min(tokens, TILE_TOKENS) * min(setup.dims.vocab, TILE_ENTRIES) * float(width)
    gradients = tokens * hidden * 6.0
    if setup.trains_head:
        kept_in = trained_parts(setup)[-1][1]
        gradients += head * (4 + (kept_in if kept_in < 4 else 0))
    kept = 2.0 * width * tokens * hidden
    return LossBuffers(kept + tile, kept + tile + gradients)


def _both(size: float) -> LossBuffers:
    return LossBuffers(size, size)
