"""``sagemaker_models.yaml``: base models that our own training program tunes on SageMaker."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.catalog.files import Sourced, Sources
from reconciler.catalog.rules import DatasetRow, HyperparameterRow, dataset, hyperparameters
from reconciler.domain.base import Value
from reconciler.domain.catalog import Architecture, FoundationModel, ProviderName, Requirement, SageMakerOffer


class LicenseRow(Sourced):
    name: str


class PublishedRow(Sourced):
    """How AWS publishes tuning of the model."""

    classic: bool | None
    serverless: tuple[str, ...]
    recipe_lora: tuple[str, ...]
    recipe_full: tuple[str, ...]


class HostingRow(Sourced):
    default: str
    types: tuple[str, ...]


class ArchitectureRow(Sourced):
    name: str
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int | None
    tie_word_embeddings: bool | None
    attention_qkv_bias: bool | None
    qk_norm: bool | None
    parameters: int | None
    unverified: tuple[str, ...] = ()
    """Names of fields that no source confirms."""


class SageMakerRow(Value):
    key: str
    name: str
    family: str
    jumpstart_id: str | None
    hugging_face_repo: str
    hugging_face_repo_verified: bool = True
    license: LicenseRow | None
    gated: bool | None
    eula: str | None
    published: PublishedRow | None
    hosting: HostingRow | None
    architecture: ArchitectureRow | None
    note: str = ""


class BaseVariantRow(Sourced):
    key: str
    hugging_face_repo: str
    jumpstart_id: str | None
    instruct_variant: str


class SageMakerFile(Value):
    hyperparameters: dict[str, HyperparameterRow]
    dataset: DatasetRow
    models: tuple[SageMakerRow, ...]
    base_variants: tuple[BaseVariantRow, ...]


def sagemaker_models(file: SageMakerFile, sources: Sources) -> list[FoundationModel]:
    here = ProviderName.SAGEMAKER
    rules = hyperparameters(file.hyperparameters, sources)
    records = dataset(file.dataset, sources)
    return [
        FoundationModel(
            key=row.key,
            name=row.name,
            family=row.family,
            aliases=_aliases(row.jumpstart_id, row.hugging_face_repo),
            license=row.license.name if row.license else None,
            sagemaker=_offer(row, sources),
            hyperparameters={here: rules},
            validation={here: Requirement.OPTIONAL},
            dataset={here: records},
            architecture=architecture(row.architecture, sources) if row.architecture else None,
        )
        for row in file.models
    ]


def base_variants(file: SageMakerFile, sources: Sources) -> list[FoundationModel]:
    """Models that are known and not tuned for chat: without rules, since nothing here tunes them."""
    families = {row.key: row.family for row in file.models}
    return [
        FoundationModel(
            key=row.key,
            name=row.hugging_face_repo.partition("/")[2],
            family=families[row.instruct_variant],
            aliases=_aliases(row.jumpstart_id, row.hugging_face_repo),
            instruct=False,
            instruct_variant=row.instruct_variant,
            sagemaker=SageMakerOffer(
                jumpstart_id=row.jumpstart_id,
                hugging_face_repo=row.hugging_face_repo,
                gated=None,
                source=row.cite(sources),
            ),
            hyperparameters={},
            validation={},
            dataset={},
        )
        for row in file.base_variants
    ]


def _aliases(*names: str | None) -> tuple[str, ...]:
    return tuple(name for name in names if name is not None)


def _offer(row: SageMakerRow, sources: Sources) -> SageMakerOffer:
    published, hosting = row.published, row.hosting
    recipes = (*published.recipe_lora, *published.recipe_full) if published else ()
    cited = published or row.license
    verified = row.hugging_face_repo_verified
    return SageMakerOffer(
        jumpstart_id=row.jumpstart_id,
        hugging_face_repo=row.hugging_face_repo,
        gated=row.gated,
        eula=row.eula,
        training_instance_types=tuple(dict.fromkeys(recipes)),
        published_tuning=tuple(_ways(published)) if published else (),
        default_hosting_instance_type=hosting.default if hosting else None,
        hosting_instance_types=hosting.types if hosting else (),
        source=sources.cite(cited.source, verified=verified, note=row.note) if cited else None,
    )


def _ways(published: PublishedRow) -> Iterator[str]:
    if published.classic:
        yield "classic"
    if published.recipe_lora:
        yield "recipe-lora"
    if published.recipe_full:
        yield "recipe-full"
    yield from (f"serverless-{technique}" for technique in published.serverless)


def architecture(row: ArchitectureRow, sources: Sources) -> Architecture:
    doubt = f"not verified: {', '.join(row.unverified)}" if row.unverified else ""
    note = "; ".join(part for part in (row.note, doubt) if part)
    dimensions = row.model_dump(exclude={"name", "source", "verified", "note", "unverified"}, by_alias=False)
    source = sources.cite(row.source, verified=not row.unverified, note=note)
    return Architecture(architecture=row.name, source=source, **dimensions)
