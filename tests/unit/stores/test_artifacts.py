from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.domain.catalog import DatasetRules
from reconciler.domain.desired import DatasetSource, DesiredModel, ValidationPlan
from reconciler.domain.errors import CloudUnavailable, InvalidInput, PlanChanged
from reconciler.domain.observation import Artifact, Version
from reconciler.stores.artifacts import S3Artifacts
from reconciler.stores.datafiles import DataFiles
from reconciler.stores.s3 import ObjectStore
from tests.unit.datasets.builders import a_base, a_model, as_csv, as_jsonl, desired, rules, some_pairs

from .conftest import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class FixedClock:
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


class World:
    def __init__(self, root: Path, s3: S3Client) -> None:
        self.root = root
        self.clock = FixedClock()
        self.store = ObjectStore(s3, BUCKET)
        self.files = DataFiles(root, lambda: s3, cache=root / ".reconciler" / "cache" / "datasets.json")
        self.artifacts = S3Artifacts(self.store, "acme", reading=self.files.reading(), clock=self.clock, root=root)

    def source(self, name: str, content: bytes) -> DatasetSource:
        (self.root / name).write_bytes(content)
        return DatasetSource(name=None, uri=str(self.root / name))

    def model(self, training: DatasetSource, validation: ValidationPlan | None = None) -> DesiredModel:
        model = a_model(training, validation)
        return desired(model, self.files.training_data(model, a_base())[0])

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(stored.key for stored in self.store.list(prefix))

    def lines(self, uri: str | None) -> list[tuple[str, str]]:
        fetched = self.store.get((uri or "").removeprefix(f"s3://{BUCKET}/"))
        assert fetched is not None
        records = [json.loads(line) for line in fetched.body.splitlines()]
        return [(record["prompt"], record["completion"]) for record in records]


@pytest.fixture
def world(tmp_path: Path, s3: S3Client) -> World:
    return World(tmp_path, s3)


def test_data_goes_under_its_digest(world: World) -> None:
    model = world.model(world.source("a.csv", as_csv(some_pairs(3))))
    found = world.artifacts.put_training_data(model, rules())
    digest = model.data.training.digest.removeprefix("sha256:")[:16]
    assert found.training_uri == f"s3://{BUCKET}/acme/datasets/{digest}/prompt-completion-all/training.jsonl"
    assert found.validation_uri is None
    assert world.lines(found.training_uri) == some_pairs(3)


