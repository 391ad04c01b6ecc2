"""Patterns that are looked for in much text: written so that RE2, which Arrow has, and ``re`` read them alike."""

from __future__ import annotations

CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
"""Control characters other than tab and line breaks."""

RESERVED = r"(?:System|User|Bot|Assistant|Thought):|\[EOS\]|<(?:image|video|unk)>"
"""What Amazon Nova writes around turns itself: a job fails over records that hold it."""

WORTH_A_LOOK = "|".join(
    (
        CONTROL,
        RESERVED,
        "A[KS]IA[A-Z0-9]{16}",
        "-----BEGIN",
        "gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|hf_[A-Za-z0-9]{30}|AIza|eyJ",
        "[sr]k[-_]",
        r"[0-9](?:[ -]?[0-9]){12}",
    )
)
"""Found in every text that holds a secret, a card number, a reserved text or a control character, and in few others."""

_CELL = r'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
_NOT_RFC_4180 = rf'\A(?:{_CELL}(?:,|\r?\n))*(?:"(?:[^"]|"")*"(?:[^",\r\n]|\r[^\n])|[^",\r\n]+"|[^",\r\n]*\r[^\n])'
"""Whole cells, and then one that RFC 4180 does not allow: characters behind a closing quote, a quote within an unquoted cell, or a
carriage return that ends no line. What ends within a quoted cell is not found."""

NOT_PLAIN = f"{WORTH_A_LOOK}|{_NOT_RFC_4180}"
"""One pass for both, since most blocks hold neither."""

NOT_RFC_4180 = _NOT_RFC_4180
