"""Tokenizers of base models, where their files are at hand. Nothing is fetched.

=====================================================  =======================================================
``$RECONCILER_TOKENIZERS/<base model>/tokenizer.json``  a folder of one's own; the base model by its catalog key
Hugging Face's cache                                   what ``huggingface-cli download <repository>`` left behind
=====================================================  =======================================================
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from reconciler.datasets.tokens import Counted, Estimated, TokenRule
from reconciler.domain.catalog import FoundationModel

FOLDER = "RECONCILER_TOKENIZERS"


def token_rule(
    base: FoundationModel, environment: Mapping[str, str] = os.environ, *, weights: Path | None = None
) -> TokenRule:
    """The base model's own tokenizer, or an estimate that says why it is one. ``weights``: a folder of the user's own that has them."""
    if base.sagemaker is None and weights is None:
        return Estimated(error="35%", why=f"since no tokenizer of {base.name} is published")
    own = [weights / "tokenizer.json"] if weights else []
    path = next((each for each in (*own, *_places(base, environment)) if each.is_file()), None)
    if path is None:
        return Estimated()
    if find_spec("tokenizers") is None:
        return Estimated(why="since `tokenizers` is not installed (pip install 'llm-reconciler[data]')")
    counted = Counted(str(path), hashlib.sha256(path.read_bytes()).hexdigest()[:16], base.key)
    return counted if counted.is_readable else Estimated(why=f"since {path} cannot be read")


def _places(base: FoundationModel, environment: Mapping[str, str]) -> Iterator[Path]:
    if own := environment.get(FOLDER):
        yield Path(own, base.key, "tokenizer.json")
    if base.sagemaker and base.sagemaker.hugging_face_repo:
        kept = _hugging_face_cache(environment) / f"models--{base.sagemaker.hugging_face_repo.replace('/', '--')}"
        yield from sorted(kept.glob("snapshots/*/tokenizer.json"), reverse=True)


def _hugging_face_cache(environment: Mapping[str, str]) -> Path:
    """As huggingface_hub looks for it."""
    if hub := environment.get("HF_HUB_CACHE"):
        return Path(hub)
    home = environment.get("HF_HOME") or Path(
        environment.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface"
    )
    return Path(home, "hub")
