"""fmt and schema: commands that read and write files."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest

from tests.unit.cli.calling import call

UGLY = "apiVersion: reconciler/v1\n# kept\nkind:   Dataset\nmetadata: {name: a}\nspec:\n    source: data/a.csv\n"
NEAT = "apiVersion: reconciler/v1\n# kept\nkind: Dataset\nmetadata: {name: a}\nspec:\n  source: data/a.csv\n"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(UGLY)
    path.chmod(0o640)
    return path


def test_fmt_rewrites_and_lists(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", manifest.parent, "fmt", "a.yaml")
    assert (ended.code, ended.out) == (0, "a.yaml\n")
    assert manifest.read_text() == NEAT
    assert stat.S_IMODE(manifest.stat().st_mode) == 0o640
    assert call(capsys, "-C", manifest.parent, "fmt", "a.yaml").out == ""
    assert [path.name for path in manifest.parent.iterdir()] == ["a.yaml"]


def test_fmt_check_changes_nothing(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = call(capsys, "-C", manifest.parent, "fmt", "-check", "-diff", "a.yaml")
    assert ended.code == 1
    assert "-kind:   Dataset\n+kind: Dataset\n" in ended.out
    assert manifest.read_text() == UGLY


def test_fmt_reads_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(UGLY))
    assert call(capsys, "fmt", "-").out == NEAT


def test_fmt_tells_of_every_file_that_is_no_yaml(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.yaml", "c.yaml"):
        (manifest.parent / name).write_text("a: [1\nb: 2\n")
    ended = call(capsys, "-C", manifest.parent, "fmt", "a.yaml", "b.yaml", "c.yaml")
    assert ended.code == 1
    assert "on b.yaml:2:" in ended.err
    assert "on c.yaml:2:" in ended.err
    assert "2 | b: 2" in ended.err
    assert manifest.read_text() == NEAT


def test_fmt_skips_other_files_where_it_shall(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An overlay names no apiVersion; where it lies tells."""
    other, overlay = manifest.parent / "compose.yaml", manifest.parent / "environments" / "prod.yaml"
    overlay.parent.mkdir()
    (manifest.parent / "reconciler.yaml").touch()
    other.write_bytes(b"services:   {a: \xff}\n")
    overlay.write_text("spec:   {}\n")
    files = ("a.yaml", "compose.yaml", "environments/prod.yaml")
    ended = call(capsys, "-C", manifest.parent, "fmt", "--skip-others", *files)
    assert (ended.code, ended.out) == (0, "a.yaml\nenvironments/prod.yaml\n")
    assert other.read_bytes() == b"services:   {a: \xff}\n"
    assert call(capsys, "-C", manifest.parent, "fmt", "--skip-others", "missing.yaml").code == 1


def test_fmt_of_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in " ".join(call(capsys, "-C", tmp_path, "fmt", "a.yaml").err.split())
    assert call(capsys, "-C", tmp_path, "fmt", "missing.yaml").code == 1


@pytest.mark.parametrize("name", ["manifest", "plan"])
def test_schema_prints_json_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(call(capsys, "schema", name).out)["$schema"].startswith("http://json-schema.org/draft-07")


def test_schema_writes_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ("-C", tmp_path, "schema")
    assert call(capsys, *here, "--check").code == 1
    assert call(capsys, *here, "--out", "schemas").code == 0
    assert call(capsys, *here, "--check").code == 0
    (tmp_path / "schemas" / "plan.schema.json").write_text("{}")
    stale = call(capsys, *here, "--check")
    assert stale.code == 1
    assert "plan.schema.json" in stale.out
