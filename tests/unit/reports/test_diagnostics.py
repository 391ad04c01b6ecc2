"""Problems with the lines they are about."""

from __future__ import annotations

import io

from reconciler.domain.diagnostic import Diagnostic, Location, error, warning
from reconciler.reports.json import diagnostics_document
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.diagnostics import draw_diagnostics, tally


def drawn(*diagnostics: Diagnostic, **sources: str) -> str:
    out = io.StringIO()
    draw_diagnostics(Screen(out), diagnostics, {f"{name}.yaml": text for name, text in sources.items()})
    return out.getvalue()


UNKNOWN = error(
    "unknown-field",
    "Unknown field",
    detail="`instanceTyp` is no field of resources.",
    hint="did you mean `instanceType`?",
    where=Location(file="a.yaml", line=2, column=3, path="spec.resources.instanceTyp"),
)


def test_the_caret_stands_under_the_column() -> None:
    assert drawn(UNKNOWN, a="resources:\n  instanceTyp: x\n") == (
        "Error: Unknown field  [unknown-field]\n"
        "  on a.yaml:2:3  spec.resources.instanceTyp\n"
        "    1 | resources:\n"
        "    2 |   instanceTyp: x\n"
        "      |   ^\n"
        "  `instanceTyp` is no field of resources.\n"
        "  hint: did you mean `instanceType`?\n"
        "\n"
    )


def test_wide_characters_move_the_caret() -> None:
    where = Location(file="a.yaml", line=1, column=4)
    assert "    1 | 日本: x\n      |      ^\n" in drawn(UNKNOWN.model_copy(update={"where": where}), a="日本: x")


def test_a_line_of_megabytes_is_shown_around_the_place() -> None:
    where = Location(file="a.yaml", line=1, column=500_001)
    lines = drawn(UNKNOWN.model_copy(update={"where": where}), a="x" * 500_000 + "!" + "y" * 500_000).splitlines()
    excerpt, caret = lines[2], lines[3]
    assert max(map(len, lines)) < 120
    assert excerpt[caret.index("^")] == "!"


def test_a_place_without_text_is_still_named() -> None:
    assert "on a.yaml:2:3" in drawn(UNKNOWN)
    assert "on a.yaml:2:3" in drawn(UNKNOWN, a="one line")


def test_an_override_is_offered_only_for_errors_that_have_one() -> None:
    guarded = error("mass-deletion", "Too much is deleted", overridable=True)
    assert "override: --allow mass-deletion" in drawn(guarded)
    assert "override" not in drawn(UNKNOWN)


def test_every_related_place_is_shown() -> None:
    twice = error(
        "duplicate", "Two of one name", related=(Location(file="a.yaml", line=1), Location(file="b.yaml", line=7))
    )
    text = drawn(twice, a="name: x")
    assert "see a.yaml:1:1" in text
    assert "see b.yaml:7:1" in text


def test_errors_come_last_and_are_counted() -> None:
    mixed = (UNKNOWN, warning("old", "Old spelling"), UNKNOWN)
    assert drawn(*mixed).startswith("Warning: ")
    assert tally(mixed) == "2 errors, 1 warning"
    assert tally(()) == ""


def test_json_counts_and_keeps_places() -> None:
    document = diagnostics_document([UNKNOWN, warning("old", "Old spelling")])
    assert (document["valid"], document["errorCount"], document["warningCount"]) == (False, 1, 1)
    assert document["diagnostics"][0]["where"] == {
        "file": "a.yaml",
        "line": 2,
        "column": 3,
        "path": "spec.resources.instanceTyp",
    }
    assert diagnostics_document([])["valid"] is True
