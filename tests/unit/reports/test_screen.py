"""Lines that fit the place."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from reconciler.reports.screen import Screen


def test_further_lines_stand_under_the_first() -> None:
    out = io.StringIO()
    Screen(out, width=33).entry("because   ", "the endpoint is gone and nobody asked", indent=2)
    assert out.getvalue() == "  because   the endpoint is gone\n            and nobody asked\n"


def test_long_words_stay_whole_for_whoever_copies_them() -> None:
    out = io.StringIO()
    arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/support-bot"
    Screen(out, width=30).paragraph(f"see {arn} there")
    assert out.getvalue() == f"see\n{arn}\nthere\n"


def test_tables_are_as_wide_as_their_cells() -> None:
    out = io.StringIO()
    Screen(out, width=20).table(["A", "LONG"], [["日本", "x" * 40], ["b", ""]])
    assert out.getvalue() == f"A      LONG\n日本   {'x' * 40}\nb\n"


def test_pieces_keep_their_lines_and_tabs_and_nothing_else() -> None:
    out = io.StringIO()
    screen = Screen(out, width=20)
    for piece in ("a very long line that is not wrapped\n\tTwo", "\x1b[2J", "\u202e", "\r\n"):
        screen.piece(piece)
    assert out.getvalue() == "a very long line that is not wrapped\n\tTwo\\x1b[2J\\u202e\\r\n"


@given(st.text(alphabet="ab 日é", max_size=300), st.integers(20, 80))
def test_prose_fits_and_loses_nothing(text: str, width: int) -> None:
    out = io.StringIO()
    Screen(out, width=width).paragraph(text)
    lines = out.getvalue().splitlines()
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert all(cell_len(line) <= width or " " not in line.strip() for line in lines)


def test_without_a_terminal_the_width_does_not_depend_on_the_environment() -> None:
    assert Screen(io.StringIO()).width == 100


def test_headlines_are_whole_for_grep_and_wrapped_for_eyes() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    pipe, terminal = io.StringIO(), Terminal()
    for out in (pipe, terminal):
        Screen(out, width=30).headline("  + ", "FineTunedModel/bot", "  train bot-1a2b3c4d on bedrock")
    assert pipe.getvalue() == "  + FineTunedModel/bot  train bot-1a2b3c4d on bedrock\n"
    assert terminal.getvalue() == "  + FineTunedModel/bot  train\n    bot-1a2b3c4d on bedrock\n"
