"""A training that no manifest describes: the flags of ``reconciler estimate`` as one, so that the same rules and defaults hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from reconciler.cli.invocation import Invocation
from reconciler.cli.project import watching

if TYPE_CHECKING:
    from reconciler.domain.catalog import Catalog, FoundationModel, ProviderName
    from reconciler.domain.desired import Configuration, ResolvedModel, TrainingData
    from reconciler.domain.diagnostic import Diagnostic
    from reconciler.domain.ports import DataLibrary

METHODS = ("full", "lora", "qlora")
PROVIDERS = ("sagemaker", "bedrock")
DEFAULT_REGION = "us-east-1"
SOURCE = "<flags>"
"""What problems name as the manifest's file."""

_NO_FILE = "records.jsonl"
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, kw_only=True)
class Supposition:
    """What the flags say. ``None``: not given."""

    model: str
    dataset: str | None = None
    records: int | None = None
    tokens_per_record: int | None = None
    method: str | None = None
    provider: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    max_length: int | None = None
    instances: int | None = None

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> Self | None:
        """``None`` where no flag was given. Raises UsageError where they do not make a training."""
        given = {name: value for name, value in flags.items() if value is not None}
        assert given.keys() <= {each.name for each in fields(cls)}
        if not given:
            return None
        if "model" not in given:
            raise click.UsageError(f"{_flag(next(iter(given)))} is for --model KEY.")
        found = cls(**given)
        found._check_data()
        return found

    def _check_data(self) -> None:
        counted = (self.records, self.tokens_per_record)
        if (self.dataset is None) is (counted == (None, None)):
            raise click.UsageError("--model takes --dataset PATH, or --records N and --tokens-per-record N.")
        if self.dataset is None and None in counted:
            raise click.UsageError("--records and --tokens-per-record go together.")


def supposed(
    invocation: Invocation, asked: Supposition, catalog: Catalog, region: str | None
) -> Iterator[tuple[Configuration, DataLibrary]]:
    """One training for each provider that tunes the model; without a region, where it does. Raises ReconcilerError and InvalidInput."""
    from reconciler.domain.catalog import LOCAL_FOLDER
    from reconciler.domain.errors import InvalidInput
    from reconciler.manifest.load import SourceFile, load
    from reconciler.reports.view.catalog import home_region

    weights = _weights(invocation, asked, catalog)
    base = _base(LOCAL_FOLDER if weights else asked.model, catalog)
    for provider in _providers(asked, base):
        place = region or (home_region(base) if provider == "bedrock" else DEFAULT_REGION)
        text = _manifest(asked, weights, base, provider, place)
        invocation.sources = {SOURCE: text}
        loaded = load([SourceFile(path=SOURCE, text=text)], catalog, root=str(_folder(invocation, asked)))
        if loaded.configuration is None:
            raise InvalidInput(loaded.diagnostics)
        yield loaded.configuration, _library(invocation, asked)


def _weights(invocation: Invocation, asked: Supposition, catalog: Catalog) -> Path | None:
    """The folder that the flag names, where the catalog knows no model of that name."""
    folder = (invocation.directory / asked.model).expanduser().resolve()
    return folder if catalog.model(asked.model) is None and folder.is_dir() else None


def _base(key: str, catalog: Catalog) -> FoundationModel:
    from reconciler.domain.errors import ReconcilerError
    from reconciler.domain.spelling import did_you_mean

    found = catalog.model(key)
    if found is None:
        hint = did_you_mean(key, [model.key for model in catalog.models])
        raise ReconcilerError(
            f"the catalog has no base model {key!r}, and there is no such folder",
            hint=hint or "`reconciler catalog models` lists them.",
        )
    return found


