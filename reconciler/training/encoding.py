"""Conversations → token ids and which of them are learned: the model's own chat template, loss on the assistant's words.

Every answer of the assistant in a conversation is learned, from behind its header to the token that ends its turn, as it will be asked
for when the model serves. The template is rendered up to each answer with its generation prompt, and through it; what lies between is
the answer. Where a template renders earlier turns differently as the conversation goes on (some leave out former reasoning), only the
last answer is learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.training.conversations import Conversation
from reconciler.training.failure import BadInput

Span = tuple[int, int]


@dataclass(frozen=True)
class Encoded:
    """``completion_mask``: 1 for a token that is learned. ``tokens`` counts before cutting."""

    input_ids: list[int]
    completion_mask: list[int]
    tokens: int

    @property
    def is_cut(self) -> bool:
        return self.tokens > len(self.input_ids)


@dataclass(frozen=True)
class Corpus:
    """Records that have something to learn, ready for TRL; and what was lost."""

    records: tuple[Encoded, ...]
    cut: int
    dropped: int

    @property
    def tokens(self) -> int:
        """Of one epoch, prompts included: what a service that bills by tokens counts."""
        return sum(len(record.input_ids) for record in self.records)

    def columns(self) -> dict[str, list[list[int]]]:
        return {
            "input_ids": [record.input_ids for record in self.records],
            "completion_mask": [record.completion_mask for record in self.records],
        }


def encode_all(
    conversations: Iterable[Conversation], tokenizer: Any, *, max_length: int | None, completion_only: bool = True
) -> Corpus:
    """Records longer than ``max_length`` are cut at their end; one whose answers are cut off altogether is dropped.

    Raises BadInput where nothing is left.
    """
    encoded = [
        encode(each, tokenizer, max_length=max_length, completion_only=completion_only) for each in conversations
    ]
    learned = tuple(record for record in encoded if any(record.completion_mask))
    if not learned:
        raise BadInput(f"no record has an answer within max_length, {max_length} tokens: raise sft_config.max_length")
    return Corpus(learned, sum(record.is_cut for record in learned), len(encoded) - len(learned))


def encode(
    conversation: Conversation, tokenizer: Any, *, max_length: int | None, completion_only: bool = True
) -> Encoded:
    text, spans = _rendered(conversation, tokenizer)
    writes_special_tokens = bool(tokenizer.chat_template)  # itself, as text
    made = tokenizer(text, add_special_tokens=not writes_special_tokens, return_offsets_mapping=True)
    ids, offsets = made["input_ids"], made["offset_mapping"]
    mask = list(_mask(offsets, spans)) if completion_only else [1] * len(ids)
    return Encoded(ids[:max_length], mask[:max_length], len(ids))


def _rendered(conversation: Conversation, tokenizer: Any) -> tuple[str, Sequence[Span]]:
    """The whole text, and where in it the answers are."""
    if tokenizer.chat_template:
        return _templated([dict(message) for message in conversation.messages], tokenizer)
    if not conversation.is_pair:
        raise BadInput(
            "the base model's tokenizer has no chat template, so conversations cannot be told to it: "
            "take its instruct version, or records of prompt and completion"
        )
    prompt, completion = (message["content"] for message in conversation.messages)
    text = prompt + completion + (tokenizer.eos_token or "")
    return text, [(len(prompt), len(text))]


def _templated(messages: list[dict[str, str]], tokenizer: Any) -> tuple[str, Sequence[Span]]:
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    spans = [span for at in _answers(messages) if (span := _span(messages, at, whole, tokenizer)) is not None]
    if not spans:
        raise BadInput("the model's chat template renders the last answer in no way that can be told from its question")
    return whole, spans


def _answers(messages: Sequence[dict[str, str]]) -> Iterator[int]:
    return (at for at, message in enumerate(messages) if message["role"] == "assistant" and message["content"])


def _span(messages: list[dict[str, str]], at: int, whole: str, tokenizer: Any) -> Span | None:
    if at == 0:  # an answer to nothing: nobody will ask for it
        return None
    before = tokenizer.apply_chat_template(messages[:at], tokenize=False, add_generation_prompt=True)
    through = tokenizer.apply_chat_template(messages[: at + 1], tokenize=False)
    if not whole.startswith(through):
        return None
    shared = _common_prefix(before, through)
    return (shared, len(through)) if shared < len(through) else None


def _common_prefix(one: str, other: str) -> int:
    if other.startswith(one):
        return len(one)
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _mask(offsets: Sequence[Span], spans: Sequence[Span]) -> Iterator[int]:
    """A token belongs to the answer in which it begins; one without any text belongs to none."""
    for start, end in offsets:
        yield int(start < end and any(first <= start < last for first, last in spans))
