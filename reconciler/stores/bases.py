"""Base weights of the user's own in the project's bucket: uploaded once under their digest, and deleted once nothing refers to them.

::

    <project>/bases/<digest16>/…        the files of one folder of weights, config.json the last that is written and the first that goes

What a version was made from stands in its ``manifest.json``, which is written before its weights, and goes to the trash with it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Set
from pathlib import Path

from reconciler.domain.desired import WeightsFacts
from reconciler.domain.naming import short
from reconciler.domain.ports import UnusedWeights
from reconciler.stores.s3 import ObjectStore
from reconciler.stores.trash import trashed
from reconciler.stores.weights import CONFIG, opened

MANIFEST = "manifest.json"
_NAME = re.compile(r"[0-9a-f]{16}")
_VERSION = re.compile(r"[^/]+/[^/]+/")
"""A version's folder below ``models/``; what else lies there is not ours."""


class Bases:
    def __init__(self, store: ObjectStore, project: str) -> None:
        self._store = store
        self._project = project

    def prefix(self, digest: str) -> str:
        return f"{self._root}{_name(digest)}/"

    def put(self, root: Path, facts: WeightsFacts) -> None:
        """The files one by one, the configuration last: where it is, all are. Raises PlanChanged."""
        prefix = self.prefix(facts.digest)
        if self._store.head(f"{prefix}{CONFIG}") is None:
            for name, file in opened(root, facts):
                self._store.put_stream(f"{prefix}{name}", file)

    def unused(self, wanted: Set[str], versions: Set[tuple[str, str]]) -> tuple[UnusedWeights, ...]:
        """``wanted``: digests that manifests name; ``versions``: name and fingerprint of all that the cloud shows.

        ============================================================== ========
        a manifest names it                                            kept
        a version was made from it, be it in the trash                 kept
        of some version it cannot be read what it was made from        all kept
        anything else                                                  unused
        ============================================================== ========
        """
        sizes = self._sizes()
        if not sizes.keys() - {_name(digest) for digest in wanted}:
            return ()
        recorded = self._recorded(versions)
        if recorded is None:
            return ()
        kept = {_name(digest) for digest in (*wanted, *recorded)}
        return tuple(
            UnusedWeights(uri=self._store.uri(f"{self._root}{name}/"), size_bytes=size)
            for name, size in sorted(sizes.items())
            if name not in kept
        )

    def delete(self, unused: UnusedWeights) -> None:
        """May be repeated after an interruption: what is left is no model any more, and is uploaded anew where it is wanted again."""
        prefix = unused.uri.removeprefix(self._store.uri(""))
        assert _NAME.fullmatch(prefix.removeprefix(self._root).removesuffix("/")), f"{unused.uri} is not ours"
        self._store.delete(f"{prefix}{CONFIG}")
        self._store.delete_all(prefix)

    @property
    def _root(self) -> str:
        return f"{self._project}/bases/"

    def _sizes(self) -> dict[str, int]:
        """Bytes by name. What has another name than ours is not ours."""
        sizes: dict[str, int] = defaultdict(int)
        for stored in self._store.list(self._root) if self._store.exists() else ():
            name = stored.key.removeprefix(self._root).partition("/")[0]
            if _NAME.fullmatch(name):
                sizes[name] += stored.size
        return sizes

    def _recorded(self, versions: Set[tuple[str, str]]) -> set[str] | None:
        """Digests of the weights that versions were made from, those in the trash among them. ``None``: of some it is not known."""
        folders = {*self._versions(), *trashed(self._store, self._project)}
        shown = {f"{self._project}/models/{name}/{short(fingerprint)}/" for name, fingerprint in versions}
        found: set[str] = set()
        for folder in folders | shown:
            weights = self._weights_of(folder)
            if weights is None:
                return None
            found |= weights
        return found

    def _versions(self) -> Iterator[str]:
        """Their folders, as often as they have files."""
        root = f"{self._project}/models/"
        for stored in self._store.list(root):
            found = _VERSION.match(stored.key.removeprefix(root))
            if found:
                yield root + found[0]

    def _weights_of(self, folder: str) -> set[str] | None:
        """Of one version; ``None``: it is not known."""
        fetched = self._store.get(f"{folder}{MANIFEST}")
        if fetched is None:
            return None
        try:
            weights = json.loads(fetched.body)["data"].get("weights")
            return set() if weights is None else {weights["digest"]}
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


def _name(digest: str) -> str:
    return digest.removeprefix("sha256:")[:16]
