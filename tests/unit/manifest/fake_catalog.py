"""A small catalog: one model for each rule that manifests are checked against."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from reconciler.catalog import load
from reconciler.domain.catalog import (
    LOCAL_FOLDER,
    BedrockOffer,
    ContainerImage,
    DatasetRules,
    FoundationModel,
    HyperparameterRule,
    ImagePurpose,
    InstanceType,
    Price,
    ProviderName,
    Requirement,
    Retirement,
    SageMakerOffer,
    Source,
)

SAGEMAKER, BEDROCK = ProviderName.SAGEMAKER, ProviderName.BEDROCK
SOURCE = Source(key="hp", address="https://example.com/hyperparameters", date="2026-01-01")


def unknown(unit: str, region: str) -> Price:
    return Price(usd=None, unit=unit, region=region)


def rule(name: str, low: str | None, high: str | None, default: str | None, **more: Any) -> HyperparameterRule:
    def number(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    kind = "float" if name in ("learningRate", "earlyStopping.threshold") else "integer"
    wire_name = name.replace(".", "_")
    return HyperparameterRule(
        name=name,
        wire_name=wire_name,
        kind=kind,
        minimum=number(low),
        maximum=number(high),
        default=number(default),
        **more,
    )


NOVA = (
    rule("epochs", "1", "5", "2", source=SOURCE),
    rule("learningRate", "1e-6", "1e-4", "1e-5"),
    rule("warmupSteps", "0", "100", "10"),
)
COHERE = (
    rule("epochs", "1", "100", "1"),
    rule("learningRate", "5e-6", "0.1", "1e-5"),
    rule("batchSize", "8", "8", "8", choices=(Decimal(8), Decimal(32))),
    rule("earlyStopping.patience", "1", "10", "6"),
    rule("earlyStopping.threshold", "0", "0.1", "0.01"),
)
TRAINER = (
    rule("epochs", "1", "100", "3"),
    rule("learningRate", "0", "1", "2e-5", exclusive_minimum=True),
    rule("batchSize", "1", None, "4"),
    rule("warmupSteps", "0", None, "0"),
    rule("earlyStopping.patience", "1", None, None),
    rule("earlyStopping.threshold", "0", None, None),
)


def bedrock(key: str, *regions: str, on_demand: bool = False) -> BedrockOffer:
    price = unknown("model-unit-hour", "us-east-1")
    return BedrockOffer(
        model_id=f"amazon.{key}-v1:0",
        tuning_regions=regions,
        training_per_1k_tokens=price,
        storage_per_month=price,
        throughput_none=price,
        throughput_one_month=price,
        throughput_six_months=price,
        supports_on_demand=on_demand,
    )


def sagemaker(repo: str, **more: Any) -> SageMakerOffer:
    return SageMakerOffer(jumpstart_id=None, hugging_face_repo=repo, **more)


def model(key: str, family: str, **more: Any) -> FoundationModel:
    offers = [name for name in (SAGEMAKER, BEDROCK) if more.get(str(name)) is not None]
    rules = dict(more.pop("rules", {}))
    validation = dict.fromkeys(offers, Requirement.OPTIONAL) | dict(more.pop("validation", {}))
    dataset = {offer: DatasetRules(format="prompt-completion") for offer in offers}
    return FoundationModel(
        key=key, name=key, family=family, hyperparameters=rules, validation=validation, dataset=dataset, **more
    )


RETIRED = Retirement(
    state="EOL", reason="Titan Text reached its end of life", on=date(2025, 8, 15), replaced_by="nova-lite"
)

MODELS = (
    model("nova-lite", "nova", bedrock=bedrock("nova-lite", "us-east-1", on_demand=True), rules={BEDROCK: NOVA}),
    model(
        "on-demand-only",
        "nova",
        bedrock=bedrock("on-demand-only", on_demand=True).model_copy(update={"supports_throughput": False}),
        rules={BEDROCK: NOVA},
    ),
    model(
        "titan-text-lite",
        "titan",
        bedrock=bedrock("titan-text-lite", "us-east-1"),
        rules={BEDROCK: NOVA},
        validation={BEDROCK: Requirement.UNSUPPORTED},
        retirement=RETIRED,
    ),
    model(
        "cohere-command",
        "cohere",
        bedrock=bedrock("cohere-command", "us-east-1"),
        rules={BEDROCK: COHERE},
        validation={BEDROCK: Requirement.REQUIRED},
        retirement=RETIRED.model_copy(update={"on": None, "replaced_by": None}),
    ),
    model(
        "llama-3.1-8b-instruct",
        "llama",
        bedrock=bedrock("llama", "us-west-2"),
        sagemaker=sagemaker(
            "meta-llama/Llama-3.1-8B-Instruct", gated=True, default_hosting_instance_type="ml.g5.4xlarge"
        ),
        rules={BEDROCK: NOVA, SAGEMAKER: TRAINER},
    ),
    model(
        "llama-3.1-8b",
        "llama",
        sagemaker=sagemaker("meta-llama/Llama-3.1-8B"),
        instruct=False,
        instruct_variant="llama-3.1-8b-instruct",
        rules={SAGEMAKER: TRAINER},
    ),
    model("qwen-2.5-7b-instruct", "qwen", sagemaker=sagemaker("Qwen/Qwen2.5-7B-Instruct"), rules={SAGEMAKER: TRAINER}),
    model("tiny", "tiny", sagemaker=sagemaker("local/tiny"), local_only=True, rules={SAGEMAKER: TRAINER}),
    model(LOCAL_FOLDER, "yours", sagemaker=sagemaker("local/folder"), local_only=True, rules={SAGEMAKER: TRAINER}),
)


def instance(name: str, *, training: bool = True, hosting: bool = True) -> InstanceType:
    return InstanceType(
        name=name,
        accelerator=None,
        accelerators=0,
        vcpus=None,
        memory_gib=None,
        nvme_gb=None,
        training=training,
        hosting=hosting,
    )


class FakeCatalog:
    compiled = date(2026, 11, 23)
    models = MODELS
    instances = (
        instance("ml.g5.2xlarge"),
        instance("ml.g5.4xlarge"),
        instance("ml.g5.12xlarge"),
        instance("ml.g6.12xlarge"),
        instance("ml.p3.2xlarge", hosting=False),
        instance("ml.inf2.xlarge", training=False),
    )
    regions = ("us-east-1", "us-west-2", "eu-central-1")

    def prices_as_of(self, region: str) -> date:
        return self.compiled

    def model(self, key: str) -> FoundationModel | None:
        return next((each for each in MODELS if key.lower() in (each.key, *each.aliases)), None)

    def instance(self, name: str) -> InstanceType | None:
        return next((each for each in self.instances if each.name == name), None)

    def image(self, purpose: ImagePurpose, region: str) -> ContainerImage | None:
        return None

    trainer_settings = load().trainer_settings

    def training_price(self, instance: str, region: str) -> Price:
        return unknown("instance-hour", region)

    def hosting_price(self, instance: str, region: str) -> Price:
        return unknown("instance-hour", region)

    def storage_price(self, region: str) -> Price:
        return unknown("gb-month", region)

    def bedrock_price(self, model: FoundationModel, price: Price, region: str) -> Price:
        return price
