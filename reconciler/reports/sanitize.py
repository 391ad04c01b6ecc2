"""Text from manifests and from the cloud, made harmless for terminals.

A name, a label or a failure reason may carry escape sequences that move the cursor, rewrite what was printed, or set the
window's title (kubectl printed them unfiltered: GO-2022-0983), and bidirectional controls that make a line read otherwise
than it is. Everything is shown, nothing is obeyed: such characters appear as ``\\x1b`` or ``\\u202e``.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1: ESC, BEL, CSI, OSC ...
    "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f"  # invisible, and the marks of direction
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters that are drawn as nothing
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # line separators, bidi embeddings, overrides and isolates
    "\ud800-\udfff\U000e0000-\U000e007f"  # lone surrogates, tag characters
    "]"
)

_PLAIN = {"…": "...", "–": "-", "→": "->", "·": "-", "×": "x", "≤": "<=", "≥": ">=", "“": '"', "”": '"', "’": "'"}


def printable(text: str) -> str:
    """One line, with every control, bidirectional and invisible character as a visible escape. Newlines are escaped as well."""
    return _UNSAFE.sub(_escaped, text)


def uncommanding(line: str) -> str:
    """A line that a log on GitHub shows and does not obey: a workflow command begins it (``::error``), or stands in it (``##[error]``).

    As actions/runner reads them: the first after any white space, the second anywhere.
    """
    shown = line.replace("##[", "##\\x5b")
    return re.sub(r"^(\s*)::", r"\1\\x3a:", shown)


def encodable(text: str, encoding: str) -> str:
    """``text`` in what ``encoding`` can say: our own typography in ASCII, anything else as a backslash escape."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        plain = "".join(_PLAIN.get(character, character) for character in text)
        return plain.encode("ascii", "backslashreplace").decode("ascii")
    return text


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character) or _numbered(ord(character))


def _numbered(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
