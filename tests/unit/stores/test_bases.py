"""Copies of base weights in the bucket: which are unused, and how they go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from reconciler.domain.ports import UnusedWeights
from reconciler.stores.bases import Bases
from reconciler.stores.s3 import ObjectStore
from tests.unit.stores.conftest import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

A, B = "a" * 64, "b" * 64
COPY_A, COPY_B = f"acme/bases/{'a' * 16}/", f"acme/bases/{'b' * 16}/"
VERSION = "acme/models/bot/1a2b3c4d/"


@pytest.fixture
def store(s3: S3Client) -> ObjectStore:
    store = ObjectStore(s3, BUCKET)
    for copy in (COPY_A, COPY_B):
        store.put(f"{copy}config.json", b"{}")
        store.put(f"{copy}model.safetensors", b"12345")
    return store


def made_from(store: ObjectStore, folder: str, digest: str | None) -> None:
    weights = digest and {"folder": {"path": "base"}, "digest": f"sha256:{digest}"}
    store.put(f"{folder}manifest.json", json.dumps({"data": {"weights": weights}}).encode())


def unused(store: ObjectStore, *wanted: str, versions: frozenset[tuple[str, str]] = frozenset()) -> list[str]:
    return [each.uri for each in Bases(store, "acme").unused({f"sha256:{digest}" for digest in wanted}, versions)]


def test_what_a_manifest_names_is_kept(store: ObjectStore) -> None:
    assert unused(store) == [store.uri(COPY_A), store.uri(COPY_B)]
    assert unused(store, A) == [store.uri(COPY_B)]
    assert unused(store, A, B) == []


@pytest.mark.parametrize("folder", [VERSION, f"acme/trash/2026-11-24/{VERSION.removeprefix('acme/')}"])
def test_what_a_version_was_made_from_is_kept(store: ObjectStore, folder: str) -> None:
    made_from(store, folder, A)
    assert unused(store) == [store.uri(COPY_B)]


def test_a_version_of_the_catalogs_weights_keeps_none(store: ObjectStore) -> None:
    made_from(store, VERSION, None)
    assert unused(store) == [store.uri(COPY_A), store.uri(COPY_B)]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"data": []}', b'{"data": {"weights": {}}}', b"\xff"])
def test_where_a_record_cannot_be_read_all_are_kept(store: ObjectStore, content: bytes) -> None:
    store.put(f"{VERSION}manifest.json", content)
    assert unused(store) == []


def test_where_a_version_has_no_record_all_are_kept(store: ObjectStore) -> None:
    assert unused(store, versions=frozenset({("bot", "sha256:1a2b3c4d")})) == []
    store.put(f"{VERSION}job/output/model.tar.gz", b"x")
    assert unused(store) == []


def test_other_names_are_not_ours(store: ObjectStore) -> None:
    for key in ("acme/bases/notes/x", "acme/bases/README.md", f"other/bases/{'c' * 16}/config.json"):
        store.put(key, b"x")
    store.put("acme/trash/notes/x", b"x")
    store.put("acme/models/x", b"x")
    assert unused(store) == [store.uri(COPY_A), store.uri(COPY_B)]
    with pytest.raises(AssertionError, match="not ours"):
        Bases(store, "acme").delete(UnusedWeights(uri=store.uri("acme/bases/notes/"), size_bytes=1))
    with pytest.raises(AssertionError, match="not ours"):
        Bases(store, "acme").delete(UnusedWeights(uri=store.uri("acme/bases/"), size_bytes=1))


def test_it_goes_whole_and_alone(store: ObjectStore) -> None:
    bases = Bases(store, "acme")
    [first, _] = bases.unused(set(), set())
    assert first == UnusedWeights(uri=store.uri(COPY_A), size_bytes=7)
    bases.delete(first)
    bases.delete(first)
    assert [stored.key for stored in store.list("acme/bases/")] == [
        f"{COPY_B}config.json",
        f"{COPY_B}model.safetensors",
    ]
