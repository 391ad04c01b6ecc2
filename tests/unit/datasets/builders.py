"""Training data for tests: written by hand, or by the standard library's own writers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from reconciler.datasets.blocks import BLOCK, Block
from reconciler.datasets.check import Demands
from reconciler.datasets.columns import read_block
from reconciler.datasets.engines import Engine, Results, Work, alone
from reconciler.datasets.examine import Looking, Open, Reading
from reconciler.datasets.passing import Wanted, pass_over
from reconciler.datasets.records import Record
from reconciler.datasets.source import Flaw, Stream
from reconciler.datasets.training import Checked, Part, check, convert
from reconciler.domain.catalog import DatasetRules, FoundationModel, ProviderName
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


def a_base(format: str = "prompt-completion", **limits: int | bool) -> FoundationModel:
    return FoundationModel(
        key="nova-lite",
        name="Nova Lite",
        family="nova",
        hyperparameters={},
        validation={},
        dataset={ProviderName.BEDROCK: rules(format, **limits)},
    )


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


def checked(
    model: ResolvedModel, rules: DatasetRules, open: Open, *, engine: Engine = alone, **more: int | bool
) -> Checked:
    demands = Demands(rules, model.base_model, **more)
    return check(model.training_data, model.validation, Looking(open, engine=engine), demands)


def converted(
    model: DesiredModel, rules: DatasetRules, open: Open, *parts: Part, engine: Engine = alone
) -> dict[Part, bytes]:
    sinks = {part: io.BytesIO() for part in parts or Part}
    convert(model, rules.format, Reading(open, engine), dict(sinks))
    return {part: sink.getvalue() for part, sink in sinks.items()}


def found_in(data: bytes, name: str = "data.csv", *, block: int = BLOCK) -> list[Record | Flaw]:
    """Every record, and then every flaw."""
    records: list[Record] = []

    def watched(work: Work, blocks: Iterator[Block]) -> Results:
        for each, found in alone(work, blocks):
            if not found.is_cut_off:
                read = read_block(each, work.keywords["task"].layout)  # type: ignore[attr-defined]
                down = sum(rows)
                rows.append(read.rows)
                records.extend(record._replace(row=record.row + down) for record in read.columns.records())
            yield each, found

    rows: list[int] = []
    with Stream(io.BytesIO(data)) as stream:
        totals = pass_over(stream, name, Wanted(), engine=watched, block=block)
    header = totals.rows - sum(rows)
    flaws = [flaw for code in totals.flaws.counts for flaw in totals.flaws.first(code)]
    return [*(record._replace(row=record.row + header + 1) for record in records), *flaws]


def desired(model: ResolvedModel, data: TrainingData | None) -> DesiredModel:
    assert data is not None
    return DesiredModel(resolved=model, data=data, fingerprint="sha256:1a2b3c4d" + "0" * 56)
