"""The catalog in tables. Every figure keeps its source and date; an estimate carries a question mark; unknown is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciler.domain.catalog import (
    BedrockOffer,
    Catalog,
    ContainerImage,
    DatasetRules,
    FoundationModel,
    HyperparameterRule,
    InstanceType,
    Price,
    ProviderName,
    SageMakerOffer,
    Source,
)
from reconciler.reports.figures import money, size
from reconciler.reports.view.model import Pairs, Table

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class CatalogPage:
    """One entry: facts, tables below them, and where the figures come from."""

    title: str
    facts: Pairs
    sections: tuple[tuple[str, Pairs], ...]
    tables: tuple[tuple[str, Table], ...]
    sources: tuple[str, ...]


def models_table(catalog: Catalog) -> Table:
    header = ("MODEL", "NAME", "PROVIDERS", "PARAMETERS", "NOTE")
    return Table(header, tuple(_model_row(model) for model in catalog.models if model.instruct))


def _model_row(model: FoundationModel) -> tuple[str, ...]:
    parameters = model.architecture.parameters if model.architecture else None
    return model.key, model.name, ", ".join(model.providers), _count(parameters), _note(model)


def _count(parameters: int | None) -> str:
    """``8.0B``, ``3.2M``; ``-`` where it is not known."""
    if parameters is None:
        return "-"
    return f"{parameters / 1e9:.1f}B" if parameters >= 1e8 else f"{parameters / 1e6:.1f}M"


def _note(model: FoundationModel) -> str:
    if model.retirement:
        instead = f", use {model.retirement.replaced_by}" if model.retirement.replaced_by else ""
        return f"retired by AWS{instead}"
    if model.local_only:
        return "embedded cloud alone"
    return "gated: needs a licence" if model.sagemaker and model.sagemaker.gated else ""


def instances_table(catalog: Catalog, region: str) -> Table:
    header = ("INSTANCE", "GPUS", "GPU MEMORY", "VCPUS", "MEMORY", "TRAINING/h", "HOSTING/h")
    return Table(header, tuple(_instance_row(instance, catalog, region) for instance in catalog.instances))


def _instance_row(instance: InstanceType, catalog: Catalog, region: str) -> tuple[str, ...]:
    gpu = instance.accelerator
    return (
        instance.name,
        f"{instance.accelerators} x {gpu.name}" if gpu else "-",
        f"{gpu.memory_gb * instance.accelerators:g} GB" if gpu else "-",
        _or_unknown(instance.vcpus),
        f"{instance.memory_gib:g} GiB" if instance.memory_gib is not None else "unknown",
        price_text(catalog.training_price(instance.name, region)) if instance.training else "no training",
        price_text(catalog.hosting_price(instance.name, region)) if instance.hosting else "no hosting",
    )


@dataclass(frozen=True)
class PriceChange:
    region: str
    what: str
    before: str
    now: str


def price_changes(before: Catalog, after: Catalog, region: str) -> list[PriceChange]:
    """Prices of the region that are other figures in ``after``, or are known there alone."""
    old = dict(_prices(before, region))
    changed = ((what, old.get(what), price) for what, price in _prices(after, region))
    return [
        PriceChange(region, what, price_text(was, with_unit=True), price_text(price, with_unit=True))
        for what, was, price in changed
        if price.is_known and (was is None or was.usd != price.usd)
    ]


def _prices(catalog: Catalog, region: str) -> Iterator[tuple[str, Price]]:
    for instance in catalog.instances:
        if instance.training:
            yield f"{instance.name} training", catalog.training_price(instance.name, region)
        if instance.hosting:
            yield f"{instance.name} hosting", catalog.hosting_price(instance.name, region)
    yield "S3 Standard", catalog.storage_price(region)
    for model in catalog.models:
        for name, price in dict(model.bedrock or ()).items():
            if isinstance(price, Price):
                yield f"{model.key} {name.replace('_', ' ')}", catalog.bedrock_price(model, price, region)


def price_text(price: Price | None, *, with_unit: bool = False) -> str:
    """``$1.5150``, ``$1.5150?`` for an estimate, ``unknown``; ``-`` where there is no such price."""
    if price is None:
        return "-"
    if price.usd is None:
        return "unknown"
    amount = money(price.usd) if price.usd >= 1000 else f"${price.usd.normalize():f}"
    return f"{amount}{'?' if _is_guess(price) else ''}{f' per {price.unit}' if with_unit else ''}"


def _is_guess(price: Price) -> bool:
    return price.estimated or (price.source is not None and not price.source.verified)


def images_table(images: Sequence[ContainerImage], said: Mapping[tuple[str, str], str] | None) -> Table:
    """``said``: what AWS's SDK says now, by purpose and region; ``None``: it was not asked."""
    if said is None:
        return Table(("PURPOSE", "REGION", "IMAGE"), tuple((i.purpose, i.region, i.uri) for i in images))
    header = ("PURPOSE", "REGION", "PINNED", "SDK")
    return Table(header, tuple((i.purpose, i.region, i.uri, _compared(i, said)) for i in images))


