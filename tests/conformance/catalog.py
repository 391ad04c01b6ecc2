"""A catalog of one base model for each service: what the providers ask it, and no more."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from reconciler.catalog import load
from reconciler.domain.catalog import (
    Accelerator,
    Architecture,
    BedrockOffer,
    ContainerImage,
    FoundationModel,
    HyperparameterRule,
    ImagePurpose,
    InstanceType,
    Price,
    ProviderName,
    SageMakerOffer,
)

UNKNOWN = Price(usd=None, unit="1k-tokens", region="us-east-1")


def _rules(**wire_names: str) -> tuple[HyperparameterRule, ...]:
    return tuple(
        HyperparameterRule(name=name.replace("__", "."), wire_name=wire, kind="float")
        for name, wire in wire_names.items()
    )


LLAMA = FoundationModel(
    key="llama-3.1-8b-instruct",
    name="Llama 3.1 8B Instruct",
    family="llama",
    sagemaker=SageMakerOffer(jumpstart_id=None, hugging_face_repo="meta-llama/Llama-3.1-8B-Instruct"),
    hyperparameters={
        ProviderName.SAGEMAKER: _rules(
            epochs="epochs", learningRate="learning_rate", batchSize="per_device_train_batch_size"
        )
    },
    validation={},
    dataset={},
    architecture=Architecture(
        architecture="LlamaForCausalLM",
        hidden_size=4096,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        intermediate_size=14336,
        vocab_size=128256,
        max_position_embeddings=131072,
        tie_word_embeddings=False,
    ),
)

NOVA = FoundationModel(
    key="nova-micro",
    name="Nova Micro",
    family="nova",
    bedrock=BedrockOffer(
        model_id="amazon.nova-micro-v1:0:128k",
        tuning_regions=("us-east-1",),
        training_per_1k_tokens=UNKNOWN,
        storage_per_month=UNKNOWN,
        throughput_none=UNKNOWN,
        throughput_one_month=UNKNOWN,
        throughput_six_months=UNKNOWN,
        supports_on_demand=True,
    ),
    hyperparameters={
        ProviderName.BEDROCK: _rules(
            epochs="epochCount", learningRate="learningRate", warmupSteps="learningRateWarmupSteps"
        )
    },
    validation={},
    dataset={},
)


FOUR_T4 = InstanceType(
    name="ml.g4dn.12xlarge",
    accelerator=Accelerator(
        name="T4",
        architecture="Turing",
        memory_gb=Decimal(16),
        memory_mib=15_360,
        bf16=False,
        flash_attention_2=False,
        dense_bf16_tflops=None,
    ),
    accelerators=4,
    vcpus=48,
    memory_gib=Decimal(192),
    nvme_gb=900,
    training=True,
    hosting=True,
)


class TwoModels:
    """See :class:`reconciler.domain.catalog.Catalog`."""

    compiled = date(2026, 11, 1)
    models: tuple[FoundationModel, ...] = (LLAMA, NOVA)
    instances: tuple[InstanceType, ...] = (FOUR_T4,)
    regions: tuple[str, ...] = ("us-east-1",)

    def prices_as_of(self, region: str) -> date:
        return self.compiled

    def model(self, key: str) -> FoundationModel | None:
        return next((model for model in self.models if model.key == key.lower()), None)

    def instance(self, name: str) -> InstanceType | None:
        return next((instance for instance in self.instances if instance.name == name), None)

    def image(self, purpose: ImagePurpose, region: str) -> ContainerImage | None:
        return None

    trainer_settings = load().trainer_settings

    def training_price(self, instance: str, region: str) -> Price:
        return UNKNOWN

    def hosting_price(self, instance: str, region: str) -> Price:
        return UNKNOWN

    def storage_price(self, region: str) -> Price:
        return UNKNOWN

    def bedrock_price(self, model: FoundationModel, price: Price, region: str) -> Price:
        return UNKNOWN
