"""Training data for tests: written by hand, or by the standard library's own writers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import BinaryIO

from reconciler.datasets.source import Open
from reconciler.domain.catalog import DatasetRules, ProviderName
from reconciler.domain.desired import (
    DatasetSource,
    DeploymentKind,
    DesiredDeployment,
    DesiredModel,
    Hyperparameters,
    ResolvedModel,
    TrainingData,
    ValidationPlan,
)

Pair = tuple[str, str]


def a_source(uri: str = "data.csv", name: str | None = None) -> DatasetSource:
    return DatasetSource(name=name, uri=uri)


def serving(**files: bytes) -> Open:
    """Opens `data.csv` where a keyword says `data_csv`."""

    def opened(source: DatasetSource) -> BinaryIO:
        return io.BytesIO(files[source.uri.replace(".", "_")])

    return opened


def as_csv(
    pairs: Iterable[Pair], *, quoting: int = csv.QUOTE_MINIMAL, ending: str = "\r\n", swapped: bool = False
) -> bytes:
    out = io.StringIO(newline="")
    header = ("prompt", "expected completion")
    order = slice(None, None, -1 if swapped else 1)
    # QUOTE_MINIMAL leaves an empty line for a row of one empty cell only: there are always two here
    writer = csv.writer(out, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]
    writer.writerow(header[order])
    writer.writerows(pair[order] for pair in pairs)
    return out.getvalue().encode()


def as_jsonl(pairs: Iterable[Pair], *, ascii_only: bool = False) -> bytes:
    lines = (json.dumps({"completion": c, "prompt": p}, ensure_ascii=ascii_only) for p, c in pairs)
    return "".join(f"{line}\n" for line in lines).encode()


def some_pairs(count: int) -> list[Pair]:
    return [(f"question {number}", f"answer {number}") for number in range(count)]


def rules(format: str = "prompt-completion", **limits: int | bool) -> DatasetRules:
    return DatasetRules.model_validate({"format": format, **limits})


def a_model(training: DatasetSource, validation: ValidationPlan | None = None) -> ResolvedModel:
    return ResolvedModel(
        name="support-bot",
        provider=ProviderName.BEDROCK,
        base_model="nova-lite",
        training_data=training,
        validation=validation or ValidationPlan(),
        hyperparameters=Hyperparameters(epochs=2),
        deployment=DesiredDeployment(kind=DeploymentKind.PROVISIONED),
    )


def desired(model: ResolvedModel, data: TrainingData | None) -> DesiredModel:
    assert data is not None
    return DesiredModel(resolved=model, data=data, fingerprint="sha256:1a2b3c4d" + "0" * 56)
