"""Archives are unpacked whole or not at all, and nothing of them lands elsewhere."""

from __future__ import annotations

import io
import random
import tarfile
from pathlib import Path

import pytest

from reconciler.domain.errors import ReconcilerError
from reconciler.stores.extraction import extract


def packed(path: Path, *members: tarfile.TarInfo, content: bytes = b"weights") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            member.size = len(content) if member.isfile() else 0
            tar.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode, made.uid = kind, to, 0o6755, 1234
    return made


def test_files_and_folders(tmp_path: Path) -> None:
    archive = packed(tmp_path / "m.tar.gz", member("config.json"), member("code", tarfile.DIRTYPE), member("code/a.py"))
    assert extract(archive, tmp_path / "m") == 2
    assert (tmp_path / "m" / "code" / "a.py").read_bytes() == b"weights"
    assert (tmp_path / "m" / "config.json").stat().st_mode & 0o7000 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "m.tar.gz"]


@pytest.mark.parametrize(
    "bad",
    [
        member("../escaped"),
        member("a/../../escaped"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, "config.json"),
        member("hard", tarfile.LNKTYPE, "config.json"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda bad: f"{bad.name}-{bad.type!r}-{bad.linkname}",
)
def test_what_is_no_plain_file_is_refused_and_nothing_is_left(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    archive = packed(tmp_path / "m.tar.gz", member("config.json"), bad)
    with pytest.raises(ReconcilerError, match="cannot be unpacked"):
        extract(archive, tmp_path / "m")
    assert list(tmp_path.iterdir()) == [archive]


def test_an_absolute_name_stays_below_the_folder(tmp_path: Path) -> None:
    extract(packed(tmp_path / "m.tar.gz", member("/config.json")), tmp_path / "m")
    assert (tmp_path / "m" / "config.json").exists()


@pytest.mark.parametrize("keep", [0, 20, -1000])
def test_what_is_no_whole_archive_is_refused(tmp_path: Path, keep: int) -> None:
    archive = packed(tmp_path / "m.tar.gz", member("config.json"), content=random.Random(1).randbytes(20_000))
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(ReconcilerError, match="cannot be unpacked"):
        extract(archive, tmp_path / "m")
    assert list(tmp_path.iterdir()) == [archive]


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(ReconcilerError, match="is there already"):
        extract(packed(tmp_path / "m.tar.gz", member("config.json")), tmp_path / "m")
    assert list((tmp_path / "m").iterdir()) == []
