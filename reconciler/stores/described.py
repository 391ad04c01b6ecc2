"""What weights say of themselves: their configuration, held against the tensors that their files tell of."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.catalog.decoders import ConfigReading
from reconciler.domain.catalog import Architecture, WeightsDescription
from reconciler.estimators.intended import dimensions
from reconciler.stores.safetensors import Tensor

HEAD = "lm_head.weight"
TOLERANCE = 0.005
"""Share of the parameters: some files hold buffers beside them."""


def described(reading: ConfigReading, tensors: Mapping[str, Tensor] | None) -> WeightsDescription:
    """``tensors``: those that are loaded, by name; ``None``: which are cannot be told.

    ============================================== ===================================
    which files are loaded is not known            unknown
    the tensors are integers, or floats of 8 bits  unknown: they are quantised
    the configuration gives no dimensions          unknown, but for the weights' size
    they make another number of parameters         unknown, but for the weights' size
    they make as many as there are                 those dimensions
    ============================================== ===================================
    """
    if tensors is None:
        return WeightsDescription(unknown="neither model.safetensors nor an index tells which files are loaded")
    size = sum(tensor.size for tensor in tensors.values())
    if sum(tensor.size for tensor in tensors.values() if tensor.dtype is None) > TOLERANCE * size:
        return WeightsDescription(unknown="its weights are quantised")
    if reading.architecture is None:
        return WeightsDescription(unknown=f"config.json: {reading.unknown}", weights_bytes=size)
    architecture = _completed(reading.architecture, tensors)
    expected, counted = dimensions(architecture).parameters, _parameters(architecture, tensors)
    if abs(expected - counted) > TOLERANCE * expected:
        why = f"config.json makes {expected:,} parameters of it, the weights' files hold {counted:,}"
        return WeightsDescription(unknown=why, weights_bytes=size)
    return WeightsDescription(architecture=architecture.model_copy(update={"parameters": counted}), weights_bytes=size)


def _completed(architecture: Architecture, tensors: Mapping[str, Tensor]) -> Architecture:
    """Where the configuration does not say it: a head that is the embedding is not stored, and weights are held as they are stored."""
    tied = architecture.tie_word_embeddings
    largest = max(tensors.values(), key=lambda tensor: tensor.size, default=None)
    return architecture.model_copy(
        update={
            "tie_word_embeddings": HEAD not in tensors if tied is None else tied,
            "dtype": architecture.dtype or (largest.dtype if largest else None),
        }
    )


def _parameters(architecture: Architecture, tensors: Mapping[str, Tensor]) -> int:
    """Some write a head that is the embedding all the same."""
    left_out = {HEAD} if architecture.tie_word_embeddings else set()
    return sum(tensor.parameters for name, tensor in tensors.items() if tensor.dtype and name not in left_out)
