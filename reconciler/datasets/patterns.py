"""Patterns that are looked for in every text: written so that Hyperscan and ``re`` read them alike."""

from __future__ import annotations

CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
"""Control characters other than tab and line breaks."""

RESERVED = r"(?:System|User|Bot|Assistant|Thought):|\[EOS\]|<(?:image|video|unk)>"
"""What Amazon Nova writes around turns itself: a job fails over records that hold it."""

_SECRET = (
    "A[KS]IA[A-Z0-9]{16}",
    "-----BEGIN",
    "gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|hf_[A-Za-z0-9]{30}|AIza|eyJ",
    "[sr]k[-_]",
)

WORTH_A_LOOK = {
    "card-number": r"[0-9](?:[ -]?[0-9]){12}",
    "control-character": CONTROL,
    "email-address": "[A-Za-z0-9._%+-]@[A-Za-z0-9-]",
    "reserved-text": RESERVED,
    "secret": "|".join(_SECRET),
}
"""By kind, what is found in every text that holds one, and in few others."""
