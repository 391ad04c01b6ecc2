"""Base weights of the user's own: a folder as Hugging Face's ``save_pretrained`` writes it, checked, digested, opened.

What belongs to the model are its top-level files of the kinds that loading reads without running anything: pickles are left out, and
so are notes and hidden files. The digest is over their names and contents, so a copy elsewhere is the same base model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Self

from reconciler.catalog.decoders import read_config
from reconciler.domain.catalog import WeightsDescription
from reconciler.domain.desired import WeightsFacts, WeightsFolder
from reconciler.domain.diagnostic import Diagnostic, error
from reconciler.domain.errors import PlanChanged
from reconciler.stores.described import described
from reconciler.stores.filedigests import Digests, sha256
from reconciler.stores.safetensors import NotSafetensors, Tensor, read_header

CONFIG = "config.json"
KINDS = frozenset({".json", ".safetensors", ".model", ".txt", ".jinja"})
"""Configuration and index, weights, SentencePiece, merges and vocabularies, chat templates."""
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
"""Weights in one file, which Transformers looks for first; and the list of those in several."""

MOST_TOLD = 5


def examine(root: Path, folder: WeightsFolder, digests: Digests) -> tuple[WeightsFacts | None, tuple[Diagnostic, ...]]:
    """``None`` where the folder holds no model that can be tuned; all that it lacks is told at once."""
    try:
        seen = _Folder.at(root / folder.path)
        problems = [*_problems(seen)]
    except OSError as trouble:
        return None, (_told(folder, f"it cannot be read: {trouble.strerror or trouble}", "correct the path"),)
    if problems:
        return None, tuple(_told(folder, why, hint) for why, hint in problems)
    told = {name: digests.of(seen.place / name) for name in seen.found}
    size = sum((seen.place / name).stat().st_size for name in seen.found)
    facts = WeightsFacts(
        folder=folder, digest=_digest(told), size_bytes=size, files=seen.found, description=seen.description
    )
    return facts, ()


def opened(root: Path, facts: WeightsFacts) -> Iterator[tuple[str, BinaryIO]]:
    """The files one by one, the configuration last, each by its name.

    Raises PlanChanged before the configuration where the folder does not hold what was planned on.
    """
    place = root / facts.folder.path
    try:
        for name in sorted(facts.files, key=lambda name: name == CONFIG):
            if name == CONFIG and _digest({each: sha256(place / each) for each in facts.files}) != facts.digest:
                raise _changed(facts)
            with (place / name).open("rb") as file:
                yield name, file
    except OSError as trouble:
        raise _changed(facts) from trouble


def _changed(facts: WeightsFacts) -> PlanChanged:
    return PlanChanged(f"the weights in {facts.folder.path} have changed since they were planned on")


def _belongs(path: Path) -> bool:
    """Links are followed: the hub's own cache is made of them."""
    return path.suffix in KINDS and not path.name.startswith(".") and path.is_file()


@dataclass(frozen=True)
class _Folder:
    """``found``: the names of the files that belong to the model. Reading raises OSError."""

    place: Path
    found: tuple[str, ...]

    @classmethod
    def at(cls, place: Path) -> Self:
        return cls(place, tuple(sorted(path.name for path in place.iterdir() if _belongs(path))))

    @cached_property
    def config(self) -> dict[str, Any] | None:
        """``None`` where it is not there, or no configuration. Raises ValueError where it is not JSON."""
        found = json.loads((self.place / CONFIG).read_bytes()) if CONFIG in self.found else None
        return found if isinstance(found, dict) and "model_type" in found else None

    @cached_property
    def headers(self) -> dict[str, dict[str, Tensor] | NotSafetensors]:
        """Of every file of weights: its tensors, or what it is instead."""
        return {name: _header(self.place / name) for name in self.found if name.endswith(".safetensors")}

    @cached_property
    def index(self) -> frozenset[str] | None:
        """The files that it names; ``None`` where there is none."""
        named = (self.json(INDEX) or {}).get("weight_map")
        return frozenset(map(str, named.values())) if isinstance(named, dict) else None

    @property
    def description(self) -> WeightsDescription:
        loaded = (WHOLE,) if WHOLE in self.found else self.index
        tensors = None if loaded is None else self._tensors(loaded)
        return described(read_config(self.config or {}), tensors)

    def json(self, name: str) -> dict[str, Any] | None:
        try:
            found = json.loads((self.place / name).read_bytes()) if name in self.found else None
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _tensors(self, files: Iterable[str]) -> dict[str, Tensor]:
        headers = (self.headers.get(name) for name in files)
        return {name: tensor for header in headers if isinstance(header, dict) for name, tensor in header.items()}


def _header(path: Path) -> dict[str, Tensor] | NotSafetensors:
    try:
        with path.open("rb") as file:
            return read_header(file, path.stat().st_size)
    except NotSafetensors as trouble:
        return trouble


def _problems(seen: _Folder) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do."""
    yield from _problems_of_config(seen)
    yield from _problems_of_weights(seen)
    if not any(name in seen.found for name in TOKENIZERS):
        yield "it has no tokenizer", "add it with `tokenizer.save_pretrained(FOLDER)`"
    elif not _has_chat_template(seen):
        yield (
            "its tokenizer has no chat template",
            "name an instruct model; or set `tokenizer.chat_template` and save it",
        )


def _problems_of_config(seen: _Folder) -> Iterator[tuple[str, str]]:
    again = "save it again with `model.save_pretrained(FOLDER)`, or download it again"
    try:
        config = seen.config
    except json.JSONDecodeError as trouble:
        yield f"{CONFIG}:{trouble.lineno}:{trouble.colno} is not JSON: {trouble.msg}", again
        return
    except (ValueError, RecursionError):
        yield f"{CONFIG} is not JSON in UTF-8", again
        return
    if config is None:
        yield f"it has no {CONFIG} that names a model_type", "name a folder that `save_pretrained` or a download wrote"
        return
    for wrong in read_config(config).problems:
        yield f"{CONFIG}: {wrong}", "correct it: Transformers could not load it either"


def _problems_of_weights(seen: _Folder) -> Iterator[tuple[str, str]]:
    if not seen.headers:
        yield (
            "it has no *.safetensors",
            "save it again with `model.save_pretrained(FOLDER)`; pickles (*.bin) are not loaded",
        )
    broken = [(name, found) for name, found in seen.headers.items() if isinstance(found, NotSafetensors)]
    for name, why in broken[:MOST_TOLD]:
        hint = (
            "run `git lfs pull` there" if why.pointer else "download or save it again: `model.save_pretrained(FOLDER)`"
        )
        yield f"{name} cannot be read: {why}", hint
    missing = sorted((seen.index or frozenset()) - {*seen.found})
    if missing:
        yield f"{INDEX} names files that are not there: {', '.join(missing[:MOST_TOLD])}", "download the model again"


def _has_chat_template(seen: _Folder) -> bool:
    if "chat_template.jinja" in seen.found or "chat_template.json" in seen.found:
        return True
    return bool((seen.json("tokenizer_config.json") or {}).get("chat_template"))


def _digest(files: dict[str, str]) -> str:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _told(folder: WeightsFolder, why: str, hint: str) -> Diagnostic:
    return error(
        "unusable-weights",
        "A folder of weights cannot be a base model",
        detail=f"{folder.path}: {why}.",
        hint=hint,
        where=folder.where,
    )
