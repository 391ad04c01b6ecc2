"""What the catalog knows: base models, instances, prices. Types only; the figures live in ``reconciler.catalog``.

Every figure carries its source and date. ``None`` means unknown: no figure was found. Unknown is never zero.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from reconciler.domain.base import Value

LOCAL_FOLDER = "local-folder"
"""Key of the entry that stands for every folder of weights on the user's machine; no manifest names it."""

JUMPSTART = ("s3://jumpstart-cache-prod-", "s3://jumpstart-private-cache-prod-")
"""How addresses in SageMaker JumpStart's buckets begin, one of each a region; the second holds what is gated."""


class ProviderName(StrEnum):
    SAGEMAKER = "sagemaker"
    BEDROCK = "bedrock"


class Source(Value):
    """Where a figure was read. ``verified=False``: an estimate or a second-hand figure; shown with a question mark."""

    key: str
    address: str
    date: str
    verified: bool = True
    note: str = ""


class Price(Value):
    """``usd`` per ``unit``. ``usd is None``: the price is unknown."""

    usd: Decimal | None
    unit: str
    """``instance-hour``, ``model-unit-hour``, ``1k-tokens``, ``1m-tokens``, ``model-month``, ``gb-month``."""
    region: str
    source: Source | None = None
    estimated: bool = False

    @property
    def is_known(self) -> bool:
        return self.usd is not None


class Requirement(StrEnum):
    REQUIRED = "required"
    OPTIONAL = "optional"
    UNSUPPORTED = "unsupported"


class HyperparameterRule(Value):
    """Bounds of one hyperparameter of one base model. ``wire_name`` is what the provider's request calls it."""

    name: str
    """The manifest's spelling: ``epochs``, ``learningRate``, ``batchSize``, ``warmupSteps``, ``earlyStopping.patience``, …"""
    wire_name: str
    kind: str
    """``integer`` or ``float``."""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    exclusive_minimum: bool = False
    default: Decimal | None = None
    """``None``: left to the service, or not sent."""
    choices: tuple[Decimal, ...] = ()
    source: Source | None = None


class TokenLimit(Value):
    """Most tokens a record, input and output together, for batch sizes from one to another, both included."""

    batch_size_from: int
    batch_size_to: int
    tokens: int


class DatasetRules(Value):
    """What a base model takes. Sizes in bytes, counts in records; ``None`` means no limit is known."""

    format: str
    """``prompt-completion`` (JSONL), ``bedrock-conversation-2024`` or ``chat`` (JSONL messages)."""
    min_records: int | None = None
    max_records: int | None = None
    max_validation_records: int | None = None
    records_count_validation: bool = False
    """The limits hold for training and validation records together."""
    max_tokens_per_record: int | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    max_training_bytes: int | None = None
    max_validation_bytes: int | None = None
    max_tokens_by_batch_size: tuple[TokenLimit, ...] = ()
    """Where the batch size decides; ``max_tokens_per_record`` is then the largest of them."""
    refuses_reserved_texts: bool = False
    """A job fails over texts such as ``User:`` that the service writes around turns itself: see ``reconciler.datasets.patterns``."""
    source: Source | None = None


class Architecture(Value):
    """The dimensions that decide memory and FLOPs, as the model's ``config.json`` has them."""

    architecture: str
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int | None
    tie_word_embeddings: bool | None
    attention_qkv_bias: bool | None = None
    qk_norm: bool | None = None
    num_experts: int = 1
    """Feed-forward layers of ``intermediate_size`` beside each other in each layer; more than one is a mixture of experts."""
    num_experts_per_tok: int = 1
    dtype: str | None = None
    """As training holds the weights: ``float32``, ``bfloat16``, …; ``None``: 16 bits."""
    parameters: int | None = None
    source: Source | None = None


class WeightsDescription(Value):
    """What a folder of weights says of itself, in its configuration and the headers of its files. No weights are read for it."""

    architecture: Architecture | None = None
    unknown: str = ""
    """Why there is no architecture."""
    weights_bytes: int | None = None
    """Of all tensors; ``None``: what they will take once they are trained cannot be told."""


