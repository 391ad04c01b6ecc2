"""Bytes → text, and what no manifest may contain whatever its structure: other encodings, invisible characters, secrets."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator

from reconciler.domain.diagnostic import Diagnostic, Location, error
from reconciler.manifest.document import Position

MAX_FILE = 1024 * 1024
"""Bytes. A manifest of a thousand models takes about half of it."""

_MOST_PER_FILE = 20

_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""C0 and C1 controls, and what reorders or breaks the text that a reviewer sees (Unicode TR36; CVE-2021-42574)."""

_SECRET = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}"  # Hugging Face
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS access key ids
    r"|\b(?:ghp|gho|ghs|ghu)_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{40,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
)

_SHORTEST_SECRET = 15

_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def decode(text: str | bytes, file: str) -> tuple[str, tuple[Diagnostic, ...]]:
    """The text without a byte order mark, and what is wrong with it. Unreadable text comes back empty."""
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_FILE:
        return "", (_too_large(size, file),)
    try:
        readable = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError as undecodable:
        return "", (_not_utf8(undecodable, file),)
    return _checked(readable.removeprefix("\ufeff"), file)


def looks_secret(text: str) -> bool:
    return len(text) >= _SHORTEST_SECRET and _SECRET.search(text) is not None


def has_control(text: str) -> bool:
    return not text.isprintable() and _CONTROL.search(text) is not None


def secret_found(where: Location) -> Diagnostic:
    return error(
        "secret-in-manifest",
        "A manifest contains what looks like a secret",
        detail="The value has the form of a token or a private key. Whoever can read the file can use it; it is not shown here.",
        hint="revoke it, keep the new one in AWS Secrets Manager, and name the secret's ARN (spec.huggingFaceTokenSecret)",
        where=where,
    )


def control_found(character: str, where: Location) -> Diagnostic:
    return error(
        "control-character",
        "A manifest contains an invisible control character",
        detail=f"U+{ord(character):04X} can hide or reorder what a reviewer sees.",
        hint="remove it",
        where=where,
    )


def first_control(text: str) -> str:
    match = _CONTROL.search(text)
    return match.group() if match else ""


def _checked(text: str, file: str) -> tuple[str, tuple[Diagnostic, ...]]:
    """Text with control characters is not parsed further: YAML has no meaning for most of them."""
    controls = [control_found(found.group(), where) for found, where in _found(_CONTROL, text, file)]
    secrets = [secret_found(where) for _, where in _found(_SECRET, text, file)]
    return ("" if controls else text), (*controls, *secrets)


def _found(pattern: re.Pattern[str], text: str, file: str) -> Iterator[tuple[re.Match[str], Location]]:
    breaks = [match.end() for match in re.finditer(r"\r\n|\r|\n", text)] if pattern.search(text) else []
    for count, match in enumerate(pattern.finditer(text)):
        if count == _MOST_PER_FILE:
            return
        position = _position(breaks, match.start())
        yield match, Location(file=file, line=position.line, column=position.column)


def _position(breaks: list[int], offset: int) -> Position:
    line = bisect_right(breaks, offset)
    return Position(line + 1, offset - (breaks[line - 1] if line else 0) + 1)


def _too_large(size: int, file: str) -> Diagnostic:
    return error(
        "file-too-large",
        "A manifest file is too large",
        detail=f"The file has {size:,} bytes; at most {MAX_FILE:,} are read.",
        hint="split it into several files; training data belongs into a Dataset, not into a manifest",
        where=Location(file=file),
    )


def _not_utf8(undecodable: UnicodeDecodeError, file: str) -> Diagnostic:
    data, start = undecodable.object, undecodable.start
    encoding = next((name for mark, name in _OTHER_ENCODINGS.items() if data.startswith(mark)), None)
    byte = f"byte 0x{data[start]:02x} at offset {start:,} does not belong there"
    return error(
        "invalid-encoding",
        "A manifest is not UTF-8 text",
        detail=f"Manifests are UTF-8: {f'it begins like {encoding}' if encoding else byte}.",
        hint="save the file as UTF-8",
        where=Location(file=file, line=data.count(b"\n", 0, start) + 1, column=start - data.rfind(b"\n", 0, start)),
    )
