"""Finding and reading a project's manifests.

A project is a folder with ``reconciler.yaml``. Its manifests are that file, and every ``*.yaml`` and ``*.yml`` below that names our
``apiVersion`` or the kind ``FineTunedModel``; other YAML (Compose files, workflows, charts) is none of our business. Not entered:
hidden folders, ``node_modules``, virtual environments, symlinks to folders, and folders with a ``reconciler.yaml`` of their own,
which are other projects.

What ``environments/`` beside ``reconciler.yaml`` holds is no manifest: each file there says what one environment has otherwise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reconciler.domain.diagnostic import Diagnostic, Location, error, warning
from reconciler.domain.errors import InvalidInput, ReconcilerError
from reconciler.domain.naming import is_legal_name
from reconciler.domain.spelling import did_you_mean
from reconciler.manifest.load import Environment, SourceFile
from reconciler.manifest.text import MAX_FILE
from reconciler.stores.files import open_nofollow

PROJECT_FILE = "reconciler.yaml"
ENVIRONMENTS = "environments"
MAX_FILES = 10_000
MAX_DEPTH = 32

_OURS = re.compile(
    rb"""apiVersion["']?\s*:\s*["']?reconciler\b|\bkind["']?\s*:\s*["']?FineTunedModel\b""", re.IGNORECASE
)
"""Enough to be read. Whether it is right, ``reconciler.manifest`` says: a misspelt manifest must not look like a removed one."""

_KIND = re.compile(rb"""^kind["']?\s*:\s*["']?(?:Dataset|Project)["']?\s*$""", re.MULTILINE | re.IGNORECASE)
_API_VERSION = re.compile(rb"""^["']?apiVersion["']?\s*:""", re.MULTILINE | re.IGNORECASE)
_OVERLAP = 4096
_SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})