class BedrockOffer(Value):
    """How Bedrock tunes and serves the model. Prices are per region where they differ."""

    model_id: str
    """What ``CreateModelCustomizationJob`` takes as ``baseModelIdentifier``."""
    tuning_regions: tuple[str, ...]
    """Regions where a job can be created now; where the model is retired, where it could be before."""
    training_per_1k_tokens: Price
    storage_per_month: Price
    throughput_none: Price
    throughput_one_month: Price
    throughput_six_months: Price
    on_demand_input_per_1m: Price | None = None
    on_demand_output_per_1m: Price | None = None
    supports_on_demand: bool = False
    supports_throughput: bool = True
    deploy_regions: tuple[str, ...] = ()
    builds_on_custom_models: bool | None = None
    """Whether a job may start from a custom model of this base model; ``None``: not known."""
    source: Source | None = None


class SageMakerOffer(Value):
    """How SageMaker tunes and serves the model."""

    jumpstart_id: str | None
    hugging_face_repo: str | None
    """``None``: the weights do not come from the hub."""
    gated: bool | None = False
    """Whether Hugging Face gives the weights only to those who asked for them; ``None``: not known."""
    eula: str | None = None
    """Key or address of the licence text to accept; ``None`` where none is asked for."""
    weights_uri: str | None = None
    """``s3://…/`` prefix of the weights, where they do not come from Hugging Face."""
    default_training_instance_type: str | None = None
    training_instance_types: tuple[str, ...] = ()
    """Types a published recipe names; not a limit."""
    published_tuning: tuple[str, ...] = ()
    """How AWS publishes tuning of the model, beside our own training program: ``classic``, ``recipe-lora``, ``recipe-full``, and
    techniques of the serverless customization such as ``serverless-sft-lora``."""
    default_hosting_instance_type: str | None = None
    hosting_instance_types: tuple[str, ...] = ()
    source: Source | None = None


class Retirement(Value):
    """Why the base model can no longer be tuned, as far as is known. ``on is None``: the exact day was not found."""

    state: str
    """``EOL`` or ``REMOVED``."""
    reason: str
    on: date | None = None
    replaced_by: str | None = None
    source: Source | None = None


class FoundationModel(Value):
    """One base model. ``bedrock`` or ``sagemaker``, or both, say where it can be tuned."""

    key: str
    """What manifests write: ``llama-3.1-8b-instruct``, ``nova-lite``."""
    name: str
    family: str
    aliases: tuple[str, ...] = ()
    license: str | None = None
    instruct: bool = True
    instruct_variant: str | None = None
    """Of a model that is not tuned for chat: the key of its sibling that is."""
    bedrock: BedrockOffer | None = None
    sagemaker: SageMakerOffer | None = None
    hyperparameters: dict[ProviderName, tuple[HyperparameterRule, ...]]
    validation: dict[ProviderName, Requirement]
    dataset: dict[ProviderName, DatasetRules]
    architecture: Architecture | None = None
    architecture_unknown: str = ""
    """Why, where more can be told than that nobody has written it down."""
    weights_bytes: int | None = None
    """Of the user's own weights, as their files hold them; ``None``: 2 bytes a parameter."""
    retirement: Retirement | None = None
    local_only: bool = False
    """Exists on the embedded cloud alone."""
    original: bool = False
    """One of the nine Bedrock base models that the first product offered."""

    @property
    def providers(self) -> tuple[ProviderName, ...]:
        offers = ((ProviderName.SAGEMAKER, self.sagemaker), (ProviderName.BEDROCK, self.bedrock))
        return tuple(name for name, offer in offers if offer is not None)

    def rule(self, provider: ProviderName, hyperparameter: str) -> HyperparameterRule | None:
        return next((rule for rule in self.hyperparameters.get(provider, ()) if rule.name == hyperparameter), None)


