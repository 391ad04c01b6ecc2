"""Why a training failed, where SageMaker reads it: ``output/failure``, whose first 1,024 characters become the FailureReason.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html

What can never work begins with ``BadInput: ``. The exit code says the same, but AWS's launcher does not hand it on: its container ends
with 1 whatever the program ended with (``sagemaker_training/trainer.py``). Only where the program wrote no reason does it write one, with
the program's code in it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb

REASON_CHARACTERS = 1024
OUT_OF_MEMORY = (
    "the GPU's memory is not enough. Lower batchSize or sft_config.max_length, raise sft_config.gradient_accumulation_steps in exchange, "
    "train with use_lora, or take an instance with more GPU memory."
)
BAD_INPUT = "BadInput"
FAILED = 1
REFUSED = 65
"""``EX_DATAERR`` of BSD's sysexits.h."""


class BadInput(Exception):
    """The job was asked for something that can never be done: asked again, it would be refused again.

    The message is for the one who wrote the manifest.
    """


class NotGiven(Exception):
    """Something that the job needs from elsewhere was not given; another time it may be. The message is for people."""


@dataclass(frozen=True)
class Failure:
    """``reason``: one text for people. ``traced``: the trace tells something."""

    reason: str
    exit_code: int
    traced: bool


def refuse(problems: Iterable[str]) -> None:
    """Raises BadInput that tells all of them, where there are any."""
    told = list(problems)
    if told:
        raise BadInput(told[0] if len(told) == 1 else f"{len(told)} problems: " + "; ".join(told))


@contextmanager
def libraries_refusals() -> Iterator[None]:
    """Raises BadInput for what TRL or peft itself refuses meanwhile. What goes wrong in something that they call is another matter."""
    try:
        yield
    except (TypeError, ValueError) as wrong:
        match _raised_by(wrong):
            case "peft":
                raise BadInput(f"lora_config: {_line(wrong)}") from wrong
            case "trl":
                raise BadInput(_line(wrong)) from wrong
            case _:
                raise


def _raised_by(trouble: BaseException) -> str:
    """The package whose own code did."""
    *_, last = walk_tb(trouble.__traceback__)
    return str(last[0].f_globals.get("__name__")).partition(".")[0]


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean NAME?``, or nothing where no known name is like it."""
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def failure_of(trouble: BaseException) -> Failure:
    """
    ================= ============================== ========= ======
    trouble           reason                         exit code traced
    ================= ============================== ========= ======
    BadInput          ``BadInput: `` and its message 65        no
    NotGiven          its message                    1         no
    out of memory     what helps                     1         yes
    anything else     its kind and its message       1         yes
    ================= ============================== ========= ======
    """
    match trouble:
        case BadInput():
            return Failure(f"{BAD_INPUT}: {trouble}", REFUSED, traced=False)
        case NotGiven():
            return Failure(str(trouble), FAILED, traced=False)
        case _ if type(trouble).__name__ == "OutOfMemoryError":
            return Failure(f"OutOfMemoryError: {OUT_OF_MEMORY} ({_line(trouble)})", FAILED, traced=True)
        case _:
            return Failure(f"{type(trouble).__name__}: {trouble}".strip(), FAILED, traced=True)


def exit_code_of(reason: str) -> int:
    """Of a process that wrote this, which another one speaks for."""
    return REFUSED if reason.startswith(f"{BAD_INPUT}: ") else FAILED


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