def test_same_data_same_address_and_no_second_upload(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = world.artifacts.put_training_data(world.model(world.source("a.csv", as_csv(some_pairs(3)))), rules())
    monkeypatch.setattr(world.store, "put_stream", lambda *_: pytest.fail("uploaded again"))
    again = world.model(world.source("b.jsonl", as_jsonl(some_pairs(3))))
    assert world.artifacts.put_training_data(again, rules()) == first


def test_what_is_uploaded_has_a_checksum(world: World) -> None:
    model = world.model(world.source("a.csv", as_csv(some_pairs(3))))
    uri = world.artifacts.put_training_data(model, rules()).training_uri
    stored = world.store.head(uri.removeprefix(f"s3://{BUCKET}/"))
    assert stored is not None
    assert (stored.checksum or "").startswith("SHA256:")


def test_another_system_prompt_another_address(world: World) -> None:
    model = world.model(world.source("a.csv", as_csv(some_pairs(3))))
    told = model.model_copy(update={"resolved": model.resolved.model_copy(update={"system_prompt": "Be brief."})})
    uris = {world.artifacts.put_training_data(each, rules("chat")).training_uri for each in (model, told)}
    assert len(uris) == 2
    (uri,) = [uri for uri in uris if "-system" in uri]
    fetched = world.store.get(uri.removeprefix(f"s3://{BUCKET}/"))
    assert fetched is not None
    assert json.loads(fetched.body.splitlines()[0])["messages"][0] == {"role": "system", "content": "Be brief."}


def test_both_sides_of_a_split(world: World) -> None:
    model = world.model(world.source("a.csv", as_csv(some_pairs(50))), ValidationPlan(split_percent=20))
    found = world.artifacts.put_training_data(model, rules())
    assert found.training_uri.endswith("/prompt-completion-split20-seed0/training.jsonl")
    assert found.validation_uri is not None
    assert found.validation_uri.endswith("/prompt-completion-split20-seed0/validation.jsonl")
    assert sorted(world.lines(found.training_uri) + world.lines(found.validation_uri)) == sorted(some_pairs(50))
    assert len(world.lines(found.validation_uri)) == model.data.validation_records


def test_validation_data_of_its_own_lies_under_its_own_digest(world: World) -> None:
    held = ValidationPlan(source=world.source("held.csv", as_csv([("v", "w")])))
    model = world.model(world.source("a.csv", as_csv(some_pairs(3))), held)
    found = world.artifacts.put_training_data(model, rules())
    assert model.data.validation is not None
    assert model.data.validation.digest.removeprefix("sha256:")[:16] in (found.validation_uri or "")
    assert world.lines(found.validation_uri) == [("v", "w")]


def test_data_that_changed_since_the_plan_is_not_uploaded(world: World) -> None:
    model = world.model(world.source("a.csv", as_csv(some_pairs(3))))
    world.source("a.csv", as_csv(some_pairs(4)))
    with pytest.raises(PlanChanged):
        world.artifacts.put_training_data(model, rules())
    assert world.keys() == []


def test_data_that_grew_too_large_by_conversion_is_refused(world: World) -> None:
    model = world.model(world.source("a.csv", as_csv(some_pairs(3))))
    tight: DatasetRules = rules(max_training_bytes=50)
    with pytest.raises(InvalidInput, match="Too much data"):
        world.artifacts.put_training_data(model, tight)
    assert world.keys() == []


def test_the_manifest_is_recorded_without_this_machines_folders(world: World, tmp_path: Path) -> None:
    held = ValidationPlan(source=DatasetSource(name=None, uri=f"s3://{BUCKET}/held.csv"))
    world.store.put("held.csv", as_csv([("v", "w")]))
    model = world.model(world.source("a.csv", as_csv(some_pairs(3))), held)
    uri = world.artifacts.put_manifest(model)
    assert uri == f"s3://{BUCKET}/acme/models/support-bot/1a2b3c4d/manifest.json"
    fetched = world.store.get("acme/models/support-bot/1a2b3c4d/manifest.json")
    assert fetched is not None
    assert str(tmp_path).encode() not in fetched.body
    read = world.artifacts.recorded("support-bot", model.fingerprint)
    assert read is not None
    assert read.resolved.training_data.uri == read.data.training.source.uri == "a.csv"
    assert read.resolved.validation == model.resolved.validation
    world.artifacts.put_manifest(read)
    assert world.artifacts.recorded("support-bot", model.fingerprint) == read


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[" * 10_000])
def test_what_was_not_recorded_readably_is_unknown(world: World, content: bytes | None) -> None:
    if content is not None:
        world.store.put("acme/models/support-bot/1a2b3c4d/manifest.json", content)
    assert world.artifacts.recorded("support-bot", "sha256:1a2b3c4d") is None


def test_another_fingerprint_with_the_same_beginning_is_not_taken_for_it(world: World) -> None:
    model = world.model(world.source("a.csv", as_csv(some_pairs(3))))
    world.artifacts.put_manifest(model)
    assert world.artifacts.recorded("support-bot", "sha256:1a2b3c4d" + "f" * 56) is None


def test_discarded_artifacts_lie_in_the_trash_for_thirty_days(world: World) -> None:
    fingerprint = "sha256:1a2b3c4d" + "0" * 56
    prefix = "acme/models/support-bot/1a2b3c4d/"
    for key in (f"{prefix}manifest.json", f"{prefix}job/output/model.tar.gz", "acme/models/support-bot/99999999/x"):
        world.store.put(key, b"12345")
    world.store.put("acme/trash/notes/x", b"")
    world.artifacts.discard("support-bot", Version(fingerprint=fingerprint))
    trash = [
        "acme/trash/2026-11-24/models/support-bot/1a2b3c4d/job/output/model.tar.gz",
        "acme/trash/2026-11-24/models/support-bot/1a2b3c4d/manifest.json",
    ]
    assert world.keys() == ["acme/models/support-bot/99999999/x", *trash, "acme/trash/notes/x"]
    world.clock.moment += timedelta(days=30)
    world.artifacts.discard("support-bot", Version(fingerprint=fingerprint))
    assert world.keys("acme/trash/2026") == trash
    world.clock.moment += timedelta(days=1)
    world.artifacts.discard("support-bot", Version(fingerprint=fingerprint))
    assert world.keys() == ["acme/models/support-bot/99999999/x", "acme/trash/notes/x"]


def test_a_model_whose_name_begins_alike_is_not_touched(world: World) -> None:
    world.store.put("acme/models/support-bot-2/1a2b3c4d/x", b"")
    world.artifacts.discard("support-bot", Version(fingerprint="sha256:1a2b3c4d"))
    assert world.keys() == ["acme/models/support-bot-2/1a2b3c4d/x"]


def test_the_bucket_is_made_on_the_embedded_cloud_only(s3: S3Client, tmp_path: Path) -> None:
    store = ObjectStore(s3, "not-yet")
    files = DataFiles(tmp_path, lambda: s3)
    on_aws = S3Artifacts(store, "acme", reading=files.reading(), clock=FixedClock(), root=tmp_path)
    with pytest.raises(CloudUnavailable, match="no bucket not-yet"):
        on_aws.prepare()
    embedded = S3Artifacts(store, "acme", reading=files.reading(), clock=FixedClock(), root=tmp_path, embedded=True)
    embedded.prepare()
    embedded.prepare()
    on_aws.prepare()


def test_the_output_lies_beside_the_manifest(world: World) -> None:
    assert world.artifacts.output_uri("m", "sha256:1a2b3c4d00") == f"s3://{BUCKET}/acme/models/m/1a2b3c4d/"


def test_what_is_given_back_lies_where_it_lay_under_a_former_name_too(world: World) -> None:
    fingerprint = "sha256:1a2b3c4d" + "0" * 56
    before = ["acme/models/new/1a2b3c4d/manifest.json", "acme/models/old/1a2b3c4d/job/output/model.tar.gz"]
    for key in before:
        world.store.put(key, b"12345")
    artifact = Artifact(identifier=f"s3://{BUCKET}/{before[1]}", name="job")
    world.artifacts.discard("new", Version(fingerprint=fingerprint, artifact=artifact))
    assert not world.keys("acme/models/")
    [entry] = world.artifacts.discarded()
    assert (entry.model, entry.version.artifact, entry.size_bytes > 5) == ("new", artifact, True)
    world.artifacts.give_back(entry)
    world.artifacts.give_back(entry)
    assert sorted(world.keys("acme/models/")) == before
    assert world.artifacts.discarded() != ()
    world.artifacts.forget(entry)
    assert world.artifacts.discarded() == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 10_000])