def _providers(asked: Supposition, base: FoundationModel) -> tuple[ProviderName, ...]:
    """How it trains is SageMaker's to be told; Bedrock does not let one choose."""
    chosen = tuple(name for name in base.providers if asked.provider in (None, str(name)))
    if not chosen:
        raise click.UsageError(f"{base.key} is not tuned on {asked.provider}, but on {', '.join(base.providers)}.")
    own = ("method", "max_length", "instances")
    given = [_flag(name) for name in own if getattr(asked, name) is not None]
    if given and "sagemaker" not in chosen:
        raise click.UsageError(f"Bedrock chooses how it trains: leave {' and '.join(given)} out.")
    return tuple(name for name in chosen if name == "sagemaker") if given else chosen


def _manifest(
    asked: Supposition, weights: Path | None, base: FoundationModel, provider: ProviderName, region: str
) -> str:
    import yaml

    project = {"region": region, "cloud": "local"}
    count = {"instanceCount": asked.instances} if asked.instances else {}
    resources = {"resources": {"instanceType": "auto", **count}} if provider == "sagemaker" else {}
    validation = {"validation": {"split": "10%"}} if base.validation.get(provider) == "required" else {}
    spec = {
        "baseModel": {"path": str(weights)} if weights else base.key,
        "provider": str(provider),
        "dataset": {"training": _address(asked), **validation},
        **resources,
        "hyperparameters": _hyperparameters(asked, provider),
    }
    return yaml.safe_dump_all(
        (_document("Project", "estimate", project), _document("FineTunedModel", base.key.replace(".", "-"), spec)),
        sort_keys=False,
    )


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "reconciler/v1", "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def _hyperparameters(asked: Supposition, provider: ProviderName) -> dict[str, Any]:
    named = {"epochs": asked.epochs, "batchSize": asked.batch_size}
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    optional: dict[str, Any] = {}
    if provider == "sagemaker":
        optional |= {"full": {}, "lora": {"use_lora": True}, "qlora": {"use_lora": True, "load_in_4bit": True}}[
            asked.method or "lora"
        ]
        optional |= {"sft_config": {"max_length": asked.max_length}} if asked.max_length else {}
    return given | ({"optional": optional} if optional else {})


def _address(asked: Supposition) -> str:
    dataset = asked.dataset or _NO_FILE
    return dataset if dataset.startswith("s3://") else f"./{Path(dataset).name}"


def _folder(invocation: Invocation, asked: Supposition) -> Path:
    """Of local data, which no project's folder has to hold here."""
    inside = asked.dataset is not None and not asked.dataset.startswith("s3://")
    return (invocation.directory / (asked.dataset or "")).parent.resolve() if inside else invocation.directory.resolve()


def _library(invocation: Invocation, asked: Supposition) -> DataLibrary:
    from reconciler.cli.wiring import data_files

    if asked.records is not None and asked.tokens_per_record is not None:
        return _Counted(asked.records, asked.tokens_per_record)
    with watching(invocation) as watch:
        return data_files(None, _folder(invocation, asked), watch)


@dataclass(frozen=True)
class _Counted:
    """Data of which only the size is known."""

    records: int
    tokens_per_record: int

    def training_data(
        self, model: ResolvedModel, base: FoundationModel
    ) -> tuple[TrainingData | None, tuple[Diagnostic, ...]]:
        from reconciler.domain.desired import DatasetFacts, TrainingData
        from reconciler.domain.fingerprint import digest
        from reconciler.stores.filedigests import Unread
        from reconciler.stores.weights import examine

        tokens = self.records * self.tokens_per_record
        facts = DatasetFacts(
            source=model.training_data,
            digest=digest([self.records, self.tokens_per_record]),
            records=self.records,
            size_bytes=tokens * _CHARACTERS_PER_TOKEN,
            characters=tokens * _CHARACTERS_PER_TOKEN,
            tokens=tokens,
            tokens_note="as given",
        )
        held = self.records * (model.validation.split_percent or 0) // 100
        weights, unusable = examine(Path(), model.weights, Unread()) if model.weights else (None, ())
        data = TrainingData(
            training=facts, training_records=self.records - held, validation_records=held, weights=weights
        )
        return (None if unusable else data), unusable

    def weights_digest(self, model: ResolvedModel) -> tuple[str | None, tuple[Diagnostic, ...]]:
        raise AssertionError("flags name no weights in S3")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
