"""Records of a channel, and which of their tokens are learned. A tokenizer of single characters stands for the model's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Template

from reconciler.training.conversations import Conversation, read_conversations
from reconciler.training.encoding import encode, encode_all
from reconciler.training.failure import BadInput

USER, ASSISTANT = {"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Ho."}
CHATML = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
FORGETFUL = (
    "{% for m in messages %}<{{ m.role }}>{% if m.role != 'assistant' or loop.last %}{{ m.content }}{% endif %}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
"""Leaves out what the assistant said in former turns."""


class Characters:
    """Every character is a token, its code point the id."""

    eos_token = "$"

    def __init__(self, chat_template: str | None) -> None:
        self.chat_template = chat_template

    def apply_chat_template(self, messages: Any, *, tokenize: bool, add_generation_prompt: bool = False) -> str:
        assert self.chat_template is not None
        assert not tokenize
        template = Template(self.chat_template)
        return str(template.render(messages=messages, add_generation_prompt=add_generation_prompt))

    def __call__(self, text: str, *, add_special_tokens: bool, return_offsets_mapping: bool) -> dict[str, Any]:
        began = "^" if add_special_tokens else ""
        offsets = [(0, 0)] * len(began) + [(at, at + 1) for at in range(len(text))]
        return {"input_ids": [ord(each) for each in began + text], "offset_mapping": offsets}


def learned(*messages: dict[str, str], template: str | None = CHATML, is_pair: bool = False, **options: Any) -> str:
    """The text, with what is not learned as dots."""
    encoded = encode(Conversation(messages, is_pair), Characters(template), **{"max_length": None} | options)
    pairs = zip(encoded.input_ids, encoded.completion_mask, strict=True)
    return "".join(chr(token) if mask else "." for token, mask in pairs)


def test_the_answer_and_the_end_of_its_turn_are_learned() -> None:
    assert learned(USER, ASSISTANT) == "." * len("<user>Hi?</><assistant>") + "Ho.</>"


def test_every_answer_is_learned() -> None:
    system = {"role": "system", "content": "Be brief."}
    text = learned(system, USER, ASSISTANT, USER, ASSISTANT)
    assert text.strip(".").split("." * len("<user>Hi?</><assistant>")) == ["Ho.</>", "Ho.</>"]


def test_a_question_at_the_end_teaches_nothing() -> None:
    assert learned(USER, ASSISTANT, USER).rstrip(".").endswith("Ho.</>")


def test_a_template_that_forgets_leaves_the_last_answer() -> None:
    text = learned(USER, ASSISTANT, USER, ASSISTANT, template=FORGETFUL)
    assert text.strip(".") == "Ho.</>"
    assert text.startswith("." * len("<user>Hi?</><assistant></><user>"))


def test_an_answer_to_nothing_is_not_learned() -> None:
    assert learned(ASSISTANT, USER, ASSISTANT).count("Ho.</>") == 1
    with pytest.raises(BadInput, match="the last answer in no way"):
        learned(ASSISTANT)


def test_all_of_it_where_that_is_asked_for() -> None:
    assert learned(USER, ASSISTANT, completion_only=False) == "<user>Hi?</><assistant>Ho.</>"


def test_a_pair_needs_no_template() -> None:
    assert learned(USER, ASSISTANT, template=None, is_pair=True) == "....Ho.$"  # ^Hi? before it
    with pytest.raises(BadInput, match="has no chat template"):
        learned(USER, ASSISTANT, template=None)


def test_long_records_are_cut_and_those_without_an_answer_dropped() -> None:
    whole = len("<user>Hi?</><assistant>Ho.</>")
    long = {"role": "user", "content": "Hi?" * 100}
    conversations = [Conversation((USER, ASSISTANT)), Conversation((long, ASSISTANT))]
    corpus = encode_all(conversations, Characters(CHATML), max_length=whole - 2)
    assert (len(corpus.records), corpus.cut, corpus.dropped, corpus.tokens) == (1, 1, 1, whole - 2)
    assert corpus.columns()["completion_mask"][0][-4:] == [1, 1, 1, 1]
    with pytest.raises(BadInput, match="no record has an answer within max_length, 5 tokens"):
        encode_all(conversations, Characters(CHATML), max_length=5)


def read(folder: Path, *lines: Any) -> list[Conversation]:
    (folder / "a.jsonl").write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines))
    return read_conversations(folder)


def test_the_shapes_of_records(tmp_path: Path) -> None:
    told = read(
        tmp_path,
        {"messages": [USER, ASSISTANT], "other": 1},
        "",
        {"prompt": "Hi?", "completion": "Ho."},
        {"prompt": [USER], "completion": [ASSISTANT]},
    )
    assert told == [
        Conversation((USER, ASSISTANT)),
        Conversation((USER, ASSISTANT), is_pair=True),
        Conversation((USER, ASSISTANT)),
    ]


def test_all_files_by_name(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name, text in (("b.jsonl", "2"), ("sub/a.jsonl", "3"), ("a.jsonl", "1"), ("c.txt", "4")):
        (tmp_path / name).write_text(json.dumps({"prompt": text, "completion": "x"}))
    assert [each.messages[0]["content"] for each in read_conversations(tmp_path)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "it is not JSON"),
        ({"prompt": "Hi?"}, "it has neither `messages` nor `prompt` and `completion` with text in both"),
        ({"prompt": "Hi?", "completion": ""}, "it has neither"),
        ([1], "it has neither"),
        ({"messages": [USER]}, "no message of the assistant, so there is nothing to learn"),
        ({"messages": [USER, {"role": "assistant"}]}, "a message needs `role` and `content`, both texts"),
    ],
)
def test_a_record_that_is_none(tmp_path: Path, line: Any, told: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(tmp_path, {"prompt": "Hi?", "completion": "Ho."}, line)
    assert str(refused.value).startswith(f"{tmp_path.name}/a.jsonl, line 2: {told}")


def test_a_channel_without_records(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has no file \*\.jsonl; there is nothing"):
        read_conversations(tmp_path)
    with pytest.raises(BadInput, match="has no records"):
        read(tmp_path, "", "")