def test_a_record_in_the_trash_that_cannot_be_read_is_no_version(world: World, content: bytes) -> None:
    world.store.put("acme/trash/2026-11-24/models/m/1a2b3c4d/version.json", content)
    assert world.artifacts.discarded() == ()


def test_an_artifact_that_is_not_packed_is_all_that_lies_below_its_prefix(world: World, tmp_path: Path) -> None:
    prefix = "acme/models/bot/1a2b3c4d/bot-1a2b3c4d/output/model/"
    artifact = Artifact(identifier=world.store.uri(prefix), name="bot-1a2b3c4d")
    assert world.artifacts.stored().lost(artifact.identifier)
    assert not world.artifacts.holds(artifact)
    for name, content in (("config.json", b"{}"), ("weights/a.safetensors", b"a" * 9)):
        world.store.put(prefix + name, content)
    assert not world.artifacts.stored().lost(artifact.identifier)
    assert world.artifacts.holds(artifact)
    done = world.artifacts.download(artifact, tmp_path / "bot", lambda _done, _total: None)
    assert (done.files, done.size_bytes) == (2, 11)
    assert (tmp_path / "bot" / "weights" / "a.safetensors").read_bytes() == b"a" * 9


def test_a_promoted_artifact_is_held_against_the_digest_of_its_copy(world: World, tmp_path: Path) -> None:
    there = Artifact(identifier=world.store.uri("elsewhere/model.tar.gz"), name="bot")
    world.store.put("elsewhere/model.tar.gz", b"weights")
    copy = world.artifacts.receive("bot", "sha256:" + "1" * 64, there, world.artifacts)
    done = world.artifacts.download(copy.artifact, tmp_path / "bot.tar.gz", lambda _done, _total: None)
    assert (done.sha256, done.checks) == (copy.sha256, ("size", "SHA-256", "MD5"))
