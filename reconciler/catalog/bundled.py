"""The catalog that comes with the package. Each file is read when something in it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property, lru_cache

from reconciler.catalog.bedrock import BedrockFile, bedrock_models
from reconciler.catalog.embedded import EmbeddedFile, embedded_models, local_folder
from reconciler.catalog.files import Sources, read
from reconciler.catalog.images import ImageRow, image, image_rows
from reconciler.catalog.instances import InstancesFile, instance_types
from reconciler.catalog.limits import Limits
from reconciler.catalog.live import LivePrices
from reconciler.catalog.prices import Prices
from reconciler.catalog.sagemaker import SageMakerFile, base_variants, sagemaker_models
from reconciler.catalog.settings import trainer_settings
from reconciler.domain.catalog import (
    ContainerImage,
    FoundationModel,
    ImagePurpose,
    InstanceType,
    Price,
    TrainerSettings,
)
from reconciler.domain.quotas import QuotaKind


@lru_cache(maxsize=1)
def load() -> BundledCatalog:
    """The same catalog each time, with the prices that come with the package."""
    return BundledCatalog()


class BundledCatalog:
    """A :class:`reconciler.domain.catalog.Catalog`. Raises ValueError where a file is not what it should be.

    ``live``: prices that were read from AWS, which go before the package's own.
    """

    def __init__(self, live: LivePrices | None = None) -> None:
        self._live = live or LivePrices()

    @property
    def compiled(self) -> date:
        return self._prices.compiled

    def prices_as_of(self, region: str) -> date:
        read = self._live.regions.get(region)
        return read.read_on if read else self.compiled

    @cached_property
    def models(self) -> tuple[FoundationModel, ...]:
        """Instruct models: Bedrock's first, those that both providers have among them once; the embedded cloud's last."""
        merged: dict[str, FoundationModel] = {}
        of_bedrock = bedrock_models(self._bedrock, self._prices.bedrock, self.sources)
        embedded = embedded_models(self._embedded, self._sagemaker, self.sources)
        for model in (*of_bedrock, *self._of_sagemaker, *embedded):
            known = merged.get(model.key)
            merged[model.key] = _both(known, model) if known else model
        return tuple(merged.values())

    @cached_property
    def instances(self) -> tuple[InstanceType, ...]:
        return instance_types(InstancesFile.model_validate(read("instances")), self.sources)

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """Regions that a price or an offer names."""
        offers = (model.bedrock for model in self.models if model.bedrock)
        named = {region for offer in offers for region in (*offer.tuning_regions, *offer.deploy_regions)}
        return tuple(sorted(named | self._prices.regions))

    def model(self, key: str) -> FoundationModel | None:
        """By key or alias, ignoring case. Also finds models that are not tuned for chat, and the entry of folders of weights, which
        ``models`` leaves out."""
        return self._models_by_name.get(key.casefold())

    def instance(self, name: str) -> InstanceType | None:
        return self._instances_by_name.get(name)

    @property
    def images(self) -> tuple[ContainerImage, ...]:
        """Every pin, by purpose and region."""
        pairs = ((purpose, region) for purpose, row in self.image_rows.items() for region in row.uris)
        return tuple(found for purpose, region in pairs if (found := self.image(purpose, region)))

    def image(self, purpose: ImagePurpose, region: str) -> ContainerImage | None:
        row = self.image_rows.get(purpose)
        return image(row, purpose, region, self.sources) if row else None

    @cached_property
    def trainer_settings(self) -> TrainerSettings:
        return trainer_settings(read("trainer_settings"))

    def training_price(self, instance: str, region: str) -> Price:
        live = self._live.instance(instance, region, "training")
        return live or self._prices.instance(instance, region, "training", self.sources)

    def hosting_price(self, instance: str, region: str) -> Price:
        live = self._live.instance(instance, region, "hosting")
        return live or self._prices.instance(instance, region, "hosting", self.sources)

    def storage_price(self, region: str) -> Price:
        return self._live.s3(region) or self._prices.s3(region, self.sources)

    def bedrock_price(self, model: FoundationModel, price: Price, region: str) -> Price:
        """``price`` if its figures hold in ``region``, else the unknown price."""
        live = self._live.bedrock(model.key, model.bedrock, price, region) if model.bedrock else None
        if live is not None:
            return live
        figures = self._prices.bedrock.get(model.key)
        if figures is None or region not in figures.regions:
            return Price(usd=None, unit=price.unit, region=region)
        return price.model_copy(update={"region": region})

    @property
    def price_list_tokens(self) -> Mapping[str, str]:
        """How usage types of AWS's price list name a base model of Bedrock, by key."""
        return self._prices.price_list_tokens

    @cached_property
    def limits(self) -> Limits:
        return Limits.model_validate(read("limits"))

    @cached_property
    def image_rows(self) -> dict[ImagePurpose, ImageRow]:
        """By purpose, with all regions."""
        return image_rows(read("images"))

    @property
    def quota_codes(self) -> dict[tuple[QuotaKind, str], str]:
        """Service Quotas' codes of instances at a time, as far as they are known."""
        limits = self.limits
        uses = (
            (QuotaKind.TRAINING, limits.training_job_usage),
            (QuotaKind.SPOT_TRAINING, limits.spot_training_usage),
            (QuotaKind.ENDPOINT, limits.endpoint_usage),
        )
        return {(kind, name): quota.code for kind, quotas in uses for name, quota in quotas.items() if quota.code}

    @cached_property
    def sources(self) -> Sources:
        return Sources(read("sources"))

    @cached_property
    def _prices(self) -> Prices:
        return Prices.model_validate(read("prices"))

    @cached_property
    def _bedrock(self) -> BedrockFile:
        return BedrockFile.model_validate(read("bedrock_models"))

    @cached_property
    def _sagemaker(self) -> SageMakerFile:
        return SageMakerFile.model_validate(read("sagemaker_models"))

    @cached_property
    def _embedded(self) -> EmbeddedFile:
        return EmbeddedFile.model_validate(read("embedded_models"))

    @property
    def _of_sagemaker(self) -> list[FoundationModel]:
        return sagemaker_models(self._sagemaker, self.sources)

    @cached_property
    def _models_by_name(self) -> dict[str, FoundationModel]:
        folder = local_folder(self._sagemaker, self.sources)
        known = (*self.models, *base_variants(self._sagemaker, self.sources), folder)
        return {name.casefold(): model for model in known for name in (*model.aliases, model.key)}

    @cached_property
    def _instances_by_name(self) -> dict[str, InstanceType]:
        return {instance.name: instance for instance in self.instances}


def _both(bedrock: FoundationModel, sagemaker: FoundationModel) -> FoundationModel:
    """One base model with the offers of both providers."""
    return bedrock.model_copy(
        update={
            "aliases": (*bedrock.aliases, *sagemaker.aliases),
            "license": sagemaker.license,
            "sagemaker": sagemaker.sagemaker,
            "hyperparameters": bedrock.hyperparameters | sagemaker.hyperparameters,
            "validation": bedrock.validation | sagemaker.validation,
            "dataset": bedrock.dataset | sagemaker.dataset,
            "architecture": sagemaker.architecture,
        }
    )
