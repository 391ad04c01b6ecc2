"""What text that is not UTF-8 was probably saved as: a guess that helps a person, nothing more."""

from __future__ import annotations

_EAST_ASIAN = (
    ("cp932", "Shift_JIS"),
    ("euc_jp", "EUC-JP"),
    ("gb18030", "GB18030"),
    ("euc_kr", "EUC-KR"),
    ("big5", "Big5"),
)


def likely_encoding(line: bytes) -> str:
    """By one line with bytes that are no UTF-8.

    =========================================================  ==================
    NUL bytes                                                  UTF-16
    high bytes within ASCII words, some of 0x80 to 0x9f        Windows-1252
    high bytes within ASCII words, none of 0x80 to 0x9f        Latin-1 (ISO-8859-1)
    mostly high bytes that one East Asian encoding explains    that one
    mostly high bytes, none explains them                      Windows-1251
    =========================================================  ==================
    """
    if b"\x00" in line:
        return "UTF-16"
    high = [byte for byte in line if byte >= 0x80]
    letters = sum(chr(byte).isalpha() for byte in line if byte < 0x80)
    if len(high) <= letters:
        return "Windows-1252" if any(byte < 0xA0 for byte in high) else "Latin-1 (ISO-8859-1)"
    return next((name for codec, name in _EAST_ASIAN if _explains(codec, line)), "Windows-1251")


def _explains(codec: str, line: bytes) -> bool:
    """It decodes, and into East Asian characters: Cyrillic bytes decode as anything."""
    try:
        text = line.decode(codec)
    except UnicodeDecodeError:
        return False
    wide = sum("\u3040" <= each <= "\u9fff" or "\uac00" <= each <= "\ud7a3" for each in text)
    return wide * 2 > sum(not each.isascii() for each in text) and _is_common(text)


def _is_common(text: str) -> bool:
    """Real text repeats kana, hangul and frequent ideographs; bytes read in the wrong encoding scatter."""
    return any(
        "\u3040" <= each <= "\u30ff" or "\uac00" <= each <= "\ud7a3" or each in "的是不了在有人我他这中国的、。"
        for each in text
    )
