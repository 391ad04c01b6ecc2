"""The data files of the package, and the sources that their figures name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from reconciler.domain.base import Value
from reconciler.domain.catalog import Source


def read(name: str) -> dict[str, Any]:
    """``data/<name>.yaml`` as plain values. The C loader where PyYAML has it: ten times as fast."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = resources.files("reconciler.catalog").joinpath("data", f"{name}.yaml").read_bytes()
    content = yaml.load(text, Loader=loader)  # noqa: S506  safe: a SafeLoader either way
    return dict(content)


class _Address(Value):
    address: str
    date: str


class Sources:
    """The sources by key. A figure that names an unknown one does not load."""

    def __init__(self, rows: Mapping[str, Any]) -> None:
        self._rows = {key: _Address.model_validate(row) for key, row in rows.items()}

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self._rows)

    def cite(self, keys: str | tuple[str, ...], *, verified: bool = True, note: str = "") -> Source:
        """The first key's source; further keys are named in the note. Raises ValueError for an unknown key."""
        first, *others = (keys,) if isinstance(keys, str) else keys
        unknown = [key for key in (first, *others) if key not in self._rows]
        if unknown:
            raise ValueError(f"sources.yaml has no {', '.join(unknown)}")
        row = self._rows[first]
        told = "; ".join(part for part in (note, f"also {', '.join(others)}" if others else "") if part)
        return Source(key=first, address=row.address, date=row.date, verified=verified, note=told)


class Sourced(Value):
    """A row that says where it was read."""

    source: str | tuple[str, ...]
    verified: bool = True
    note: str = ""

    def cite(self, sources: Sources) -> Source:
        return sources.cite(self.source, verified=self.verified, note=self.note)
