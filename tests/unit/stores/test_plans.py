from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.errors import ReconcilerError
from reconciler.domain.plan import PlanOptions
from reconciler.stores.plans import read, save

from .builders import a_plan


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models.plan"


def edited(path: Path, **changes: Any) -> Path:
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({**document, **changes}))
    return path


def test_what_was_saved_is_read_back(path: Path) -> None:
    plan, options = a_plan(), PlanOptions(targets=("support-bot",), retrain=("other",))
    save(plan, path, options)
    saved = read(path)
    assert (saved.plan.digest, saved.options) == (plan.digest, options)
    assert saved.plan.model_dump_json() == plan.model_dump_json()


def test_only_its_owner_may_read_it(path: Path) -> None:
    path.touch(0o666)
    save(a_plan(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [path.name]


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(a_plan(), path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReconcilerError, match="No space left"):
        save(a_plan(), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_symlinks_are_refused(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    path.symlink_to(elsewhere)
    for use in (lambda: save(a_plan(), path), lambda: read(path)):
        with pytest.raises(ReconcilerError, match="symlink"):
            use()
    assert elsewhere.read_text() == "precious"


def test_a_missing_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    for use in (lambda: save(a_plan(), tmp_path / "no" / "x"), lambda: read(tmp_path / "x"), lambda: read(tmp_path)):
        with pytest.raises(ReconcilerError, match=str(tmp_path)):
            use()


def test_any_change_is_noticed(path: Path) -> None:
    save(a_plan(), path)
    document = json.loads(path.read_bytes())
    for changes in (
        {"plan": {**document["plan"], "region": "eu-west-1"}},
        {"plan": {**document["plan"], "diagnostics": [1]}},
        {"options": {**document["options"], "allow": ["over-budget"]}},
        {"toolVersion": "99"},
        {"checksum": "sha256:0"},
        {"checksum": None},
    ):
        save(a_plan(), path)
        with pytest.raises(ReconcilerError, match="damaged or changed") as caught:
            read(edited(path, **changes))
        assert "reconciler plan --out" in caught.value.hint


def test_a_new_checksum_does_not_make_another_digest_right(path: Path) -> None:
    from reconciler.domain.fingerprint import digest

    save(a_plan(), path)
    document = json.loads(path.read_bytes())
    content = {key: document[key] for key in ("plan", "options", "toolVersion")}
    content["plan"]["account"] = "999999999999"
    with pytest.raises(ReconcilerError, match="damaged or changed"):
        read(edited(path, **content, checksum=digest(content)))


@pytest.mark.parametrize("field", [{"fileVersion": 2}, {"fileVersion": None}])
def test_another_versions_file_is_refused_with_what_to_do(path: Path, field: dict[str, Any]) -> None:
    save(a_plan(), path)
    with pytest.raises(ReconcilerError, match="this version reads 1"):
        read(edited(path, **field))


def test_another_versions_plan_is_refused(path: Path) -> None:
    from reconciler.domain.fingerprint import digest

    for change in ({"formatVersion": "2.0"}, {"unknownField": 1}):
        save(a_plan(), path)
        document = json.loads(path.read_bytes())
        content = {key: document[key] for key in ("plan", "options", "toolVersion")}
        content["plan"] |= change
        with pytest.raises(ReconcilerError, match="was written by version"):
            read(edited(path, **content, checksum=digest(content)))


@given(
    st.binary(max_size=200)
    | st.sampled_from([b"[" * 100_000, b'{"kind": "reconciler plan", "fileVersion": 1, "plan": NaN}'])
)
def test_no_file_makes_it_crash(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("plan") / "x"
    path.write_bytes(content)
    with pytest.raises(ReconcilerError):
        read(path)
