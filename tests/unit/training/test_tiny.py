"""Tiny base models: the same bytes from the same seed, and files that plain Transformers loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.training.jobs import LONGEST, surroundings

pytestmark = pytest.mark.train

FILES = {
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


def made(folder: Path, *arguments: str) -> dict[str, bytes]:
    command = [sys.executable, "-m", "reconciler.training.tiny", "--out", str(folder), *arguments]
    subprocess.run(command, env=surroundings(folder.parent), check=True, timeout=LONGEST)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_seed_decides_all_of_it(llama: Path, tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in llama.iterdir()}
    assert first.keys() == FILES
    assert made(tmp_path / "again", "--shape", "llama", "--seed", "7") == first
    other = made(tmp_path / "other", "--shape", "llama", "--seed", "8")
    assert {name for name in FILES if other[name] != first[name]} == {"model.safetensors"}


@pytest.mark.parametrize(("shape", "architecture"), [("llama", "LlamaForCausalLM"), ("qwen", "Qwen2ForCausalLM")])
def test_what_it_is(request: pytest.FixtureRequest, shape: str, architecture: str) -> None:
    folder: Path = request.getfixturevalue(shape)
    config = json.loads((folder / "config.json").read_text())
    assert (config["architectures"], config["tie_word_embeddings"]) == ([architecture], True)
    assert 11_000_000 < (folder / "model.safetensors").stat().st_size < 13_000_000  # about 3 million in fp32
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"


def test_any_text_can_be_told_in_it(qwen: Path, llama: Path) -> None:
    program = """
import sys
from transformers import AutoTokenizer

text = "Ein Käse für 5 €\\n— 日本語 🧀"
for folder in sys.argv[1:]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    told = tokenizer.apply_chat_template([{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True)
    assert text in told and told.rstrip().endswith(("assistant", "<|end_header_id|>")), told
"""
    command = [sys.executable, "-c", program, str(qwen), str(llama)]
    subprocess.run(command, env=surroundings(qwen.parent), check=True, timeout=LONGEST)
