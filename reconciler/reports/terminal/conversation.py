"""``ask``: whose answer follows, and what it took."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.domain.conversing import Ending
from reconciler.domain.naming import short
from reconciler.domain.observation import Deployment, ModelObservation
from reconciler.reports.screen import Screen

_USUAL = frozenset({"stop", "end_turn", "stop_sequence", "eos_token"})
"""Finish reasons that say no more than that the model had said all."""


def draw_heading(screen: Screen, model: ModelObservation, deployment: Deployment, *, first: bool) -> None:
    if not first:
        screen.blank()
    version = f", version {short(deployment.fingerprint)}" if deployment.fingerprint else ""
    screen.line((model.name, "bold"), (f"  {model.provider}{version}", "dim"))


def draw_measures(screen: Screen, name: str, ending: Ending, first: float | None, total: float) -> None:
    """``open-bot: first piece after 0.21 s, 1.30 s in all; 12 tokens in, 40 out``."""
    screen.entry((f"{name}: ", "bold"), ("; ".join(_measures(ending, first, total)), "dim"))
    if ending.simulated:
        screen.entry((f"{name}: ", "bold"), ("simulated by the embedded cloud: no model was asked", "yellow"))


def _measures(ending: Ending, first: float | None, total: float) -> Iterator[str]:
    yield (
        f"{total:.2f} s, nothing was said"
        if first is None
        else f"first piece after {first:.2f} s, {total:.2f} s in all"
    )
    if ending.input_tokens is not None or ending.output_tokens is not None:
        yield f"{_count(ending.input_tokens)} tokens in, {_count(ending.output_tokens)} out"
    else:
        yield "tokens unknown"
    if ending.finish_reason is None:
        yield "it did not say that it had finished"
    elif ending.finish_reason not in _USUAL:
        yield f"ended by {ending.finish_reason}"


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,}"
