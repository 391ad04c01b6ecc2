"""Pinned container images, and that AWS's SDK still says the same."""

from __future__ import annotations

import importlib.util

import pytest

from reconciler.catalog import load
from reconciler.catalog.sdk import resolved, rewritten
from reconciler.domain.catalog import ImagePurpose

CATALOG = load()


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1"])
def test_both_images_are_known_where_base_models_are_tuned(region: str) -> None:
    training = CATALOG.image(ImagePurpose.TRAINING, region)
    serving = CATALOG.image(ImagePurpose.SERVING, region)
    assert training is not None
    assert serving is not None
    assert training.uri.startswith(f"763104351884.dkr.ecr.{region}.amazonaws.com/huggingface-pytorch-training:")
    assert {"torch", "transformers", "trl", "peft"} <= training.libraries.keys()
    assert serving.inference_ami == "al2023-ami-sagemaker-inference-gpu-4-1"
    assert training.source is not None
    assert serving.libraries.get("transformers") is None, "not known"


def test_a_region_without_one_has_none() -> None:
    assert CATALOG.image(ImagePurpose.TRAINING, "mars-north-1") is None


def test_a_pin_names_its_region() -> None:
    for row in CATALOG.image_rows.values():
        assert row.uris
        assert all(f".{region}." in uri for region, uri in row.uris.items())


def test_the_tag_has_the_versions_that_are_told() -> None:
    for purpose, row in CATALOG.image_rows.items():
        told = "transformers" if purpose is ImagePurpose.TRAINING else "vllm"
        assert all(row.libraries[told] in uri for uri in row.uris.values())


def test_rewriting_keeps_what_people_wrote() -> None:
    text = "# why\ntraining:\n  libraries: {trl: 0.28.0} # known\n  uris: {}\n"
    written = rewritten(text, {"training": {"us-east-1": "an-image"}})
    assert written == "# why\ntraining:\n  libraries: {trl: 0.28.0} # known\n  uris:\n    us-east-1: an-image\n"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("sagemaker") is None, reason="the extra [sdk] is not installed")
def test_the_pins_are_what_the_sdk_says() -> None:
    for purpose, row in CATALOG.image_rows.items():
        assert row.uris == resolved(row), f"{purpose}: run `make images`"
