from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.catalog import load
from reconciler.datasets.examine import Looking
from reconciler.datasets.tokens import Counted, Estimated
from reconciler.datasets.training import check
from reconciler.domain.catalog import FoundationModel
from reconciler.domain.desired import ValidationPlan
from reconciler.stores.tokenizers import FOLDER, token_rule
from tests.unit.datasets.builders import a_source, as_csv, serving


def a_base(key: str) -> FoundationModel:
    found = load().model(key)
    assert found is not None
    return found


def words(path: Path) -> None:
    """A tokenizer with a token for each word."""
    tokenizers = pytest.importorskip(
        "tokenizers", reason="tokenizers is not installed: pip install 'llm-reconciler[data]'"
    )
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    path.parent.mkdir(parents=True)
    made.save(str(path))


def test_without_files_at_hand_tokens_are_estimated_and_it_is_told_how_well(tmp_path: Path) -> None:
    nowhere = {"HF_HUB_CACHE": str(tmp_path)}
    assert token_rule(a_base("qwen3-1.7b"), nowhere) == Estimated()
    nova = token_rule(a_base("nova-lite"), nowhere)
    assert nova.note.endswith("since no tokenizer of Amazon Nova Lite is published; English is usually within ±35%")


def test_files_of_ones_own_and_of_hugging_faces_cache_are_found(tmp_path: Path) -> None:
    base = a_base("qwen3-1.7b")
    cached = tmp_path / "hub" / "models--Qwen--Qwen3-1.7B" / "snapshots" / "abc" / "tokenizer.json"
    words(cached)
    rule = token_rule(base, {"HF_HUB_CACHE": str(tmp_path / "hub")})
    assert isinstance(rule, Counted)
    assert rule.path == str(cached)
    own = tmp_path / "own" / "qwen3-1.7b" / "tokenizer.json"
    words(own)
    rule = token_rule(base, {"HF_HUB_CACHE": str(tmp_path / "hub"), FOLDER: str(tmp_path / "own")})
    assert isinstance(rule, Counted)
    assert rule.path == str(own)
    assert rule.note.startswith("counted with the tokenizer of qwen3-1.7b")


def test_a_file_that_is_no_tokenizer_is_told(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'llm-reconciler[data]'")
    (tmp_path / "tokenizer.json").write_text("{}")
    rule = token_rule(a_base("nova-lite"), {}, weights=tmp_path)
    assert rule == Estimated(why=f"since {tmp_path / 'tokenizer.json'} cannot be read")


def test_its_tokens_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "qwen3-1.7b" / "tokenizer.json"
    words(path)
    rule = token_rule(a_base("qwen3-1.7b"), {FOLDER: str(tmp_path)})
    data = as_csv([("one two three", "four five"), ("six", "seven")])
    found = check(a_source(), ValidationPlan(), Looking(serving(data_csv=data), tokens=rule)).training.examined
    assert found is not None
    assert found.exact_tokens
    assert (found.facts.tokens, found.spread.minimum, found.spread.maximum) == (7, 2, 5)
    assert (found.longest_input.tokens, found.longest_input.row) == (3, 2)
