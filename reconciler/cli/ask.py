"""``reconciler ask``: one question to deployed models."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.completing import model_names
from reconciler.cli.endings import code_of, draw_error
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation, pass_invocation, print_json
from reconciler.cli.options import json_option, project_options
from reconciler.cli.project import checked, opened, watching
from reconciler.cli.signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reconciler.domain.conversing import Question
    from reconciler.engine.converse import Answer, Listener
    from reconciler.engine.outside import Outside


def _finite(_ctx: click.Context, _param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter("it is no number")
    return value


def _given(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """``-``: all of standard input, without the line break that ends it."""
    try:
        text = sys.stdin.read().removesuffix("\n") if value == "-" else value
    except UnicodeDecodeError as wrong:
        raise click.BadParameter(f"standard input is not UTF-8: {wrong.reason}") from wrong
    if not text.strip():
        raise click.BadParameter("it is empty")
    return text


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=model_names)
@click.option("--prompt", required=True, metavar="TEXT", callback=_given, help="The question; - reads standard input.")
@click.option("--system", metavar="TEXT", help="Instructions that stand before it.")
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="The longest answer.")
@click.option(
    "--temperature",
    type=click.FloatRange(min=0),
    callback=_finite,
    metavar="T",
    help="0: the likeliest answer; what is not given is left to what serves the model.",
)
@project_options
@json_option
@pass_invocation
def ask(
    invocation: Invocation,
    names: tuple[str, ...],
    prompt: str,
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
) -> int:
    """Ask each deployed model NAME one question, one after the other.

    The answer goes to stdout as it comes; how long it took, and how many tokens it had, to stderr. A model that answers
    is paid for as for any other client: an endpoint by the hour, Bedrock on demand by tokens.
    """
    from reconciler.domain.conversing import Question
    from reconciler.engine.converse import listeners
    from reconciler.engine.observe import observe

    question = Question(prompt=prompt, system=system, max_tokens=max_tokens, temperature=temperature)
    project = opened(invocation)
    configuration = checked(project)
    with watching(invocation) as watch:
        outside = project.outside(watch, StopRequest())
        snapshot = observe(configuration.project, outside)
    asked = listeners((name.removeprefix("FineTunedModel/") for name in names), snapshot, configuration)
    put = _put_for_programs if invocation.json else _put
    answers = put(invocation, outside, asked, question)
    return ExitCode.ERROR if any(answer.trouble for answer in answers) else ExitCode.OK


def _put(invocation: Invocation, outside: Outside, asked: Sequence[Listener], question: Question) -> tuple[Answer, ...]:
    """A model that cannot answer keeps none of the others from it."""
    from reconciler.reports.terminal.conversation import draw_heading, draw_measures

    screen, aside = invocation.screen(), invocation.screen(sys.stderr)
    answers = []
    for number, listener in enumerate(asked):
        if len(asked) > 1:
            draw_heading(screen, listener.model, listener.deployment, first=number == 0)
        answer = _answer(outside, listener, question, screen.piece)
        if answer.text and not answer.text.endswith("\n"):
            screen.piece("\n")
        if answer.trouble is None:
            draw_measures(aside, listener.model.name, answer.ending, answer.first, answer.total)
        else:
            draw_error(aside, answer.trouble, about=f"{listener.model.name}: ")
        answers.append(answer)
    return tuple(answers)


def _put_for_programs(
    invocation: Invocation, outside: Outside, asked: Sequence[Listener], question: Question
) -> tuple[Answer, ...]:
    answers = tuple(_answer(outside, listener, question, lambda _piece: None) for listener in asked)
    told = [_document(listener, answer) for listener, answer in zip(asked, answers, strict=True)]
    print_json({"question": question.model_dump(mode="json", by_alias=True), "answers": told})
    return answers


def _answer(outside: Outside, listener: Listener, question: Question, tell: Callable[[str], None]) -> Answer:
    from reconciler.engine.converse import converse

    return converse(outside.conversations[listener.model.provider], listener.deployment, question, tell)


def _document(listener: Listener, answer: Answer) -> dict[str, Any]:
    trouble = answer.trouble
    return {
        "model": listener.model.name,
        "provider": str(listener.model.provider),
        "deployment": listener.deployment.name,
        "fingerprint": listener.deployment.fingerprint,
        "text": answer.text,
        **answer.ending.model_dump(mode="json", by_alias=True),
        "firstPieceSeconds": answer.first,
        "totalSeconds": answer.total,
        "error": trouble and {"code": code_of(trouble), "message": str(trouble), "hint": trouble.hint},
    }
