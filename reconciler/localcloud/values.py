"""Pickles in which large values of S3's objects are the names of files beside them: each is written once, not with every save.

What stays in the pickle is small, and a whole project takes about a millisecond to save. moto gives an object that is written anew a
new instance, so what was filed once stays true.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from moto.s3.models import FakeKey

INLINE = 16 * 1024
"""Bytes; below, a file of its own costs more."""
FILED = "filed_as"
"""The attribute of moto's object that names the file with its value."""


class Values:
    """The files in one folder, which only its user may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pickled(self, state: object) -> tuple[bytes, set[str]]:
        """And the names of the files that belong to it, which are on the disk."""
        names: set[str] = set()

        def reduced(stored: FakeKey) -> Any:
            """As moto does it, but for the value."""
            name = self._filed(stored) if stored.contentsize > INLINE else None
            if name is None:
                return stored.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
            names.add(name)
            kept = {key: held for key, held in stored.__dict__.items() if key not in ("_value_buffer", "lock")}
            return copyreg.__newobj__, (type(stored),), {**kept, "value": _Value(name)}  # type: ignore[attr-defined]

        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = {**copyreg.dispatch_table, FakeKey: reduced}
        pickler.dump(state)
        return buffer.getvalue(), names

    def unpickled(self, file: BinaryIO) -> Any:
        """Raises OSError for a value that is gone, and whatever pickle does."""
        return _Unpickler(file, self._folder).load()

    def keep_only(self, names: Collection[str]) -> None:
        """Delete the files that no snapshot names any more."""
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path.name not in names:
                    path.unlink(missing_ok=True)

    def _filed(self, stored: FakeKey) -> str | None:
        """The file's name. None where moto has closed the value: it was deleted."""
        name: str | None = getattr(stored, FILED, None)
        if name is not None and (self._folder / name).exists():
            return name
        try:
            content = stored.value
        except ValueError:
            return None
        name = uuid.uuid4().hex
        self._write(self._folder / name, content)
        setattr(stored, FILED, name)
        return name

    def _write(self, path: Path, content: bytes) -> None:
        """Under a name that nothing refers to before the snapshot does."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """To the disk: else a file may have its old name, or none, after a power failure."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@dataclass(frozen=True)
class _Value:
    name: str

    def __reduce__(self) -> tuple[Any, ...]:
        return _content, (self.name,)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, folder: Path) -> None:
        super().__init__(file)
        self._folder = folder

    def find_class(self, module: str, name: str) -> Any:
        """The folder may have been moved since: this one counts."""
        found = super().find_class(module, name)
        return self._read if found is _content else found

    def _read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()


def _content(name: str) -> bytes:
    """What stands in the pickle for the reading of a value."""
    raise pickle.UnpicklingError(f"the value {name} lies in a folder that only Values knows")
