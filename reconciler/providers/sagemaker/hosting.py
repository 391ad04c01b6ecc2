"""What the inference container is told: AWS's vLLM container turns each ``SM_VLLM_X_Y=z`` into the flag ``--x-y z`` of vLLM's server.

============================ ================================ =========================================================
artifact                     the container's model            named in requests
============================ ================================ =========================================================
a whole model                /opt/ml/model, the artifact      ``model``
adapters, base from the hub  the base's repository            ``model``: the adapters; ``base``: without them
adapters, base in S3         a second data source, ``base``   likewise
============================ ================================ =========================================================

Flags: https://aws.github.io/deep-learning-containers/vllm/configuration/ and https://docs.vllm.ai/en/latest/configuration/engine_args.html.
The embedded cloud's server needs none of them. Why vLLM: specs/decisions/0013.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.domain.catalog import JUMPSTART, FoundationModel, InstanceType
from reconciler.domain.conversing import SERVED
from reconciler.domain.desired import DesiredModel
from reconciler.domain.fingerprint import digest
from reconciler.domain.observation import Artifact
from reconciler.providers.settings import ProviderSettings

MODEL_FOLDER = "/opt/ml/model"
BASE = "base"
BASE_FOLDER = f"/opt/ml/additional-model-data-sources/{BASE}"
"""Where SageMaker puts the second data source: "AdditionalModelDataSource", SageMaker API reference."""
MAX_LENGTH = "auto"
"""The longest that fits in the GPUs' memory: the models' own lengths, up to 131,072 tokens, do not fit in small instances."""
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as ``--max-lora-rank``."""

WHOLE = {"SM_VLLM_MODEL": MODEL_FOLDER, "SM_VLLM_SERVED_MODEL_NAME": SERVED}

Request = dict[str, Any]


def container(
    artifact: Artifact, desired: DesiredModel, fingerprint: str, base: FoundationModel, settings: ProviderSettings
) -> Request:
    """``PrimaryContainer`` of CreateModel."""
    weights = weights_uri(desired, base) if serves_adapters(desired) else None
    beside: Request = {"AdditionalModelDataSources": [_base_source(weights, desired)]} if weights else {}
    return {
        "Image": desired.resolved.deployment.image or settings.serving_image,
        "ModelDataUrl": artifact.identifier,
        **beside,
        "Environment": {
            "RECONCILER_MODEL": desired.name,
            "RECONCILER_FINGERPRINT": fingerprint,
            **(_adapters(desired, base, weights) if serves_adapters(desired) else WHOLE),
            "SM_VLLM_MAX_MODEL_LEN": MAX_LENGTH,
            **on_instance(desired, base, settings),
        },
    }


def serves_adapters(desired: DesiredModel) -> bool:
    """The artifact is adapters alone, to be put on the base model where it is served."""
    optional = desired.resolved.hyperparameters.optional
    return optional.get("use_lora") is True and optional.get("merge_adapters") is False


def variation(desired: DesiredModel, base: FoundationModel, settings: ProviderSettings) -> str | None:
    """A digest of what the container of one version may differ in: its image, where the manifest names one, and the instance
    type. ``None``: it is the container that every deployment of that version has which asks for nothing special."""
    image = desired.resolved.deployment.image
    differs = on_instance(desired, base, settings) | ({"image": image} if image else {})
    return digest(differs).removeprefix("sha256:") if differs else None


def on_instance(desired: DesiredModel, base: FoundationModel, settings: ProviderSettings) -> dict[str, str]:
    """Several GPUs share the model; one without BF16 computes in FP16, which vLLM does not choose by itself."""
    instance = settings.catalog.instance(desired.resolved.deployment.instance_type or "")
    if instance is None or instance.accelerator is None:
        return {}
    share = _share(instance, base)
    return {
        **({"SM_VLLM_TENSOR_PARALLEL_SIZE": str(share)} if share > 1 else {}),
        **({"SM_VLLM_DTYPE": "half"} if instance.accelerator.bf16 is False else {}),
    }


def weights_uri(desired: DesiredModel, base: FoundationModel) -> str | None:
    """Where in S3 the base model's weights lie; ``None``: they come from Hugging Face."""
    return desired.resolved.weights_uri or (base.sagemaker.weights_uri if base.sagemaker else None)


def access(uri: str, desired: DesiredModel) -> Request:
    """JumpStart's buckets give weights only to those who accept their licence in the request itself."""
    accepted = desired.resolved.accept_eula and uri.startswith(JUMPSTART)
    return {"ModelAccessConfig": {"AcceptEula": True}} if accepted else {}


def _share(instance: InstanceType, base: FoundationModel) -> int:
    """GPUs that one copy of the model is spread over: each takes as many attention heads as the others."""
    heads = base.architecture.num_attention_heads if base.architecture else 0
    fitting = (count for count in range(instance.accelerators, 0, -1) if heads % count == 0)
    return next(fitting, 1)


def _adapters(desired: DesiredModel, base: FoundationModel, weights: str | None) -> Mapping[str, str]:
    assert base.sagemaker is not None
    lora = desired.resolved.hyperparameters.optional["lora_config"]
    rank = max(lora["r"], *(lora.get("rank_pattern") or {"": 0}).values())
    return {
        "SM_VLLM_MODEL": BASE_FOLDER if weights else base.sagemaker.hugging_face_repo or base.key,
        "SM_VLLM_SERVED_MODEL_NAME": BASE,
        "SM_VLLM_ENABLE_LORA": "true",
        "SM_VLLM_LORA_MODULES": f"{SERVED}={MODEL_FOLDER}",
        "SM_VLLM_MAX_LORA_RANK": str(next((each for each in LORA_RANKS if each >= rank), LORA_RANKS[-1])),
    }


def _base_source(weights: str, desired: DesiredModel) -> Request:
    source = {"S3Uri": weights, "S3DataType": "S3Prefix", "CompressionType": "None"}
    return {"ChannelName": BASE, "S3DataSource": source | access(weights, desired)}