def _compared(image: ContainerImage, said: Mapping[tuple[str, str], str]) -> str:
    found = said.get((image.purpose, image.region))
    return "the same" if found == image.uri else found or "none in this region"


def images_data(
    images: Iterable[ContainerImage], said: Mapping[tuple[str, str], str] | None
) -> Iterator[dict[str, Any]]:
    for image in images:
        asked = {} if said is None else {"sdk": said.get((image.purpose, image.region))}
        yield image.model_dump(mode="json") | asked


def home_region(model: FoundationModel) -> str:
    """Where its prices are looked up when nobody says where: us-east-1, or the first region in which Bedrock tunes it."""
    tuned = model.bedrock.tuning_regions if model.bedrock else ()
    return DEFAULT_REGION if DEFAULT_REGION in tuned or not tuned else tuned[0]


def model_page(model: FoundationModel, catalog: Catalog, region: str) -> CatalogPage:
    prices = bedrock_prices(model, catalog, region)
    sections = (
        (f"Bedrock, prices of {region}", _bedrock(model.bedrock, prices) if model.bedrock else ()),
        ("SageMaker", _sagemaker(model.sagemaker) if model.sagemaker else ()),
        *((f"Training data on {provider}", _dataset(model, provider)) for provider in model.providers),
    )
    tables = tuple((f"Hyperparameters on {p}", _rules(model.hyperparameters.get(p, ()))) for p in model.providers)
    return CatalogPage(
        title=f"{model.key}  {model.name}",
        facts=_model_facts(model),
        sections=tuple((title, pairs) for title, pairs in sections if pairs),
        tables=tuple((title, table) for title, table in tables if table.rows),
        sources=_sources(_model_sources(model, prices)),
    )


def instance_page(instance: InstanceType, catalog: Catalog, region: str) -> CatalogPage:
    gpu = instance.accelerator
    training, hosting = catalog.training_price(instance.name, region), catalog.hosting_price(instance.name, region)
    facts = (
        ("GPUs", f"{instance.accelerators} x {gpu.name} ({gpu.architecture})" if gpu else "none"),
        ("GPU memory", f"{gpu.memory_gb:g} GB each, {gpu.usable_mib / 1024:.1f} GiB usable" if gpu else ""),
        ("bf16 peak", f"{gpu.dense_bf16_tflops:g} TFLOPS each, dense" if gpu and gpu.dense_bf16_tflops else ""),
        ("vCPUs", _or_unknown(instance.vcpus)),
        ("memory", f"{instance.memory_gib:g} GiB" if instance.memory_gib is not None else "unknown"),
        ("local NVMe", f"{instance.nvme_gb:,} GB" if instance.nvme_gb else ""),
        ("training", price_text(training, with_unit=True) if instance.training else "not offered"),
        ("hosting", price_text(hosting, with_unit=True) if instance.hosting else "not offered"),
    )
    found = {"instance": instance.source, "GPU": gpu.source if gpu else None}
    found |= {"training": training.source, "hosting": hosting.source}
    return CatalogPage(instance.name, _said(facts), (), (), _sources(found.items()))


def instance_data(instance: InstanceType, catalog: Catalog, region: str) -> dict[str, Any]:
    """The instance as plain values, with its prices in the region; ``usd`` is null where the price is unknown."""
    prices = {
        "training": catalog.training_price(instance.name, region) if instance.training else None,
        "hosting": catalog.hosting_price(instance.name, region) if instance.hosting else None,
    }
    known = {use: price.model_dump(mode="json", by_alias=True) if price else None for use, price in prices.items()}
    return {**instance.model_dump(mode="json", by_alias=True), "prices": known}


def model_data(model: FoundationModel, catalog: Catalog, region: str) -> dict[str, Any]:
    """The base model as plain values; Bedrock's prices are those of the region."""
    prices = {_PRICES[name]: price for name, price in bedrock_prices(model, catalog, region).items()}
    offer = model.bedrock.model_copy(update=prices) if model.bedrock else None
    return model.model_copy(update={"bedrock": offer}).model_dump(mode="json", by_alias=True)


def _model_facts(model: FoundationModel) -> Pairs:
    retired = model.retirement
    gone = f"{retired.state}: {retired.reason} ({retired.on or 'day unknown'})" if retired else ""
    instead = f"; use {model.instruct_variant}" if model.instruct_variant else ""
    return _said(
        (
            ("not tuned", f"only continues text: no instruct model{instead}" if not model.instruct else ""),
            ("family", model.family),
            ("licence", model.license or "unknown"),
            ("also called", ", ".join(model.aliases)),
            ("providers", ", ".join(model.providers)),
            ("retired", gone),
            ("replaced by", retired.replaced_by or "" if retired else ""),
            ("embedded only", "exists on the embedded cloud alone" if model.local_only else ""),
        )
    )


