"""Nothing that a terminal would obey gets through, whatever a manifest or the cloud says."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.reports.json import to_text
from reconciler.reports.sanitize import encodable, printable, uncommanding
from reconciler.reports.screen import Screen
from tests.gitops.log import commands

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.characters(max_codepoint=0x9F, categories=["Cc"]),
        st.characters(categories=["Cf"]),
        st.sampled_from("\x1b\x9b\u202e\u2066\u200f[]()m;"),
    )
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with ünïcode and 日本語", "plain, with ünïcode and 日本語"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("line\r\nnext\tcell", "line\\r\\nnext\\tcell"),
        ("abc\u202egpj.exe", "abc\\u202egpj.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("not\u3164hing", "not\\u3164hing"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(HOSTILE)
def test_a_screen_prints_no_control_or_bidirectional_character(text: str) -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.line(text)
    screen.entry("label ", (text, "bold red"), indent=2)
    screen.table(["A"], [[text]])
    assert not [c for c in out.getvalue() if c != "\n" and _is_dangerous(c)]


@given(HOSTILE)
def test_json_holds_the_text_in_ascii(text: str) -> None:
    written = to_text({"text": text})
    assert all(" " <= character <= "~" or character == "\n" for character in written)
    assert json.loads(written) == {"text": text}


def test_json_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        to_text({"loss": float("nan")})


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("$38–$52 … · ok", "utf-8", "$38–$52 … · ok"),
        ("$38–$52 … · ok", "ascii", "$38-$52 ... - ok"),
        ("日", "ascii", "\\u65e5"),
        ("é", "latin-1", "é"),
        ("x…", "no-such-encoding", "x..."),
    ],
)
def test_what_an_encoding_cannot_say_is_said_otherwise(text: str, encoding: str, shown: str) -> None:
    assert encodable(text, encoding) == shown


def _is_dangerous(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in (
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    )  # fmt: skip


COMMANDING = st.text(st.one_of(st.characters(), st.sampled_from("::##[]error \u3000\xa0\t\n"))) | st.sampled_from(
    [
        "::error::owned",
        "  ::stop-commands::x",
        "a ##[error]owned",
        "\u3000::debug::x",
        "word " * 18 + "::error file=x::owned",
    ]
)


@given(COMMANDING)
def test_no_line_in_a_log_of_github_is_a_command(text: str) -> None:
    out = io.StringIO()
    screen = Screen(out, commanding=True)
    screen.line(text)
    screen.line((text, "bold red"), text)
    screen.entry("  label ", (text, "bold red"), text, indent=2)
    screen.entry("", text)
    screen.table(["NAME"], [[text], ["plain"]])
    assert list(commands(out.getvalue())) == []
    assert list(commands(to_text({text: [text]}))) == []
    assert list(commands(uncommanding(text).replace("\n", " ").replace("\r", " "))) == []


def test_what_is_no_command_is_printed_as_it_is() -> None:
    for line in ("sha256:: a::b", ": :", "## heading", "#[x]"):
        assert uncommanding(line) == line
    assert uncommanding("  ::error::x") == "  \\x3a:error::x"
    assert json.loads(to_text({"text": "##[error]x"})) == {"text": "##[error]x"}
