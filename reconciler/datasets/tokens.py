"""How many tokens a text may have, before any tokenizer is at hand."""

from __future__ import annotations

BYTES_PER_TOKEN = 4
"""Our rule of thumb: byte-level BPE vocabularies of 100,000 entries and more need about one token for four bytes of English
UTF-8. Bytes rather than characters, because scripts that take three bytes a character also take about that many more tokens."""

NOTE = "estimated: UTF-8 bytes ÷ 4, without the model's own tokenizer; English is usually within ±25%"


def estimated_tokens(utf8_bytes: int) -> int:
    """Rounded up, so that no text has none."""
    return -(-utf8_bytes // BYTES_PER_TOKEN)
