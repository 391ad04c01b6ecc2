import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.errors import InvalidInput
from reconciler.manifest.edit import edited
from reconciler.manifest.fmt import format_text
from reconciler.manifest.parse import parse

UNTIDY = """\

# the project
apiVersion:   reconciler/v1   # released
kind: Project
metadata: {name: acme, labels: {a: "x", b: 'y'}}
spec:
      cloud: local
      empty:
      # in front of the list
      emails:
      - no
      -   size: 0o10
          rate: 2.0e-5
      text: |
          # no comment
            deeper
      folded: >-
         a b
         c
---

b: ~
a: 1_000
"""

TIDY = """\
# the project
apiVersion: reconciler/v1     # released
kind: Project
metadata: {name: acme, labels: {a: "x", b: 'y'}}
spec:
  cloud: local
  empty:
  # in front of the list
  emails:
    - no
    - size: 0o10
      rate: 2.0e-5
  text: |
    # no comment
      deeper
  folded: >-
    a b
    c
---

b: ~
a: 1_000
"""


def test_layout() -> None:
    assert format_text(UNTIDY, "f.yaml") == TIDY


def test_a_file_from_windows_keeps_its_line_breaks_all_of_them() -> None:
    assert format_text(UNTIDY.replace("\n", "\r\n"), "f.yaml") == TIDY.replace("\n", "\r\n")
    assert format_text("a: 1\nb: 2 # why\r\nc: 3\n", "f.yaml") == "a: 1\nb: 2 # why\nc: 3\n"


def test_a_value_changed_in_a_file_from_windows() -> None:
    text = "kind: FineTunedModel # ours\r\nmetadata: {name: bot}\r\nspec:\r\n  revision: 1 # of two\r\n"
    assert edited(text, "bot", {("spec", "revision"): 2}) == text.replace("revision: 1", "revision: 2")


def test_text_without_a_canonical_layout_stays() -> None:
    """A flow mapping with an empty value cannot be written that way again."""
    assert format_text("a:   {b: , c: 1}\n", "f.yaml") == "a:   {b: , c: 1}\n"


def test_what_is_no_yaml_is_told() -> None:
    with pytest.raises(InvalidInput) as invalid:
        format_text("a: [\n", "f.yaml")
    assert [problem.code for problem in invalid.value.diagnostics] == ["invalid-yaml"]


def test_nothing_is_left_as_nothing() -> None:
    assert format_text("# only a comment\n", "f.yaml") == "# only a comment\n"


KEYS = st.sampled_from(["a", "b", "name", "is it", "x-y"])
SCALARS = st.sampled_from(
    ["1", "no", "true", "~", "2e-5", "1_000", "'it''s'", '"q: #"', "0x1F", "a b", "2026-01-01", "'08'", ""]
)


def _mapping(depth: int) -> st.SearchStrategy[list[str]]:
    """Lines of a block mapping."""
    entry = st.builds(
        lambda key, value, comment: [f"{key}: {value}{comment}"], KEYS, SCALARS, st.sampled_from(["", "  # why", " #"])
    )
    if depth:
        below = st.one_of(_mapping(depth - 1), _list(depth - 1))
        nested = st.builds(
            lambda key, pad, lines: [f"{key}:", *(" " * pad + line for line in lines)], KEYS, st.integers(1, 4), below
        )
        block = st.builds(
            lambda key, pad: [f"{key}: |", " " * pad + "# text", " " * pad + "  more"], KEYS, st.integers(1, 4)
        )
        entry = st.one_of(entry, nested, block)
    noise = st.sampled_from([[], [""], ["# note"], ["   # far note"]])
    return st.lists(
        st.tuples(noise, entry), min_size=1, max_size=3, unique_by=lambda pair: pair[1][0].split(":")[0]
    ).map(lambda pairs: [line for before, lines in pairs for line in (*before, *lines)])


def _list(depth: int) -> st.SearchStrategy[list[str]]:
    item = SCALARS.map(lambda scalar: [f"- {scalar}"])
    if depth:
        inner = _mapping(depth - 1).filter(lambda lines: not lines[0].lstrip().startswith("#") and bool(lines[0]))
        item = st.one_of(item, inner.map(lambda lines: [f"-   {lines[0]}", *("    " + line for line in lines[1:])]))
    return st.lists(item, min_size=1, max_size=3).map(lambda items: [line for lines in items for line in lines])


@settings(max_examples=150, deadline=None)
@given(st.lists(_mapping(2), min_size=1, max_size=2))
def test_formatting_keeps_the_meaning_and_the_comments_and_is_stable(documents: list[list[str]]) -> None:
    text = "---\n".join("\n".join(lines) + "\n" for lines in documents)
    before = parse(text, "f.yaml")
    assert not before.diagnostics
    once = format_text(text, "f.yaml")
    assert repr([d.value for d in parse(once, "f.yaml").documents]) == repr([d.value for d in before.documents])
    assert format_text(once, "f.yaml") == once
    assert once.count("#") == text.count("#")


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab:-#'\"[]{}|>&*!%@ \n\t,?~1", max_size=60))
def test_any_text_is_formatted_or_told(text: str) -> None:
    try:
        once = format_text(text, "f.yaml")
    except InvalidInput:
        return
    assert format_text(once, "f.yaml") == once
