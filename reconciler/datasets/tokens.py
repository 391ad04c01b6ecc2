"""How many tokens texts have: counted by the base model's own tokenizer where its files are at hand, else estimated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from reconciler.datasets.texts import Counts, Texts, lengths

BYTES_PER_TOKEN = 4
"""Our rule of thumb: byte-level BPE vocabularies of 100,000 entries and more need about one token for four bytes of English
UTF-8. Bytes rather than characters, because scripts that take three bytes a character also take about that many more tokens."""


class TokenRule(Protocol):
    """Small and picklable: it travels to the processes that count."""

    @property
    def is_exact(self) -> bool: ...

    @property
    def note(self) -> str:
        """How tokens are counted, and how far off that may be."""
        ...

    @property
    def key(self) -> str:
        """Equal where the same texts have the same tokens, told alike."""
        ...

    def count(self, texts: Texts) -> Counts:
        """Of each text."""
        ...


@dataclass(frozen=True, slots=True)
class Estimated:
    """``error``: within which share English text usually lies."""

    error: str = "25%"
    why: str = "without the model's own tokenizer"

    @property
    def is_exact(self) -> bool:
        return False

    @property
    def note(self) -> str:
        return f"estimated: UTF-8 bytes ÷ {BYTES_PER_TOKEN}, {self.why}; English is usually within ±{self.error}"

    @property
    def key(self) -> str:
        return self.note

    def count(self, texts: Texts) -> Counts:
        """Rounded up, so that no text has none."""
        return -(-texts.sizes // BYTES_PER_TOKEN)


ROUGHLY: TokenRule = Estimated()


@dataclass(frozen=True, slots=True)
class Counted:
    """By a ``tokenizer.json`` of Hugging Face's format. ``digest``: of the file, since another vocabulary counts otherwise."""

    path: str
    digest: str
    name: str

    @property
    def is_readable(self) -> bool:
        """Whether the file is what it is called."""
        try:
            _tokenizer(self.path)
        except Exception:  # tokenizers raises nothing narrower
            return False
        return True

    @property
    def is_exact(self) -> bool:
        return True

    @property
    def note(self) -> str:
        return f"counted with the tokenizer of {self.name}; the chat template adds a few for each turn"

    @property
    def key(self) -> str:
        return f"{self.note} {self.digest}"

    def count(self, texts: Texts) -> Counts:
        found = _tokenizer(self.path).encode_batch_fast(texts.decoded, add_special_tokens=False)
        return lengths([each.ids for each in found])


@cache
def _tokenizer(path: str) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
