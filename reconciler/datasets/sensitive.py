"""Likely secrets, personal data and control characters: which records hold some, never what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain, product

from reconciler.datasets.columns import Columns
from reconciler.datasets.patterns import CONTROL, RESERVED
from reconciler.datasets.search import KINDS, worth_a_look

_KEYS = (
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS access keys
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    r"\bgh[pousr]_[A-Za-z0-9]{36}",  # GitHub
    r"\bgithub_pat_[A-Za-z0-9_]{22}",
    r"\bglpat-[A-Za-z0-9_-]{20}",  # GitLab
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10}",  # Slack
    r"\bhf_[A-Za-z0-9]{30}",  # Hugging Face
    r"\b[sr]k[-_](?:[A-Za-z0-9]{1,16}[-_]){0,3}[A-Za-z0-9_-]{20}",  # OpenAI, Anthropic, Stripe
    r"\bAIza[A-Za-z0-9_-]{35}",  # Google
    r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10}",  # JSON web tokens; endless headers: quadratic time
)
_SECRET = re.compile("|".join(_KEYS))
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}\b")
_CARD = re.compile(r"(?<![\w.,-])[2-6](?:[ -]?[0-9]){12,18}(?![\w-])")


def found(columns: Columns) -> Iterator[tuple[str, int]]:
    """Kinds, each with the row that has it: ``control-character``, ``reserved-text``, ``secret``, ``card-number``, ``email-address``."""
    suspects = {
        *chain.from_iterable(map(worth_a_look, (columns.prompts, columns.completions))),
        *product(columns.before, KINDS),
    }
    for position, kind in sorted(suspects):
        before = columns.before[position].texts if position in columns.before else ()
        if any(map(_HELD[kind], (columns.prompts.decoded[position], columns.completions.decoded[position], *before))):
            yield kind, columns.rows[position]


def _is_card(number: str) -> bool:
    """By Luhn's check digit (ISO/IEC 7812-1), which one number in ten passes by chance."""
    digits = [int(each) for each in number if each.isdigit()]
    doubled = (each * 2 - 9 * (each > 4) for each in digits[-2::-2])
    return len({*digits}) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


_HELD: dict[str, Callable[[str], object]] = {
    "card-number": lambda text: any(_is_card(match[0]) for match in _CARD.finditer(text)),
    "control-character": re.compile(CONTROL).search,
    "email-address": _EMAIL.search,
    "reserved-text": re.compile(RESERVED).search,
    "secret": _SECRET.search,
}