@dataclass(frozen=True)
class Manifests:
    """What was found. Iterating gives the files, in the order of their paths."""

    files: tuple[SourceFile, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    def __iter__(self) -> Iterator[SourceFile]:
        return iter(self.files)


def find_project(start: Path) -> Path | None:
    """The nearest folder with ``reconciler.yaml``, from ``start`` upward; absolute."""
    folder = start.resolve()
    return next((each for each in (folder, *folder.parents) if (each / PROJECT_FILE).is_file()), None)


def read_manifests(root: Path) -> Manifests:
    """Everything below ``root``; paths are relative to it. What cannot be read becomes a diagnostic."""
    root = root.resolve()
    files: list[SourceFile] = []
    problems: list[Diagnostic] = []
    for path in _walk(root, problems):
        name = path.relative_to(root).as_posix()
        match _read(path, name, root):
            case SourceFile() as file:
                files.append(file)
            case Diagnostic() as problem:
                problems.append(problem)
        if len(files) > MAX_FILES:
            problems.append(_too_many(root))
            break
    return Manifests(tuple(files), tuple(problems))


def environments(root: Path) -> tuple[str, ...]:
    """The names of the project's environments: ``environments/prod.yaml`` is ``prod``."""
    return tuple(sorted(path.stem for path in (root / ENVIRONMENTS).glob("*.yaml") if is_legal_name(path.stem)))


def read_environment(root: Path, name: str) -> Environment:
    """Raises ReconcilerError where there is none of that name, InvalidInput where its file cannot be read."""
    root = root.resolve()
    known = environments(root)
    if name not in known:
        there = f"there are: {', '.join(known)}" if known else f"make {ENVIRONMENTS}/{name}.yaml beside {PROJECT_FILE}"
        raise ReconcilerError(f"the project has no environment {name!r}", hint=did_you_mean(name, known) or there)
    path = root / ENVIRONMENTS / f"{name}.yaml"
    file = _read(path, path.relative_to(root).as_posix(), root, whatever=True)
    if not isinstance(file, SourceFile):
        raise InvalidInput([file or _symlinked(path.relative_to(root).as_posix())])
    return Environment(name=name, file=file)


def is_manifest(path: Path) -> bool:
    """Of a file that was named, not found: whether it is a manifest, or says what one environment has otherwise.

    One that cannot be read counts as one, so that whoever reads it tells.
    """
    if path.name == PROJECT_FILE or (
        path.parent.name == ENVIRONMENTS and (path.parent.parent / PROJECT_FILE).is_file()
    ):
        return True
    try:
        with open_nofollow(path) as file:
            return _ours_somewhere(file.read(MAX_FILE), file)
    except OSError:
        return True


def _walk(folder: Path, problems: list[Diagnostic], depth: int = 0) -> Iterator[Path]:
    """YAML files of the folder, then of the folders below, by name."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as trouble:
        problems.append(_unreadable(str(folder), trouble))
        return
    yield from (Path(entry) for entry in entries if _is_yaml(entry))
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False) or not _is_entered(entry):
            continue
        if not depth and entry.name == ENVIRONMENTS:
            continue
        if depth < MAX_DEPTH:
            yield from _walk(Path(entry), problems, depth + 1)
        else:
            problems.append(_too_deep(entry.path))


def _is_yaml(entry: os.DirEntry[str]) -> bool:
    named = entry.name.lower().endswith((".yaml", ".yml")) and not entry.name.startswith(".")
    return named and not os.path.isdir(entry)


def _is_entered(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _SKIPPED:
        return False
    return not any(os.path.lexists(os.path.join(entry, name)) for name in (PROJECT_FILE, "pyvenv.cfg"))


def _read(path: Path, name: str, root: Path, *, whatever: bool = False) -> SourceFile | Diagnostic | None:
    """``None``: not ours, unless it is read ``whatever`` it holds. A symlink to a file within the project is read where it points to."""
    try:
        if path.is_symlink():
            return _symlink(path, name, root)
        with open_nofollow(path) as file:
            content = file.read(MAX_FILE + 1)
            if len(content) > MAX_FILE:
                ours = whatever or name == PROJECT_FILE or _ours_somewhere(content, file)
                return _too_large(name, os.fstat(file.fileno()).st_size) if ours else None
    except OSError as trouble:
        return _unreadable(name, trouble)
    return _judged(content, name, whatever=whatever)


def _ours_somewhere(content: bytes, rest: BinaryIO) -> bool:
    """However far down it says so; in pieces that overlap by more than what is looked for."""
    while content:
        if _is_ours(content):
            return True
        piece = rest.read(MAX_FILE)
        content = content[-_OVERLAP:] + piece if piece else b""
    return False


def _is_ours(content: bytes) -> bool:
    """Also in UTF-16 and UTF-32, which are refused with a word and not passed over."""
    return bool(_OURS.search(content) or (b"\0" in content and _OURS.search(content.replace(b"\0", b""))))


def _judged(content: bytes, name: str, *, whatever: bool) -> SourceFile | Diagnostic | None:
    if whatever or name == PROJECT_FILE or _is_ours(content):
        return SourceFile(path=name, text=content)
    if _KIND.search(content) and not _API_VERSION.search(content):
        return warning(
            "not-read",
            "A file looks like a manifest but names no apiVersion",
            detail=f"{name} was not read.",
            hint="write `apiVersion: reconciler/v1` at the top of each document",
            where=Location(file=name),
        )
    return None


def _symlink(path: Path, name: str, root: Path) -> Diagnostic | None:
    target = Path(os.path.realpath(path, strict=True))
    if target.is_relative_to(root):
        return None
    return error(
        "outside-project",
        "A symlink leaves the project's folder",
        detail=f"{name} points to {target}. What is applied must be what is reviewed.",
        hint="copy the file into the project",
        where=Location(file=name),
    )


def _symlinked(name: str) -> Diagnostic:
    return error(
        "unreadable",
        "A file or folder cannot be read",
        detail=f"{name} is a symlink.",
        hint="put the file itself there",
        where=Location(file=name),
    )


def _too_large(name: str, size: int) -> Diagnostic:
    return error(
        "file-too-large",
        "A manifest file is too large",
        detail=f"{name} has {size:,} bytes; at most {MAX_FILE:,} are read.",
        hint="split it into several files; training data belongs into a Dataset, not into a manifest",
        where=Location(file=name),
    )


def _too_many(root: Path) -> Diagnostic:
    return error(
        "too-many-files",
        "Too many manifest files",
        detail=f"More than {MAX_FILES:,} below {root}.",
        hint="make several projects of it",
        where=Location(file=PROJECT_FILE),
    )


def _too_deep(folder: str) -> Diagnostic:
    return warning(
        "folder-too-deep",
        "A folder lies too deep to be read",
        detail=f"{folder} is more than {MAX_DEPTH} folders below the project's: manifests in it are not read.",
        hint="move manifests further up",
        where=Location(file=PROJECT_FILE),
    )


def _unreadable(name: str, trouble: OSError) -> Diagnostic:
    return error(
        "unreadable",
        "A file or folder cannot be read",
        detail=f"{name}: {trouble.strerror or trouble}",
        hint="check its permissions, or move it out of the project",
        where=Location(file=name),
    )
