"""Putting a question to a model that is deployed, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from reconciler.domain.base import Value
from reconciler.domain.observation import Deployment

SERVED = "model"
"""What a deployed model is called in requests to a container that serves several by name."""


class Question(Value):
    """``None`` leaves it to whatever serves the model. ``temperature`` 0: the likeliest answer."""

    prompt: str
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None


class Ending(Value):
    """How an answer ended. ``None``: the cloud did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    simulated: bool = False
    """No model was asked: the embedded cloud made the answer up, and said so."""


class Conversation(Protocol):
    """A provider's runtime."""

    def ask(self, deployment: Deployment, question: Question) -> Iterator[str | Ending]:
        """The pieces of the answer as they come, then one Ending. Raises CloudUnavailable, ReconcilerError where the model refuses."""
        ...
