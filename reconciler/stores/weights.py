"""Base weights of the user's own: a folder as Hugging Face's ``save_pretrained`` writes it, checked, digested, opened.

What belongs to the model are its top-level files of the kinds that loading reads without running anything: pickles are left out, and
so are notes and hidden files. The digest is over their names and contents, so a copy elsewhere is the same base model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from reconciler.domain.desired import WeightsFacts, WeightsFolder
from reconciler.domain.diagnostic import Diagnostic, error
from reconciler.domain.errors import PlanChanged
from reconciler.stores.filedigests import FileDigests, sha256

CONFIG = "config.json"
KINDS = frozenset({".json", ".safetensors", ".model", ".txt", ".jinja"})
"""Configuration and index, weights, SentencePiece, merges and vocabularies, chat templates."""
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
INDEX = "model.safetensors.index.json"


def examine(
    root: Path, folder: WeightsFolder, digests: FileDigests
) -> tuple[WeightsFacts | None, tuple[Diagnostic, ...]]:
    """``None`` where the folder holds no model that can be tuned; all that it lacks is told at once."""
    place = root / folder.path
    try:
        found = sorted(path.name for path in place.iterdir() if _belongs(path))
        problems = [*_problems(place, found)]
    except OSError as trouble:
        return None, (_told(folder, f"it cannot be read: {trouble.strerror or trouble}", "correct the path"),)
    if problems:
        return None, tuple(_told(folder, why, hint) for why, hint in problems)
    told = {name: digests.of(place / name) for name in found}
    size = sum((place / name).stat().st_size for name in found)
    return WeightsFacts(folder=folder, digest=_digest(told), size_bytes=size, files=tuple(found)), ()


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


def _problems(place: Path, found: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do."""
    config = _json(place / CONFIG) if CONFIG in found else None
    if config is None or "model_type" not in config:
        yield f"it has no {CONFIG} that names a model_type", "name a folder that `save_pretrained` or a download wrote"
    if not any(name.endswith(".safetensors") for name in found):
        yield (
            "it has no *.safetensors",
            "save it again with `model.save_pretrained(FOLDER)`; pickles (*.bin) are not loaded",
        )
    broken = [name for name in found if name.endswith(".safetensors") and not _is_safetensors(place / name)]
    if broken:
        yield f"{', '.join(broken[:5])} cannot be read", "where they are pointers of Git LFS, run `git lfs pull` there"
    missing = sorted(_shards(place, found) - {*found})
    if missing:
        yield f"{INDEX} names files that are not there: {', '.join(missing[:5])}", "download the model again"
    if not any(name in found for name in TOKENIZERS):
        yield "it has no tokenizer", "add it with `tokenizer.save_pretrained(FOLDER)`"
    elif not _has_chat_template(place, found):
        yield (
            "its tokenizer has no chat template",
            "name an instruct model; or set `tokenizer.chat_template` and save it",
        )


def _is_safetensors(path: Path) -> bool:
    """Eight bytes tell the length of the header, JSON, which must be there: https://github.com/huggingface/safetensors#format"""
    size = path.stat().st_size
    with path.open("rb") as file:
        length, first = int.from_bytes(file.read(8), "little"), file.read(1)
    return 8 + length <= size and first == b"{"


def _shards(place: Path, found: Sequence[str]) -> set[str]:
    index = _json(place / INDEX) if INDEX in found else None
    return set((index or {}).get("weight_map", {}).values())


def _has_chat_template(place: Path, found: Sequence[str]) -> bool:
    if "chat_template.jinja" in found or "chat_template.json" in found:
        return True
    config = _json(place / "tokenizer_config.json") if "tokenizer_config.json" in found else None
    return bool((config or {}).get("chat_template"))


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


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
