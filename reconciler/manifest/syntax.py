"""What libyaml says of a text that is no YAML, in words that help."""

from __future__ import annotations

_FRIENDLY = (
    ("cannot start any token", "A character stands where nothing may begin with it, such as a tab, `@`, `%` or a backquote.",
     "indent with spaces; put text that begins with such a character in quotes"),
    ("mapping values are not allowed", "A `:` stands where no key can be.",
     "put text that contains `: ` in quotes, or check the indentation"),
    ("did not find expected key", "The indentation does not fit what stands above.", "give keys of one level the same number of spaces"),
    ("could not find expected ':'", "A key has no `:` after it.", "write `key: value`"),
    ("did not find expected '-' indicator", "The indentation does not fit the list above.", "align the `-` of one list"),
    ("did not find expected ',' or", "A bracket is not closed, or a comma is missing.", "close the bracket"),
    ("did not find expected node content", "A value is missing, or a bracket is not closed.", "close the bracket"),
    ("did not find expected <document start>", "Text follows the end of a document.", "begin a new document with `---`"),
    ("found unexpected document indicator", "A quoted value is still open at the end of its document.", "close the quotes"),
    ("unexpected end of stream", "The text ends inside a quoted value.", "close the quotes"),
)  # fmt: skip


def friendly(problem: str, context: str) -> tuple[str, str]:
    """Detail and hint for what libyaml says."""
    for words, detail, hint in _FRIENDLY:
        if words in problem:
            return f"{detail} (YAML: {problem})", hint
    return f"YAML: {' '.join(filter(None, (context, problem)))}.", ""
