"""The small translations: tags, hyperparameters, pages, assembly."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import Hyperparameters
from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.observation import Artifact, TrainingPhase
from reconciler.domain.outcome import FaultKind
from reconciler.domain.tags import Owner
from reconciler.localcloud.validation import refusal
from reconciler.providers.assembly import Piece, assemble
from reconciler.providers.aws.faults import Refused
from reconciler.providers.aws.paging import every
from reconciler.providers.aws.tags import bedrock_tags, labels_in, read_tags, resource_tags, sagemaker_tags
from reconciler.providers.hyperparameters import text, wire
from reconciler.providers.ownership import require_ours
from tests.builders import NOW, a_run
from tests.conformance.catalog import LLAMA, NOVA

OWNER = Owner(project="acme", model="support-bot", fingerprint="sha256:1a", created_by="Jürgen <j@x.de>")
ENDPOINT = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/bot"
THROUGHPUT = "arn:aws:bedrock:eu-west-1:111122223333:provisioned-model/abcdefghijkl"

# -- tags


def test_both_spellings_are_read() -> None:
    assert read_tags([{"Key": "a", "Value": "1"}]) == read_tags([{"key": "a", "value": "1"}]) == {"a": "1"}


def test_labels_are_told_from_other_tags() -> None:
    tags = resource_tags(OWNER, {"team": "support"})
    assert tags["reconciler:label:team"] == "support"
    assert labels_in(tags | {"cost-center": "42", "aws:created": "x"}) == {"team": "support"}


def test_what_a_service_does_not_take_is_replaced() -> None:
    [creator] = [tag["Value"] for tag in sagemaker_tags(OWNER.to_tags()) if tag["Key"].endswith("created-by")]
    assert creator == "Jürgen _j@x.de_"
    [creator] = [tag["value"] for tag in bedrock_tags(OWNER.to_tags()) if tag["key"].endswith("created-by")]
    assert creator == "J_rgen _j@x.de_"


@cache
def input_of(service: str, operation: str) -> Any:
    from botocore.session import get_session

    return get_session().get_service_model(service).operation_model(operation).input_shape


@settings(deadline=None)  # the first call reads the service models
@given(st.dictionaries(st.text(min_size=1, max_size=300), st.text(max_size=400), max_size=3))
def test_any_tags_fit_the_service_models(tags: dict[str, str]) -> None:
    on_endpoint = {"ResourceArn": ENDPOINT, "Tags": sagemaker_tags(tags)}
    on_throughput = {"resourceARN": THROUGHPUT, "tags": bedrock_tags(tags)}
    assert refusal(input_of("sagemaker", "AddTags"), on_endpoint) is None
    assert refusal(input_of("bedrock", "TagResource"), on_throughput) is None


def test_other_peoples_things_are_a_conflict_that_names_them() -> None:
    require_ours("endpoint support-bot", OWNER.to_tags(), OWNER)
    theirs = OWNER.model_copy(update={"project": "others"}).to_tags()
    with pytest.raises(Refused, match="belongs to support-bot of project others") as told:
        require_ours("endpoint support-bot", theirs, OWNER)
    assert told.value.fault.kind is FaultKind.CONFLICT
    with pytest.raises(Refused, match="carries no owner tags"):
        require_ours("endpoint support-bot", {"team": "x"}, OWNER)


# -- hyperparameters


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (3, "3"),
        (Decimal("0.00002"), "0.00002"),
        (Decimal("2E-5"), "0.00002"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("1.50"), "1.5"),
        (Decimal("100"), "100"),
        (0.05, "0.05"),
        (1e-07, "0.0000001"),
        (True, "true"),
        ("cosine", "cosine"),
        ({"r": 8, "alpha": 16.0}, '{"alpha":16,"r":8}'),
        (["q_proj", "v_proj"], '["q_proj","v_proj"]'),
        (None, "null"),
    ],
)
def test_values_as_strings(value: object, sent: str) -> None:
    assert text(value) == sent


def test_names_come_from_the_catalog() -> None:
    chosen = Hyperparameters(epochs=2, learning_rate=Decimal("0.0001"), optional={"use_lora": True})
    assert wire(LLAMA, ProviderName.SAGEMAKER, chosen) == {
        "epochs": "2",
        "learning_rate": "0.0001",
        "use_lora": "true",
    }
    assert wire(NOVA, ProviderName.BEDROCK, Hyperparameters(epochs=2, warmup_steps=10)) == {
        "epochCount": "2",
        "learningRateWarmupSteps": "10",
    }


def test_all_values_without_a_name_are_told_at_once() -> None:
    chosen = Hyperparameters(batch_size=4, early_stopping_patience=3)
    with pytest.raises(Refused, match=r"batchSize, earlyStopping\.patience"):
        wire(NOVA, ProviderName.BEDROCK, chosen)


# -- pages


class Pages:
    """A list in pages by token; ``""`` is the first."""

    def __init__(self, pages: Mapping[str, tuple[list[int], str | None]]) -> None:
        self._pages = pages

    def __call__(self, **request: Any) -> dict[str, Any]:
        numbers, token = self._pages[request.get("NextToken", "")]
        return {"Items": [{"number": number} for number in numbers], **({"NextToken": token} if token else {})}


def test_an_empty_page_is_not_the_end() -> None:
    pages = Pages({"": ([], "a"), "a": ([1], "b"), "b": ([], "c"), "c": ([2, 3], None)})
    assert [item["number"] for item in every(pages, "Items")] == [1, 2, 3]


def test_pages_that_go_round_in_circles_are_told() -> None:
    pages = Pages({"": ([1], "a"), "a": ([2], "b"), "b": ([3], "a")})
    with pytest.raises(CloudUnavailable, match="circles"):
        [*every(pages, "Items")]


# -- assembly


def a_piece(fingerprint: str = "sha256:1a", attempt: int = 1, **more: Any) -> Piece:
    owner = OWNER.model_copy(update={"fingerprint": fingerprint, "attempt": attempt, **more.pop("owner", {})})
    return Piece(owner=owner, labels=more.pop("labels", {}), **more)


def test_versions_come_oldest_first_and_attempts_in_order() -> None:
    def run(attempt: int, hours: int) -> Any:
        return a_run(f"r{attempt}", attempt=attempt, created_at=NOW - timedelta(hours=hours))

    pieces = [
        a_piece("sha256:new", run=run(1, 1)),
        a_piece("sha256:old", 2, run=run(2, 5)),
        a_piece("sha256:old", 1, run=run(1, 6)),
    ]
    [model] = assemble(ProviderName.SAGEMAKER, pieces, {})
    assert [version.fingerprint for version in model.versions] == ["sha256:old", "sha256:new"]
    assert [run.attempt for run in model.versions[0].runs] == [1, 2]


def test_the_last_attempts_artifact_counts() -> None:
    artifacts = [Artifact(identifier=f"s3://acme/{name}", name=name) for name in ("first", "second")]
    pieces = [a_piece(attempt=2, artifact=artifacts[1]), a_piece(attempt=1, artifact=artifacts[0])]
    [model] = assemble(ProviderName.SAGEMAKER, pieces, {})
    assert model.versions[0].artifact == artifacts[1]


def test_a_guard_on_any_of_its_things_guards_the_model() -> None:
    """An update that was cut off must not lift it."""
    pieces = [a_piece(), a_piece(owner={"prevent_destroy": True, "deletion_policy": "retain"})]
    [model] = assemble(ProviderName.SAGEMAKER, pieces, {})
    assert (model.prevent_destroy, model.deletion_policy) == (True, "retain")


def test_a_label_counts_where_everything_carries_it() -> None:
    pieces = [a_piece(labels={"team": "a", "tier": "1"}), a_piece(labels={"team": "b", "tier": "1"})]
    [model] = assemble(ProviderName.SAGEMAKER, pieces, {})
    assert model.labels == {"tier": "1"}


def test_the_record_of_a_discarded_run_says_nothing_of_the_model() -> None:
    discarded = a_run("r1", discarded=True, phase=TrainingPhase.COMPLETED)
    pieces = [a_piece(labels={"team": "old"}, run=discarded, owner={"prevent_destroy": True}), a_piece(attempt=2)]
    [model] = assemble(ProviderName.BEDROCK, pieces, {})
    assert (model.prevent_destroy, model.labels) == (False, {})
    assert model.versions[0].last_attempt == 1


def test_schedules_that_are_left_alone_are_a_model() -> None:
    [model] = assemble(ProviderName.SAGEMAKER, [], {"gone-bot": ()})
    assert (model.name, model.versions) == ("gone-bot", ())
