"""A catalog of one base model for each service: what the providers ask it, and no more."""

from __future__ import annotations

from datetime import date

from reconciler.domain.catalog import (
    BedrockOffer,
    FoundationModel,
    HyperparameterRule,
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


class TwoModels:
    """See :class:`reconciler.domain.catalog.Catalog`."""

    compiled = date(2026, 11, 1)
    models: tuple[FoundationModel, ...] = (LLAMA, NOVA)
    instances: tuple[InstanceType, ...] = ()
    regions: tuple[str, ...] = ("us-east-1",)

    def prices_as_of(self, region: str) -> date:
        return self.compiled

    def model(self, key: str) -> FoundationModel | None:
        return next((model for model in self.models if model.key == key.lower()), None)

    def instance(self, name: str) -> InstanceType | None:
        return None

    def training_price(self, instance: str, region: str) -> Price:
        return UNKNOWN

    def hosting_price(self, instance: str, region: str) -> Price:
        return UNKNOWN

    def storage_price(self, region: str) -> Price:
        return UNKNOWN

    def bedrock_price(self, model: FoundationModel, price: Price, region: str) -> Price:
        return UNKNOWN