_PRICES = {
    "training": "training_per_1k_tokens",
    "storage": "storage_per_month",
    "throughput": "throughput_none",
    "1 month": "throughput_one_month",
    "6 months": "throughput_six_months",
    "input": "on_demand_input_per_1m",
    "output": "on_demand_output_per_1m",
}
"""What a price is called on the page, and in the offer."""


def bedrock_prices(model: FoundationModel, catalog: Catalog, region: str) -> dict[str, Price]:
    """By their names on the page; empty where Bedrock does not tune the model."""
    if model.bedrock is None:
        return {}
    named: dict[str, Price | None] = {name: getattr(model.bedrock, field) for name, field in _PRICES.items()}
    return {name: catalog.bedrock_price(model, price, region) for name, price in named.items() if price is not None}


def _bedrock(offer: BedrockOffer, prices: dict[str, Price]) -> Pairs:
    return _said(
        (
            ("model id", offer.model_id),
            ("tuned in", ", ".join(offer.tuning_regions) or "unknown"),
            *((name, price_text(price, with_unit=True)) for name, price in prices.items()),
            ("on demand", "yes" if offer.supports_on_demand else "no"),
        )
    )


def _sagemaker(offer: SageMakerOffer) -> Pairs:
    return _said(
        (
            ("weights", offer.hugging_face_repo or offer.weights_uri or ""),
            ("JumpStart id", offer.jumpstart_id or ""),
            ("gated", _GATES[offer.gated]),
            ("EULA", offer.eula or ""),
            ("trains on", offer.default_training_instance_type or ""),
            ("serves on", offer.default_hosting_instance_type or ""),
        )
    )


_GATES = {True: "yes: accept the licence, and give a token as a secret", False: "no", None: "not known"}


def _dataset(model: FoundationModel, provider: ProviderName) -> Pairs:
    rules = model.dataset.get(provider)
    validation = model.validation.get(provider)
    return (*(_limits(rules) if rules else ()), *((("validation", str(validation)),) if validation else ()))


def _limits(rules: DatasetRules) -> Pairs:
    return _said(
        (
            ("format", rules.format),
            ("records", _between(rules.min_records, rules.max_records)),
            ("record", f"at most {rules.max_tokens_per_record:,} tokens" if rules.max_tokens_per_record else ""),
            ("size", f"at most {size(rules.max_training_bytes)}" if rules.max_training_bytes else ""),
        )
    )


def _between(low: int | None, high: int | None) -> str:
    bounds = (f"at least {low:,}" if low is not None else "", f"at most {high:,}" if high is not None else "")
    return ", ".join(bound for bound in bounds if bound) or "no known limit"


def _rules(rules: Iterable[HyperparameterRule]) -> Table:
    rows = (
        (
            rule.name,
            rule.kind,
            _bound(rule.minimum, exclusive=rule.exclusive_minimum),
            _bound(rule.maximum),
            _plain(rule.default),
        )
        for rule in rules
    )
    return Table(("NAME", "TYPE", "FROM", "TO", "DEFAULT"), tuple(rows))


def _bound(value: Decimal | None, *, exclusive: bool = False) -> str:
    return f"{'> ' if exclusive else ''}{_plain(value)}"


def _plain(value: Decimal | None) -> str:
    return "-" if value is None else f"{float(value):g}"


def _or_unknown(value: int | None) -> str:
    return "unknown" if value is None else str(value)


def _said(pairs: Iterable[tuple[str, str]]) -> Pairs:
    return tuple((label, text) for label, text in pairs if text)


def _model_sources(model: FoundationModel, prices: Mapping[str, Price]) -> Iterable[tuple[str, Source | None]]:
    yield from ((name, price.source) for name, price in prices.items())
    yield "tuned in", model.bedrock.source if model.bedrock else None
    yield from ((rule.name, rule.source) for rules in model.hyperparameters.values() for rule in rules)
    yield from (("training data", rules.source) for rules in model.dataset.values())
    yield "SageMaker", model.sagemaker.source if model.sagemaker else None
    yield "architecture", model.architecture.source if model.architecture else None
    yield "retirement", model.retirement.source if model.retirement else None


def _sources(sources: Iterable[tuple[str, Source | None]]) -> tuple[str, ...]:
    """Each once, with the figures that were read there."""
    figures: dict[str, dict[str, None]] = {}
    for figure, source in sources:
        if source is not None:
            figures.setdefault(_cited(source), {})[figure] = None
    return tuple(f"{', '.join(of)}: {source}" for source, of in figures.items())


def _cited(source: Source) -> str:
    note = f"; {source.note}" if source.note else ""
    return f"{source.address} ({source.date}{'' if source.verified else ', not verified'}{note})"
