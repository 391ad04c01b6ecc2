"""The state of a cloud in a file: so that it outlives its process.

The file begins with one line of JSON that names the format, its version and moto's, and is checked before anything else is
read; the rest is a pickle of plain data, with large objects of S3 in a folder beside it. All belongs to its user alone (0600): it is
trusted like the program itself.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import threading
import time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.localcloud.values import Values, flush_folder

if TYPE_CHECKING:
    from reconciler.localcloud.app import LocalCloud

FORMAT = "reconciler-local-cloud"
VERSION = 2
READABLE = (1, VERSION)
"""In version 1 all objects of S3 are in the pickle."""
UNFINISHED = ".new"
LEAST_PAUSE = 0.2
PAUSE_PER_COST = 4.0
"""After a save that took t seconds, the next that nobody waits for comes 4 t later at the earliest: a fifth of the time at most."""


class UnreadableSnapshot(Exception):
    """The file is not a snapshot that this version can read. The message says what it is and what to do."""


def save(cloud: LocalCloud, path: Path) -> None:
    """Write the whole cloud; whoever reads meets the file before or the file after, never half of one."""
    values = Values(_values_of(path))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with cloud.world.lock:
        state, names = values.pickled({"world": cloud.world, "moto": cloud.moto.dump()})
    header = {"format": FORMAT, "version": VERSION, "moto": _moto()}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(header).encode() + b"\n" + state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        flush_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    values.keep_only(names)


def load(cloud: LocalCloud, path: Path) -> None:
    """Put a saved state into a new cloud; its clock goes on where it stood. Raises UnreadableSnapshot."""
    with path.open("rb") as file:
        _check(path, file.readline(4096))
        try:
            state: dict[str, Any] = Values(_values_of(path)).unpickled(file)
        except Exception as broken:
            raise UnreadableSnapshot(_advice(path, f"is damaged ({type(broken).__name__}: {broken})")) from broken
    cloud.world = state["world"]
    cloud.moto.load(state["moto"])


def sweep(path: Path) -> None:
    """Remove what killed processes left of saves that they did not finish; values that nothing names go with the next save."""
    for unfinished in path.parent.glob(f"{path.name}*{UNFINISHED}"):
        unfinished.unlink(missing_ok=True)


def forget(path: Path) -> None:
    """Remove a saved state, if there is one."""
    path.unlink(missing_ok=True)
    shutil.rmtree(_values_of(path), ignore_errors=True)


def _values_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.values")


class Saver:
    """Saves the cloud: at once for whoever waits for it, soon for others, in a thread of its own, and once more at the end."""

    def __init__(self, cloud: LocalCloud, path: Path) -> None:
        self._cloud = cloud
        self._path = path
        self._saved_revision = cloud.world.revision
        self._saving = threading.Lock()
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Something may have changed."""
        if self._cloud.world.revision != self._saved_revision:
            self._changed.set()

    def keep(self) -> None:
        """Return once whatever has happened is saved. What a full disk refuses is not: the next change tries again.

        Of several that wait, the first saves for all."""
        revision = self._cloud.world.revision
        with self._saving:
            if self._saved_revision < revision:
                self._save()

    def close(self) -> None:
        """Save what is not saved yet, and end."""
        self._closing.set()
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._changed.wait()
            self._changed.clear()
            began = time.monotonic()
            self.keep()
            self._closing.wait(max(LEAST_PAUSE, PAUSE_PER_COST * (time.monotonic() - began)))
        with self._saving:
            self._save()

    def _save(self) -> None:
        revision = self._cloud.world.revision
        try:
            save(self._cloud, self._path)
        except OSError:
            logging.getLogger(__name__).exception("the state was not saved")
            return
        self._saved_revision = revision


@cache
def _moto() -> str:
    """Its version; to look that up takes longer than to save a small cloud."""
    return version("moto")


def _check(path: Path, line: bytes) -> None:
    try:
        header = json.loads(line)
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise UnreadableSnapshot(_advice(path, "is no snapshot of an embedded cloud"))
    if header.get("version") not in READABLE or header.get("moto") != _moto():
        found = f"is of version {header.get('version')} with moto {header.get('moto')}"
        here = f"this program reads version {VERSION} with moto {_moto()}"
        raise UnreadableSnapshot(_advice(path, f"{found}; {here}"))


def _advice(path: Path, problem: str) -> str:
    return f"{path} {problem}. Use the program that wrote it, or delete the file to begin with an empty cloud."
