"""A folder of weights as base model: what it must hold, what decides its digest, and its way to the bucket."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.domain.desired import ResolvedModel, WeightsFolder
from reconciler.domain.errors import PlanChanged
from reconciler.domain.fingerprint import fingerprint
from reconciler.stores.filedigests import FileDigests
from reconciler.stores.weights import examine
from tests.unit.datasets.builders import a_base, a_model, as_csv, desired, some_pairs
from tests.unit.stores.conftest import BUCKET
from tests.unit.stores.test_artifacts import World

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

EMPTY = (2).to_bytes(8, "little") + b"{}"
"""A safetensors file without tensors."""
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": EMPTY,
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b'{"chat_template": "{{ messages }}"}',
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_bytes(text)
    return folder


@pytest.fixture
def world(tmp_path: Path, s3: S3Client) -> World:
    return World(tmp_path, s3)


def _digest(folder: Path) -> str:
    facts, problems = examine(folder.parent, WeightsFolder(path=folder.name), FileDigests(folder.parent / "files.json"))
    assert problems == ()
    assert facts is not None
    return facts.digest


def _told(folder: Path) -> list[str]:
    facts, problems = examine(folder.parent, WeightsFolder(path=folder.name), FileDigests(folder.parent / "files.json"))
    assert facts is None
    assert {problem.code for problem in problems} == {"unusable-weights"}
    return [problem.detail.partition(": ")[2] for problem in problems]


def test_a_copy_elsewhere_is_the_same_base_model(base: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(base, tmp_path / "elsewhere" / "copy"))
    assert _digest(copy) == _digest(base)


def test_notes_hidden_files_and_pickles_do_not_count(base: Path) -> None:
    before = _digest(base)
    for name in ("README.md", ".gitattributes", "pytorch_model.bin", "training_args.bin"):
        (base / name).write_text("x")
    (base / "onnx").mkdir()
    assert _digest(base) == before


@pytest.mark.parametrize("name", FILES)
def test_every_byte_of_the_model_counts(base: Path, name: str) -> None:
    before = _digest(base)
    (base / name).write_bytes(FILES[name] + b" ")
    assert _digest(base) != before


def test_links_are_followed_as_the_hubs_cache_has_them(base: Path, tmp_path: Path) -> None:
    linked = tmp_path / "snapshot"
    linked.mkdir()
    for name in FILES:
        (linked / name).symlink_to(base / name)
    assert _digest(linked) == _digest(base)


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert _told(tmp_path / "empty") == [
        "it has no config.json that names a model_type.",
        "it has no *.safetensors.",
        "it has no tokenizer.",
    ]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert _told(tmp_path / "none") == ["it cannot be read: No such file or directory."]


def test_shards_that_the_index_names_must_be_there(base: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002.safetensors"}}
    (base / "model.safetensors.index.json").write_text(json.dumps(index))
    assert _told(base) == ["model.safetensors.index.json names files that are not there: model-00002.safetensors."]


def test_a_clone_without_its_large_files_is_no_model(base: Path) -> None:
    (base / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    assert _told(base) == ["model.safetensors cannot be read: it is a pointer of Git LFS."]


def test_a_model_that_cannot_chat_is_refused(base: Path) -> None:
    (base / "tokenizer_config.json").write_text("{}")
    assert _told(base) == ["its tokenizer has no chat template."]
    (base / "chat_template.jinja").write_text("{{ messages }}")
    assert _digest(base)


def test_digests_of_files_are_remembered_until_the_file_changes(base: Path, tmp_path: Path) -> None:
    cache, late = tmp_path / "cache" / "files.json", 4_000_000_000.0
    digests = FileDigests(cache, now=lambda: late)
    first = digests.of(base / "config.json")
    [(path, (stamp, digest))] = json.loads(cache.read_text()).items()
    assert digest == first
    cache.write_text(json.dumps({path: (stamp, "remembered")}))
    assert digests.of(base / "config.json") == "remembered"
    (base / "config.json").write_text("{}")
    assert digests.of(base / "config.json") not in (first, "remembered")


def test_what_was_just_written_is_not_remembered(base: Path, tmp_path: Path) -> None:
    cache = tmp_path / "files.json"
    FileDigests(cache).of(base / "config.json")
    assert not cache.exists()


def _model(world: World) -> ResolvedModel:
    model = a_model(world.source("a.csv", as_csv(some_pairs(3))))
    return model.model_copy(update={"base_model": "local-folder", "weights": WeightsFolder(path="base")})


def test_they_go_to_the_bucket_under_their_digest(world: World, base: Path) -> None:
    model = _model(world)
    found = desired(model, world.files.training_data(model, a_base())[0])
    assert found.data.weights is not None
    world.artifacts.put_weights(found)
    prefix = world.artifacts.weights_uri(found.data.weights.digest).removeprefix(f"s3://{BUCKET}/")
    assert prefix == f"acme/bases/{found.data.weights.digest.removeprefix('sha256:')[:16]}/"
    assert world.keys(prefix) == sorted(f"{prefix}{name}" for name in FILES)


def test_the_content_decides_the_fingerprint(world: World, base: Path) -> None:
    model = _model(world)
    data, _ = world.files.training_data(model, a_base())
    moved = model.model_copy(update={"weights": WeightsFolder(path=str(shutil.copytree(base, base.parent / "moved")))})
    same, _ = world.files.training_data(moved, a_base())
    (base / "model.safetensors").write_bytes(EMPTY + b"other weights")
    other, _ = world.files.training_data(model, a_base())
    assert data is not None
    assert same is not None
    assert other is not None
    assert fingerprint(model, data, None) == fingerprint(moved, same, None) != fingerprint(model, other, None)


def test_what_changed_since_the_plan_is_not_trained(world: World, base: Path) -> None:
    model = _model(world)
    found = desired(model, world.files.training_data(model, a_base())[0])
    (base / "model.safetensors").write_bytes(EMPTY + b"other weights")
    with pytest.raises(PlanChanged, match="weights in base have changed"):
        world.artifacts.put_weights(found)
    assert not any(key.endswith("/config.json") for key in world.keys("acme/bases/"))


def test_what_is_no_tokenizer_counts_no_tokens(world: World, base: Path) -> None:
    (base / "tokenizer.json").write_text("version https://git-lfs.github.com/spec/v1\n")
    data, _ = world.files.training_data(_model(world), a_base())
    assert data is not None
    assert "cannot be read" in data.training.tokens_note