class Accelerator(Value):
    """One GPU, or one chip of AWS's own. Memory in MiB as EC2 reports it; peaks in dense TFLOPS."""

    name: str
    vendor: str = "NVIDIA"
    """``NVIDIA``, or ``AWS`` for Trainium and Inferentia, which run no CUDA."""
    architecture: str
    memory_gb: Decimal
    memory_mib: int | None
    bf16: bool | None
    flash_attention_2: bool | None
    dense_bf16_tflops: Decimal | None
    dense_fp16_tflops: Decimal | None = None
    memory_bandwidth_gb_s: Decimal | None = None
    interconnect: str = ""
    source: Source | None = None

    @property
    def usable_mib(self) -> int:
        """What EC2 reports; the size by its name, in decimal gigabytes, where it reports none."""
        return int(self.memory_gb * 1000**3 / 1024**2) if self.memory_mib is None else self.memory_mib


class InstanceType(Value):
    """An ``ml.*`` instance. ``nvme_gb``: local storage, which makes SageMaker ignore ``VolumeSizeInGB``."""

    name: str
    accelerator: Accelerator | None
    accelerators: int
    vcpus: int | None
    memory_gib: Decimal | None
    nvme_gb: int | None
    network_gbps: Decimal | None = None
    training: bool
    hosting: bool
    source: Source | None = None


class ImagePurpose(StrEnum):
    TRAINING = "training"
    SERVING = "serving"


class ContainerImage(Value):
    """A container image of SageMaker trainings or endpoints, by its address in one region."""

    purpose: ImagePurpose
    uri: str
    region: str
    libraries: dict[str, str]
    """Versions by name: ``trl``, ``transformers``, ``vllm``. What is not there is not known."""
    inference_ami: str | None = None
    """Of the hosts that an endpoint with it needs, as ``InferenceAmiVersion`` names them; ``None``: SageMaker's default."""
    source: Source | None = None


class Setting(Value):
    """One setting of a library's configuration class."""

    kinds: tuple[str, ...]
    """As JSON has them: ``boolean``, ``integer``, ``number``, ``string``, ``mapping``, ``list``, ``null``. Empty: not known."""
    choices: tuple[str, ...] = ()
    """Of texts, where they are an enumeration."""


class TrainerSettings(Value):
    """What ``sft_config`` and ``lora_config`` may hold, in the libraries of the training image."""

    libraries: dict[str, str]
    """Versions by name."""
    sft_config: dict[str, Setting]
    lora_config: dict[str, Setting]


class Catalog(Protocol):
    """Typed queries over the catalog. Everything is an answer, unknown too."""

    @property
    def compiled(self) -> date:
        """The day the snapshot was made."""
        ...

    def prices_as_of(self, region: str) -> date:
        """The day that the region's prices were read: the snapshot's, or a later one."""
        ...

    @property
    def models(self) -> tuple[FoundationModel, ...]: ...

    @property
    def instances(self) -> tuple[InstanceType, ...]: ...

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions that any figure names."""
        ...

    def model(self, key: str) -> FoundationModel | None:
        """By key or alias, ignoring case."""
        ...

    def instance(self, name: str) -> InstanceType | None: ...

    def image(self, purpose: ImagePurpose, region: str) -> ContainerImage | None:
        """The pinned container image; ``None`` where none is known in the region."""
        ...

    @property
    def trainer_settings(self) -> TrainerSettings:
        """Of the pinned training image."""
        ...

    def training_price(self, instance: str, region: str) -> Price:
        """Per instance-hour of a training job."""
        ...

    def hosting_price(self, instance: str, region: str) -> Price:
        """Per instance-hour of a real-time endpoint."""
        ...

    def storage_price(self, region: str) -> Price:
        """S3 Standard per GB-month."""
        ...

    def bedrock_price(self, model: FoundationModel, price: Price, region: str) -> Price:
        """``price`` of ``model.bedrock`` as it stands in ``region``; unknown where no figure names the region."""
        ...
