"""What is worth knowing about data and no error: repeated records, secrets, personal data, control characters. Counted, never quoted."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.datasets.errors import named
from reconciler.datasets.flaws import Flaws
from reconciler.datasets.repeats import Repeat, Tally
from reconciler.domain.base import Value
from reconciler.domain.desired import DatasetSource
from reconciler.domain.diagnostic import Diagnostic, error, warning

_MEANING: dict[str, tuple[str, str, str]] = {
    "duplicate-record": (
        "Records come more than once",
        "each is trained on as often as it comes; remove those that are not meant to weigh more",
        "that came before",
    ),
    "prompt-on-both-sides": (
        "Validation data has prompts of the training data",
        "its loss looks better than the model is: remove them from one side",
        "held out, of which the prompt is trained on",
    ),
    "reserved-text": (
        "Records hold texts that the base model reserves",
        "write them otherwise: a job fails over System:, User:, Bot:, Assistant:, Thought:, [EOS], <image>, <video> and <unk>",
        "with a reserved text",
    ),
    "secret": (
        "Training data seems to hold secrets",
        "remove and revoke them: whoever can ask the model may get them out of it",
        "with what looks like a key, token or private key",
    ),
    "card-number": (
        "Training data seems to hold card numbers",
        "mask them: whoever can ask the model may get them out of it",
        "with what looks like a payment card's number",
    ),
    "email-address": (
        "Training data holds e-mail addresses",
        "mask them if they are people's: whoever can ask the model may get them out of it",
        "with an e-mail address",
    ),
    "control-character": (
        "Training data holds control characters",
        "remove them: they are rarely meant, and the model learns to write them",
        "with a control character other than tab and line break",
    ),
}


class Remark(Value):
    """``rows``: the first few, in words."""

    code: str
    count: int
    rows: tuple[str, ...]


def remarks(noticed: Flaws, duplicates: Tally, leaks: Tally) -> tuple[Remark, ...]:
    """In the order of what matters most."""
    found = {code: Remark(code=code, count=count, rows=_rows(noticed, code)) for code, count in noticed.counts.items()}
    for code, tally in (("duplicate-record", duplicates), ("prompt-on-both-sides", leaks)):
        if tally.count:
            found[code] = Remark(code=code, count=tally.count, rows=tuple(map(_place, tally.first)))
    return tuple(found[code] for code in _MEANING if code in found)


def warnings(noticed: tuple[Remark, ...], source: DatasetSource) -> tuple[Diagnostic, ...]:
    """Of all but what only some base models mind."""
    return tuple(_told_of(warning, remark, source) for remark in noticed if remark.code != "reserved-text")


def reserved(noticed: tuple[Remark, ...], source: DatasetSource) -> tuple[Diagnostic, ...]:
    """For base models that refuse reserved texts."""
    return tuple(_told_of(error, remark, source) for remark in noticed if remark.code == "reserved-text")


def _told_of(severity: Callable[..., Diagnostic], remark: Remark, source: DatasetSource) -> Diagnostic:
    summary, hint, what = _MEANING[remark.code]
    hidden = remark.count - len(remark.rows)
    rows = ", ".join(remark.rows) + (f" and {hidden:,} more" if hidden else "")
    records = "1 record" if remark.count == 1 else f"{remark.count:,} records"
    detail = f"{named(source)}: {records} {what}: row {rows}."
    return severity(remark.code, summary, detail=detail, hint=hint, where=source.where)


def _rows(noticed: Flaws, code: str) -> tuple[str, ...]:
    return tuple(f"{flaw.row:,}" for flaw in noticed.first(code))


def _place(repeat: Repeat) -> str:
    return f"{repeat.row:,} (as {repeat.first:,})"
