from __future__ import annotations

from typing import Any

import pytest

from reconciler.catalog import load
from reconciler.domain.catalog import ImagePurpose
from reconciler.estimators.libraries import PINNED, Libraries
from reconciler.estimators.setup import Loss, Optimizer


def test_pinned_are_those_of_the_catalogs_training_image() -> None:
    image = load().image(ImagePurpose.TRAINING, "us-east-1")
    assert image is not None
    assert Libraries.of(image.libraries) == PINNED


@pytest.mark.parametrize(
    ("trl", "asked", "loss"),
    [
        ("0.28.0", {}, Loss.FULL),
        ("0.28.0", {"use_liger_kernel": True}, Loss.FUSED_LINEAR),
        ("0.28.0", {"loss_type": "chunked_nll"}, Loss.FULL),
        ("1.3.0", {}, Loss.FULL),
        ("1.3.0", {"loss_type": "chunked_nll"}, Loss.CHUNKED),
        ("1.7.0", {}, Loss.CHUNKED),
        ("1.7.0", {"loss_type": "nll"}, Loss.FULL),
        ("1.16.0", {"loss_type": "nll"}, Loss.CHUNKED),
        ("1.16.0", {"use_liger_kernel": True}, Loss.CHUNKED),
    ],
)
def test_loss_by_version_and_what_is_asked_for(trl: str, asked: dict[str, Any], loss: Loss) -> None:
    assert Libraries.of({"trl": trl}).loss(asked) is loss


def test_older_libraries() -> None:
    old = Libraries.of({"torch": "2.7.1+cu126", "transformers": "4.48.3", "trl": "0.14.0"})
    assert old.loss({}) is Loss.FULL_SHIFTED
    assert old.optimizer is Optimizer.ADAMW_FOREACH
    assert PINNED.optimizer is Optimizer.ADAMW_FUSED
