"""Why a training failed, where SageMaker reads it: ``output/failure``, whose first 1,024 characters become the FailureReason.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

REASON_CHARACTERS = 1024
OUT_OF_MEMORY = (
    "the GPU's memory is not enough. Lower batchSize or sft_config.max_length, raise sft_config.gradient_accumulation_steps in exchange, "
    "train with use_lora, or take an instance with more GPU memory."
)


class BadInput(Exception):
    """The job was asked for something that cannot be done. The message is for the one who wrote the manifest."""


def refuse(problems: Iterable[str]) -> None:
    """Raises BadInput that tells all of them, where there are any."""
    told = list(problems)
    if told:
        raise BadInput(told[0] if len(told) == 1 else f"{len(told)} problems: " + "; ".join(told))


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean NAME?``, or nothing where no known name is like it."""
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def reason(trouble: BaseException) -> str:
    """One text for people. ``BadInput`` speaks for itself; of other errors the kind is told, too."""
    if isinstance(trouble, BadInput):
        return str(trouble)
    if type(trouble).__name__ == "OutOfMemoryError":
        return f"OutOfMemoryError: {OUT_OF_MEMORY} ({_line(trouble)})"
    return f"{type(trouble).__name__}: {trouble}".strip()


def write_failure(path: Path, told: str) -> None:
    """The first of several processes that fail is the cause: what is there already stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(told[:REASON_CHARACTERS])
    except FileExistsError:
        return


def _line(trouble: BaseException) -> str:
    return " ".join(str(trouble).split())
