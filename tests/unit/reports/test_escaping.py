"""Nothing that a manifest or the cloud says breaks out of its place in Markdown, HTML or a log of GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.domain.diagnostic import Location, error
from reconciler.domain.plan import Effect, FieldChange, FollowUp, Plan
from reconciler.domain.quantity import Cost
from reconciler.reports.annotations import workflow_commands
from reconciler.reports.escaping import comment_text, markdown_code, markdown_text, workflow_data, workflow_property
from reconciler.reports.markdown import (
    Frame,
    Outcome,
    drift_markdown,
    outcome_markdown,
    plan_markdown,
    problems_markdown,
    run_foot,
)
from reconciler.reports.sanitize import printable
from reconciler.reports.view.drift import DriftItem, DriftKind, DriftView
from tests.unit.reports.plans import DELETE, TRAIN, a_plan

PAYLOADS = (
    "@acme/admins #1 !7 $9 &3 ~bug %1 GH-5 owner/repo#4",
    "[click](https://evil.example) ![x](https://evil.example/x.png)",
    "<img src=x onerror=alert(1)> <script>alert(1)</script> </details><!-- --> </code>",
    "a | b || c \\| d",
    "**bold** _it_ ~~no~~ `code` ``` $x$ $$y$$ :tada:",
    "https://evil.example www.evil.example mallory@evil.example mailto:a@b.example",
    "\n::error file=x::owned\n# heading\n> [!NOTE]\n- item\n1. one\n| a |\n|---|",
    "##[error]owned ::set-output name=x::y ::stop-commands::z",
    "\x1b[31mred\x1b]0;t\x07 \u202egpj \u200b \r\n",
    "--> <!-- reconciler:plan:other: -->",
    "&lt;b&gt; &#64;team &commat;team \ue000@\ue000team",
    "[^1]: note [x]: https://evil.example \\",
    "- x",
    "1. x",
    "---",
    "    code",
)
HOSTILE = st.one_of(
    st.sampled_from(PAYLOADS),
    # Without lone surrogates: a plan that holds one cannot be written as JSON, and manifests with one are refused.
    st.text(
        st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("@#!$%~&^:*_`|<>[](){}\\-\n\ue000www.")),
        max_size=40,
    ),
)
PARSER = MarkdownIt("gfm-like", {"linkify": False})


def inner(markdown: str) -> list[Token]:
    """What a paragraph with this text in its middle consists of."""
    blocks = PARSER.parse(f"x {markdown} y")
    assert [block.type for block in blocks] == ["paragraph_open", "inline", "paragraph_close"]
    return blocks[1].children or []


def visible(text: str) -> str:
    return text.replace("\u200b", "")


@given(HOSTILE)
def test_prose_is_prose(text: str) -> None:
    tokens = inner(markdown_text(text))
    assert {token.type for token in tokens} <= {"text", "text_special"}
    shown = "".join(token.content for token in tokens)
    assert visible(shown).split() == f"x {printable(text)} y".replace("\ue000", "\\ue000").split()
    assert not re.search(r"[@#!$%~&^:]\S", shown.replace("\u200b", " "))
    assert not re.search(r"www\.|://", shown, re.IGNORECASE)


@given(HOSTILE)
def test_code_is_code(text: str) -> None:
    tokens = inner(markdown_code(text))
    assert {token.type for token in tokens} <= {"text", "text_special", "html_inline"}
    assert [token.content for token in tokens if token.type == "html_inline"] == ["<code>", "</code>"]
    shown = "".join(token.content for token in tokens if token.type != "html_inline")
    assert not re.search(r"@[^\s\u200b]|www\.|(https?|ftp)://", shown, re.IGNORECASE)
    assert visible(shown).split() == f"x {printable(text)} y".replace("\ue000", "\\ue000").split()


@given(HOSTILE)
def test_a_comment_is_not_left(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9./-]*", comment_text(text))
    assert "--" not in comment_text(text)


def hostile_plan(text: str) -> Plan:
    """The text wherever a plan has room for one."""
    change = {
        "address": f"FineTunedModel/{text}",
        "target": text,
        "instanceType": text,
        "reasons": ({"code": text, "message": text},),
        "fields": (FieldChange(path=text, before=text, after={text: text}, effect=Effect.RETRAIN),),
        "dependsOn": (text,),
        "then": (FollowUp(action=TRAIN.action, target=text, why=text),),
    }
    unknown = TRAIN.cost.model_copy(update={"monthly": Cost.not_known(text)}) if TRAIN.cost else None
    changes = [each.__class__.model_validate(each.model_dump(by_alias=True) | change) for each in (TRAIN, DELETE)]
    problem = error(text, text, detail=text, hint=text, address=text, where=Location(file=text, path=text))
    told = {"project": text, "environment": text, "region": text, "account": text, "cloud": text, "targets": (text,)}
    return a_plan(
        changes[0].model_copy(update={"cost": unknown}), changes[1], **told, prices_as_of=text, diagnostics=(problem,)
    )


def shape(markdown: str) -> Iterator[str]:
    """Blocks and inline marks, without their text; HTML by its tags."""
    for block in PARSER.parse(markdown):
        yield block.type
        if block.type == "html_block":
            yield from tags(block.content)
        for child in block.children or ():
            if child.type not in ("text", "text_special"):
                yield f"{child.type} {child.content}" if child.type == "html_inline" else child.type


def tags(content: str) -> list[str]:
    return re.findall(r"<!?-{0,2}\s*/?[A-Za-z]*", content)


@given(HOSTILE)
@settings(max_examples=60, deadline=None)
def test_a_plan_has_the_same_shape_whatever_it_says(text: str) -> None:
    assume(text)  # what is not there has no place either
    harmless, hostile = plan_markdown(hostile_plan("name")), plan_markdown(hostile_plan(text))
    assert list(shape(hostile)) == list(shape(harmless))
    assert not any(re.match(r"\s*(::|##\[)", line) for line in hostile.splitlines())
    assert "##[" not in hostile
    assert not any(ord(character) < 0x20 and character != "\n" for character in hostile)


def hostile_drift(text: str) -> DriftView:
    item = DriftItem(
        kind=DriftKind.DEPLOYMENT_CHANGED,
        address=text,
        provider=text,
        target=text,
        path=text,
        message=text,
        was=text,
        found=text,
        remedy=text,
        since=None,
        where=None,
        ignored=text,
    )
    return DriftView(text, text, text, text, text, (item,), (item,), (f"train {text}",), ((text, text),))


@given(HOSTILE)
@settings(max_examples=60, deadline=None)
def test_so_has_drift_and_what_came_of_a_plan(text: str) -> None:
    assume(text)
    for page in (drift_page, outcome_page):
        harmless, hostile = page("name"), page(text)
        assert list(shape(hostile)) == list(shape(harmless))
        assert [line for line in hostile.splitlines() if line.lstrip().startswith(("/", "::"))] == []


def drift_page(text: str) -> str:
    return drift_markdown(hostile_drift(text), digest=text, frame=Frame(foot=run_foot(text, text, approvable=True)))


def outcome_page(text: str) -> str:
    return outcome_markdown(Outcome("p", f"Not applied: {text}", (f"train {text}",), hostile_plan(text)))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x.example/) [a](b", "https://x.example/?a=b", "https://x/ y"]
)
def test_an_address_that_is_none_is_no_link(url: str) -> None:
    assert run_foot("", url) is None
    assert (
        run_foot("abc", "https://x.example/a/runs/7") == "Commit <code>abc</code> · [log](https://x.example/a/runs/7)"
    )


@pytest.mark.parametrize("text", PAYLOADS)
def test_problems_alone(text: str) -> None:
    hostile = problems_markdown(hostile_plan(text).diagnostics)
    assert list(shape(hostile)) == list(shape(problems_markdown(hostile_plan("name").diagnostics)))


@given(HOSTILE)
def test_a_workflow_command_is_one_line(text: str) -> None:
    assert not set("\r\n") & set(workflow_data(text))
    assert not set("\r\n:,") & set(workflow_property(text))
    lines = workflow_commands(hostile_plan(text).diagnostics).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("::error file=")


def test_a_workflow_command_is_escaped_as_the_toolkit_does() -> None:
    assert workflow_data("100%\nnext: a, b") == "100%25%0Anext: a, b"
    assert workflow_data("\ud800") == "\\ud800"
    assert workflow_property("C:\\x, 5%") == "C%3A\\x%2C 5%25"
