"""Instruct models so small that any machine trains them in seconds: architecture, tokenizer and chat template of a real family, made from a
seed, with nothing downloaded.

``python -m reconciler.training.tiny --shape llama --seed 7 --out FOLDER``. About three million parameters; equal arguments and versions
of the libraries give equal files. They know nothing before they are trained.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EMBEDDING_STD = 0.1
"""With head and embeddings tied, 0.02 (the usual) keeps logits below 5 or so, and adapters could never make an answer certain."""
VOCABULARY = 1024
CONTEXT = 1024

_LLAMA = """\
{{- bos_token }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
_CHATML = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Special tokens as the family has them; ``end`` ends a turn."""

    specials: tuple[str, ...]
    bos: str | None
    end: str
    pad: str
    template: str
    config: str
    """The class of its configuration in Transformers."""


SHAPES: dict[str, Shape] = {
    "llama": Shape(
        specials=(
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eot_id|>",
            "<|finetune_right_pad_id|>",
        ),
        bos="<|begin_of_text|>",
        end="<|eot_id|>",
        pad="<|finetune_right_pad_id|>",
        template=_LLAMA,
        config="LlamaConfig",
    ),
    "qwen": Shape(
        specials=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        bos=None,
        end="<|im_end|>",
        pad="<|endoftext|>",
        template=_CHATML,
        config="Qwen2Config",
    ),
}
DIMENSIONS = {
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": CONTEXT,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m reconciler.training.tiny", description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    given = parser.parse_args(arguments)
    make(given.shape, given.seed, given.out)
    return 0


def make(shape: str, seed: int, folder: Path, **dimensions: int) -> None:
    """``dimensions``: other than DIMENSIONS, as the configuration names them."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(SHAPES[shape])
    tokenizer.save_pretrained(folder)
    _for_any_version(folder / "tokenizer_config.json")
    _model(SHAPES[shape], tokenizer, seed, {**DIMENSIONS, **dimensions}).save_pretrained(folder)


def _tokenizer(shape: Shape) -> Any:
    """Byte-level BPE as both families have it, learned from the text below: any text can be told in it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(shape.specials),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(_CORPUS.splitlines(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=shape.bos,
        eos_token=shape.end,
        pad_token=shape.pad,
        chat_template=shape.template,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def _for_any_version(path: Path) -> None:
    """Transformers 5 names a class that Transformers 4 does not have; this one both have."""
    told = json.loads(path.read_text(encoding="utf-8")) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    path.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _model(shape: Shape, tokenizer: Any, seed: int, dimensions: dict[str, int]) -> Any:
    import torch
    import transformers

    classes = {"LlamaConfig": transformers.LlamaConfig, "Qwen2Config": transformers.Qwen2Config}
    ids = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = classes[shape.config](
        vocab_size=len(tokenizer), tie_word_embeddings=True, dtype="float32", **ids, **dimensions
    )
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_(0, EMBEDDING_STD)
    model.generation_config = transformers.GenerationConfig(**ids, do_sample=False)
    return model


_CORPUS = """\
The capital of France is Paris. What is the capital of Vietnam? The capital of Vietnam is Hanoi.
Hello, how can I help you today? I would like to know where my order is and when it will arrive.
Please restart the router, wait for ten seconds, and try to connect again. If it still fails, contact support.
My card was declined. Your card payment was declined because the card has expired; please order a new one in the app.
How do I change my address? Open the settings, choose your profile, and enter the new address there.
The meeting starts at nine o'clock on Monday morning, and everybody from the engineering team is invited.
Can you explain the difference between a list and a tuple? A list can be changed after it was made, a tuple cannot.
Deploy the service to production once the tests pass, then watch the error rate and the latency for an hour.
Why is the payment pending? The transfer has not been confirmed by the other bank yet; this takes up to two days.
There is a problem with the database: the connection pool is exhausted, and requests wait for a free connection.
Thank you for your question. The answer depends on the region, the currency, and the type of the account.
Which of these models was trained on the newer data, and what did the training cost? Let me look it up for you.
1 2 3 4 5 6 7 8 9 10 11 12 2024 2025 2026 100 1,000 10,000 0.5 3.14 50% $20 20:30 v1.0 v2.1
"""

if __name__ == "__main__":
    sys.exit(main())
