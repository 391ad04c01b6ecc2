"""Likely secrets, personal data and control characters: which records hold some, never what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from reconciler.datasets import arrow
from reconciler.datasets.columns import Columns
from reconciler.datasets.patterns import CONTROL, RESERVED, WORTH_A_LOOK

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
    r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10}",  # JSON web tokens
)
_SECRET = re.compile("|".join(_KEYS))
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}\b")
_CARD = re.compile(r"(?<![\w.,-])[2-6](?:[ -]?[0-9]){12,18}(?![\w-])")
_CONTROLS = re.compile(CONTROL)
_RESERVED = re.compile(RESERVED)
_LOOK = re.compile(WORTH_A_LOOK)


def found(columns: Columns) -> Iterator[tuple[str, int]]:
    """Kinds, each with the row that has it: ``control-character``, ``reserved-text``, ``secret``, ``card-number``, ``email-address``."""
    positions = {
        *_worth_a_look(columns, columns.prompts),
        *_worth_a_look(columns, columns.completions),
        *columns.before,
    }
    for position in sorted(positions):
        before = columns.before[position].texts if position in columns.before else ()
        texts = (columns.prompts[position], columns.completions[position], *before)
        for kind in sorted({*chain.from_iterable(map(_kinds, texts))}):
            yield kind, columns.rows[position]


def _worth_a_look(columns: Columns, texts: list[str]) -> Iterator[int]:
    yield from (position for position, text in enumerate(texts) if "@" in text)
    if columns.suspicious:
        positions = arrow.matching(texts, WORTH_A_LOOK)
        yield from positions if positions is not None else _searched(texts)


def _searched(texts: list[str]) -> Iterator[int]:
    return (position for position, text in enumerate(texts) if _LOOK.search(text))


def _kinds(text: str) -> Iterator[str]:
    if _CONTROLS.search(text):
        yield "control-character"
    if _RESERVED.search(text):
        yield "reserved-text"
    if _SECRET.search(text):
        yield "secret"
    if "@" in text and _EMAIL.search(text):
        yield "email-address"
    if any(_is_card(match[0]) for match in _CARD.finditer(text)):
        yield "card-number"


def _is_card(number: str) -> bool:
    """By Luhn's check digit (ISO/IEC 7812-1), which one number in ten passes by chance."""
    digits = [int(each) for each in number if each.isdigit()]
    doubled = (each * 2 - 9 * (each > 4) for each in digits[-2::-2])
    return len({*digits}) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
