"""Fingerprints: equal meaning, equal hash.

A fingerprint covers everything that decides what a training produces, and nothing else: base model (or the parent's
fingerprint; with the digest of the user's own weights), data digests, validation choice and split seed, resolved
hyperparameters, revision. Instance types, images, the tool's own version and its training program, labels, deployment and
retention are not in it: changing them never retrains.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

from reconciler.domain.desired import ResolvedModel, TrainingData, WeightsFacts


def fingerprint(
    model: ResolvedModel, data: TrainingData, parent_fingerprint: str | None, weights_digest: str | None = None
) -> str:
    """``sha256:`` and 64 hexadecimal digits."""
    return digest(identity(model, data, parent_fingerprint, weights_digest))


def identity(
    model: ResolvedModel, data: TrainingData, parent_fingerprint: str | None, weights_digest: str | None = None
) -> dict[str, Any]:
    """What the fingerprint is taken of, as plain JSON values; kept beside the artifacts so that differences can be told."""
    prompted = {"systemPrompt": model.system_prompt} if model.system_prompt else {}
    hyperparameters = model.hyperparameters.model_dump(by_alias=True, exclude_none=True)
    return {
        "baseModel": _base(model, parent_fingerprint, weights_digest, data.weights),
        "provider": str(model.provider),
        "trainingData": data.training.digest,
        "validation": _validation(model, data),
        **prompted,
        "hyperparameters": hyperparameters,
        "revision": model.revision,
    }


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``."""
    return "sha256:" + hashlib.sha256(canonical_json(value).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """One spelling per meaning: sorted keys, no spaces, numbers without needless digits; NaN and infinities are refused."""
    return json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _canonical(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _canonical(item) for key, item in value.items()}
        case list() | tuple():
            return [_canonical(item) for item in value]
        case bool() | None | str():
            return value
        case int() | float() | Decimal():
            return _number(Decimal(str(value)))
        case _:
            return str(value)


def _number(value: Decimal) -> int | float:
    """``3`` for 3.0 and ``2e-05`` for 0.00002, so that every spelling of a number is one number."""
    return int(value) if value == value.to_integral_value() else float(value)


def _base(
    model: ResolvedModel, parent_fingerprint: str | None, weights_digest: str | None, folder: WeightsFacts | None
) -> Any:
    """The user's own weights count by their content, wherever they lie; the catalog's by the model's key."""
    if model.parent:
        return {"fingerprint": parent_fingerprint}
    if folder is not None:
        return {"weights": folder.digest}
    return {"key": model.base_model, "weights": weights_digest} if weights_digest else model.base_model


def _validation(model: ResolvedModel, data: TrainingData) -> Any:
    if data.validation is not None:
        return {"data": data.validation.digest}
    if model.validation.split_percent is not None:
        return {"splitPercent": model.validation.split_percent, "seed": model.validation.split_seed}
    return None
